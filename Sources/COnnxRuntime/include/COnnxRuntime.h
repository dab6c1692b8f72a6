// ONNX Runtime by dlopen: only slot numbers of its append-only function table are used, no header of
// theirs. One runtime per process. Every call returns 0, or non-zero with the reason in `why`
// (at most ORT_WHY bytes, terminated).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORT_WHY = 512, ORT_NAME = 128, ORT_RANK = 8 };

typedef struct ort_session ort_session;
typedef struct ort_value ort_value;

// ONNX's element types (TensorProto.DataType), as its function table speaks them.
enum {
    ORT_FLOAT = 1, ORT_UINT8 = 2, ORT_INT8 = 3, ORT_UINT16 = 4, ORT_INT16 = 5, ORT_INT32 = 6, ORT_INT64 = 7,
    ORT_STRING = 8, ORT_BOOL = 9, ORT_FLOAT16 = 10, ORT_DOUBLE = 11, ORT_UINT32 = 12, ORT_UINT64 = 13,
    ORT_BFLOAT16 = 16,
};

typedef struct {
    char name[ORT_NAME];
    int32_t type;  // an element type above; 0: not a tensor
    int32_t rank;  // -1: more than ORT_RANK dimensions
    int64_t dims[ORT_RANK];  // -1: free
} ort_tensor_info;

typedef struct {
    const char *model_path;
    // "" or "CPU": the built-in CPU provider; any other name is appended by name with the options.
    const char *provider;
    const char *const *option_keys;
    const char *const *option_values;
    size_t option_count;
    int32_t threads;
} ort_session_plan;

int ort_load(const char *library, char *why);
const char *ort_version(void);
// "CPUExecutionProvider ..." into `text`.
int ort_providers(char *text, size_t capacity, char *why);

int ort_open(const ort_session_plan *plan, ort_session **session, char *why);
void ort_close(ort_session *session);
size_t ort_input_count(const ort_session *session);
size_t ort_output_count(const ort_session *session);
int ort_describe(const ort_session *session, bool is_input, size_t index, ort_tensor_info *info, char *why);

// A tensor over memory of the caller's; nothing is copied.
int ort_tensor(void *bytes, size_t byte_count, int32_t type, const int64_t *dims, size_t rank,
               ort_value **value, char *why);
// A string tensor from packed elements (u32 little-endian length, bytes); the runtime keeps copies.
int ort_string_tensor(const void *packed, size_t byte_count, const int64_t *dims, size_t rank,
                      ort_value **value, char *why);
void ort_release(ort_value *value);
// What a tensor that the runtime made holds. `bytes` is null for strings.
int ort_inspect(ort_value *value, int32_t *type, int64_t *dims, int32_t *rank, size_t *byte_count,
                void **bytes, char *why);
// A string tensor as packed elements; the count needed when `capacity` is too small (nothing written).
int ort_pack_strings(ort_value *value, void *packed, size_t capacity, size_t *byte_count, char *why);

// Inputs and outputs in the order of the model. An output that is null on entry is made by the
// runtime and released by the caller.
int ort_run(ort_session *session, ort_value *const *inputs, ort_value **outputs, char *why);
