#include "COnnxRuntime.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Slots of the OrtApi table; append-only by ONNX Runtime's own promise (onnxruntime_c_api.h).
enum {
    GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, DISABLE_TELEMETRY = 6, CREATE_SESSION = 7, RUN = 9,
    CREATE_SESSION_OPTIONS = 10, SET_LOG_SEVERITY = 22, SET_GRAPH_OPTIMIZATION = 23, SET_INTRA_THREADS = 24,
    SET_INTER_THREADS = 25, INPUT_COUNT = 30, OUTPUT_COUNT = 31, INPUT_TYPE_INFO = 33, OUTPUT_TYPE_INFO = 34,
    INPUT_NAME = 36, OUTPUT_NAME = 37, CREATE_TENSOR = 48, CREATE_TENSOR_WITH_DATA = 49, TENSOR_DATA = 51,
    FILL_STRINGS = 52, STRINGS_LENGTH = 53, STRINGS_CONTENT = 54, CAST_TO_TENSOR_INFO = 55, ONNX_TYPE = 56,
    ELEMENT_TYPE = 60, DIMENSIONS_COUNT = 61, DIMENSIONS = 62, ELEMENT_COUNT = 64, TENSOR_TYPE_AND_SHAPE = 65,
    CREATE_CPU_MEMORY_INFO = 69, ALLOCATOR_FREE = 76, DEFAULT_ALLOCATOR = 78, RELEASE_STATUS = 93,
    RELEASE_SESSION = 95, RELEASE_VALUE = 96, RELEASE_TYPE_INFO = 98, RELEASE_TENSOR_INFO = 99,
    RELEASE_SESSION_OPTIONS = 100, AVAILABLE_PROVIDERS = 125, RELEASE_AVAILABLE_PROVIDERS = 126,
    ADD_CONFIG_ENTRY = 130, APPEND_PROVIDER = 216,
};
enum { API_VERSION = 16, ARENA_ALLOCATOR = 1, MEMORY_DEFAULT = 0, ONNX_TENSOR = 1, LOG_ERRORS = 3 };

typedef void *status;
typedef struct { const void *const *(*get_api)(uint32_t); const char *(*version)(void); } api_base;

static const void *const *api;
static const char *version_text = "";
static void *environment, *memory_info, *allocator;

#define CALL(slot, ...) ((status (*)(__VA_ARGS__))api[slot])
#define RELEASE(slot, object) (((void (*)(void *))api[slot])(object))
#define TRY(call) do { if (failed((call), why)) return 1; } while (0)

static bool failed(status problem, char *why) {
    if (!problem) return false;
    snprintf(why, ORT_WHY, "%s", ((const char *(*)(status))api[GET_ERROR_MESSAGE])(problem));
    RELEASE(RELEASE_STATUS, problem);
    return true;
}

static int refuse(char *why, const char *text) {
    snprintf(why, ORT_WHY, "%s", text);
    return 1;
}

static int load(const char *library, char *why) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return refuse(why, dlerror());
    const api_base *(*get_base)(void) = (const api_base *(*)(void))dlsym(handle, "OrtGetApiBase");
    if (!get_base) return refuse(why, "the library has no OrtGetApiBase: not ONNX Runtime");
    const api_base *base = get_base();
    api = base->get_api(API_VERSION);
    if (!api) return refuse(why, "this ONNX Runtime is older than 1.16");
    version_text = base->version();
    TRY(CALL(CREATE_ENV, int, const char *, void **)(LOG_ERRORS, "mdc", &environment));
    CALL(DISABLE_TELEMETRY, void *)(environment);
    TRY(CALL(CREATE_CPU_MEMORY_INFO, int, int, void **)(ARENA_ALLOCATOR, MEMORY_DEFAULT, &memory_info));
    TRY(CALL(DEFAULT_ALLOCATOR, void **)(&allocator));
    return 0;
}

// Lanes that are threads load at the same time.
int ort_load(const char *library, char *why) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool is_loaded;
    pthread_mutex_lock(&lock);
    int failed = is_loaded ? 0 : load(library, why);
    if (!failed) is_loaded = true;
    pthread_mutex_unlock(&lock);
    return failed;
}

const char *ort_version(void) { return version_text; }

int ort_providers(char *text, size_t capacity, char *why) {
    char **names = NULL;
    int count = 0;
    TRY(CALL(AVAILABLE_PROVIDERS, char ***, int *)(&names, &count));
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < count && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%s", i ? " " : "", names[i]);
    TRY(CALL(RELEASE_AVAILABLE_PROVIDERS, char **, int)(names, count));
    return 0;
}

struct ort_session {
    void *session;
    size_t input_count, output_count;
    char **names;  // inputs first, then outputs
};

static int add_provider(void *options, const ort_session_plan *plan, char *why) {
    if (plan->provider[0] == 0 || strcmp(plan->provider, "CPU") == 0) return 0;
    TRY(CALL(APPEND_PROVIDER, void *, const char *, const char *const *, const char *const *, size_t)(
        options, plan->provider, plan->option_keys, plan->option_values, plan->option_count));
    return 0;
}

static int configure(void *options, const ort_session_plan *plan, char *why) {
    TRY(CALL(SET_LOG_SEVERITY, void *, int)(options, LOG_ERRORS));
    TRY(CALL(SET_INTRA_THREADS, void *, int)(options, plan->threads));
    TRY(CALL(SET_INTER_THREADS, void *, int)(options, 1));
    TRY(CALL(SET_GRAPH_OPTIMIZATION, void *, int)(options, 99));
    // A thread that spins for its next piece of work takes the core from the other lanes.
    TRY(CALL(ADD_CONFIG_ENTRY, void *, const char *, const char *)(
        options, "session.intra_op.allow_spinning", "0"));
    return add_provider(options, plan, why);
}

static int name_tensors(ort_session *session, char *why) {
    TRY(CALL(INPUT_COUNT, void *, size_t *)(session->session, &session->input_count));
    TRY(CALL(OUTPUT_COUNT, void *, size_t *)(session->session, &session->output_count));
    session->names = calloc(session->input_count + session->output_count, sizeof *session->names);
    if (!session->names) return refuse(why, "out of memory");
    for (size_t i = 0; i < session->input_count + session->output_count; i++) {
        bool is_input = i < session->input_count;
        size_t index = is_input ? i : i - session->input_count;
        TRY(CALL(is_input ? INPUT_NAME : OUTPUT_NAME, void *, size_t, void *, char **)(
            session->session, index, allocator, &session->names[i]));
    }
    return 0;
}

int ort_open(const ort_session_plan *plan, ort_session **result, char *why) {
    ort_session *session = calloc(1, sizeof *session);
    void *options = NULL;
    if (!session) return refuse(why, "out of memory");
    int bad = failed(CALL(CREATE_SESSION_OPTIONS, void **)(&options), why) || configure(options, plan, why) ||
        failed(CALL(CREATE_SESSION, void *, const char *, void *, void **)(
            environment, plan->model_path, options, &session->session), why) ||
        name_tensors(session, why);
    if (options) RELEASE(RELEASE_SESSION_OPTIONS, options);
    if (bad) { ort_close(session); return 1; }
    *result = session;
    return 0;
}

void ort_close(ort_session *session) {
    if (!session) return;
    for (size_t i = 0; session->names && i < session->input_count + session->output_count; i++)
        if (session->names[i]) CALL(ALLOCATOR_FREE, void *, void *)(allocator, session->names[i]);
    free(session->names);
    if (session->session) RELEASE(RELEASE_SESSION, session->session);
    free(session);
}

size_t ort_input_count(const ort_session *session) { return session->input_count; }
size_t ort_output_count(const ort_session *session) { return session->output_count; }

// Element type and shape from a tensor-type-and-shape record of theirs.
static int read_shape(void *shape, int32_t *type, int64_t *dims, int32_t *rank, char *why) {
    int element = 0;
    size_t count = 0;
    TRY(CALL(ELEMENT_TYPE, void *, int *)(shape, &element));
    TRY(CALL(DIMENSIONS_COUNT, void *, size_t *)(shape, &count));
    *type = element;
    *rank = count > ORT_RANK ? -1 : (int32_t)count;
    if (count <= ORT_RANK) TRY(CALL(DIMENSIONS, void *, int64_t *, size_t)(shape, dims, count));
    return 0;
}

int ort_describe(const ort_session *session, bool is_input, size_t index, ort_tensor_info *info, char *why) {
    memset(info, 0, sizeof *info);
    snprintf(info->name, sizeof info->name, "%s", session->names[is_input ? index : session->input_count + index]);
    void *type_info = NULL;
    TRY(CALL(is_input ? INPUT_TYPE_INFO : OUTPUT_TYPE_INFO, void *, size_t, void **)(
        session->session, index, &type_info));
    int kind = 0;
    void *shape = NULL;  // belongs to type_info
    int bad = failed(CALL(ONNX_TYPE, void *, int *)(type_info, &kind), why);
    if (!bad && kind == ONNX_TENSOR)
        bad = failed(CALL(CAST_TO_TENSOR_INFO, void *, void **)(type_info, &shape), why) ||
            read_shape(shape, &info->type, info->dims, &info->rank, why);
    RELEASE(RELEASE_TYPE_INFO, type_info);
    return bad;
}

int ort_tensor(void *bytes, size_t byte_count, int32_t type, const int64_t *dims, size_t rank, ort_value **value,
               char *why) {
    TRY(CALL(CREATE_TENSOR_WITH_DATA, void *, void *, size_t, const int64_t *, size_t, int, void **)(
        memory_info, bytes, byte_count, dims, rank, type, (void **)value));
    return 0;
}

void ort_release(ort_value *value) { if (value) RELEASE(RELEASE_VALUE, value); }

static uint32_t length_at(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int ort_string_tensor(const void *packed, size_t byte_count, const int64_t *dims, size_t rank, ort_value **value,
                      char *why) {
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        if (dims[i] < 0 || __builtin_mul_overflow(count, (size_t)dims[i], &count)) return refuse(why, "absurd shape");
    if (count > byte_count / 4) return refuse(why, "fewer string elements than the shape asks for");
    // Terminated copies: their call takes C strings.
    char **texts = calloc(count + 1, sizeof *texts);
    char *space = malloc(byte_count + count + 1);
    int bad = !texts || !space ? refuse(why, "out of memory") : 0;
    size_t at = 0, written = 0;
    for (size_t i = 0; !bad && i < count; i++) {
        if (byte_count - at < 4) { bad = refuse(why, "a string element is cut off"); break; }
        size_t length = length_at((const unsigned char *)packed + at);
        at += 4;
        if (length > byte_count - at) { bad = refuse(why, "a string element is cut off"); break; }
        texts[i] = space + written;
        memcpy(texts[i], (const char *)packed + at, length);
        texts[i][length] = 0;
        written += length + 1;
        at += length;
    }
    if (!bad) bad = failed(CALL(CREATE_TENSOR, void *, const int64_t *, size_t, int, void **)(
        allocator, dims, rank, ORT_STRING, (void **)value), why);
    if (!bad && failed(CALL(FILL_STRINGS, void *, const char *const *, size_t)(
        *value, (const char *const *)texts, count), why)) {
        ort_release(*value);
        *value = NULL;
        bad = 1;
    }
    free(space);
    free(texts);
    return bad;
}

static size_t element_bytes(int32_t type) {
    switch (type) {
    case ORT_UINT8: case ORT_INT8: case ORT_BOOL: return 1;
    case ORT_UINT16: case ORT_INT16: case ORT_FLOAT16: case ORT_BFLOAT16: return 2;
    case ORT_FLOAT: case ORT_INT32: case ORT_UINT32: return 4;
    case ORT_INT64: case ORT_DOUBLE: case ORT_UINT64: return 8;
    default: return 0;
    }
}

int ort_inspect(ort_value *value, int32_t *type, int64_t *dims, int32_t *rank, size_t *byte_count, void **bytes,
                char *why) {
    void *shape = NULL;
    size_t elements = 0;
    *bytes = NULL;
    TRY(CALL(TENSOR_TYPE_AND_SHAPE, void *, void **)(value, &shape));
    int bad = read_shape(shape, type, dims, rank, why) ||
        failed(CALL(ELEMENT_COUNT, void *, size_t *)(shape, &elements), why);
    RELEASE(RELEASE_TENSOR_INFO, shape);
    if (bad) return 1;
    *byte_count = elements * element_bytes(*type);
    if (*type != ORT_STRING) TRY(CALL(TENSOR_DATA, void *, void **)(value, bytes));
    return 0;
}

int ort_pack_strings(ort_value *value, void *packed, size_t capacity, size_t *byte_count, char *why) {
    int32_t type, rank;
    int64_t dims[ORT_RANK];
    size_t unused, length = 0, count = 1;
    void *none;
    if (ort_inspect(value, &type, dims, &rank, &unused, &none, why)) return 1;
    for (int32_t i = 0; i < rank; i++) count *= (size_t)dims[i];
    TRY(CALL(STRINGS_LENGTH, void *, size_t *)(value, &length));
    *byte_count = length + 4 * count;
    if (*byte_count > capacity) return 0;
    char *text = malloc(length + 1);
    size_t *offsets = malloc((count + 1) * sizeof *offsets);
    int bad = !text || !offsets ? refuse(why, "out of memory")
        : failed(CALL(STRINGS_CONTENT, void *, void *, size_t, size_t *, size_t)(
            value, text, length, offsets, count), why);
    unsigned char *at = packed;
    for (size_t i = 0; !bad && i < count; i++) {
        size_t size = (i + 1 < count ? offsets[i + 1] : length) - offsets[i];
        for (int shift = 0; shift < 32; shift += 8) *at++ = (unsigned char)(size >> shift);
        memcpy(at, text + offsets[i], size);
        at += size;
    }
    free(offsets);
    free(text);
    return bad;
}

int ort_run(ort_session *session, ort_value *const *inputs, ort_value **outputs, char *why) {
    TRY(CALL(RUN, void *, const void *, char **, ort_value *const *, size_t, char **, size_t, ort_value **)(
        session->session, NULL, session->names, inputs, session->input_count,
        session->names + session->input_count, session->output_count, outputs));
    return 0;
}
