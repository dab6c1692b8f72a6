#define _GNU_SOURCE
#include "mdc_infer.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SUBMITTED = 64, TAKEN = 128, SERVER_SLEEPS = 192, COMPLETED = 256, REAPED = 320, CLIENT_SLEEPS = 384 };
enum { SHAPE = 512, SUBMISSIONS = 1024, COMPLETIONS = 2048, TENSORS = 4096 };

struct hello { char magic[8]; uint32_t slots, rows; char model[112]; };
struct welcome { uint32_t status; char why[252]; };
struct submission { uint32_t slot, rows; uint64_t number; };
struct completion { uint32_t slot, status; uint64_t number, nanoseconds, unused; };
struct tensor { uint64_t row_bytes, offset; uint32_t element_bytes, unused; char name[40]; };
struct shape { uint32_t slots, rows; uint64_t slot_bytes, first_slot; uint32_t inputs, outputs; };

struct mdc_infer {
    int socket, to_server, from_server;
    char *memory;
    size_t bytes;
    struct shape shape;
};

static _Atomic uint32_t *word(const mdc_infer *client, size_t at) { return (_Atomic uint32_t *)(client->memory + at); }

static int refuse(mdc_infer *client, char *why, const char *what, int error) {
    snprintf(why, MDC_INFER_WHY, "%s: %s", what, strerror(error));
    mdc_infer_close(client);
    return -error;
}

// The server's answer and its three descriptors: memory, doorbell to the server, doorbell from it.
static int take_welcome(mdc_infer *client, struct welcome *welcome, int *memory) {
    union { struct cmsghdr header; char space[CMSG_SPACE(3 * sizeof(int))]; } control;
    struct iovec part = { welcome, sizeof *welcome };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    ssize_t got;
    do { got = recvmsg(client->socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL); } while (got == -1 && errno == EINTR);
    if (got == -1) return errno;
    if (got != sizeof *welcome) return EPROTO;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_len != CMSG_LEN(3 * sizeof(int))) return welcome->status ? 0 : EPROTO;
    int given[3];
    memcpy(given, CMSG_DATA(header), sizeof given);
    *memory = given[0];
    client->to_server = given[1];
    client->from_server = given[2];
    return 0;
}

int mdc_infer_open(const char *path, const char *model, uint32_t slots, uint32_t rows, mdc_infer **result,
                   char why[MDC_INFER_WHY]) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct hello hello = { .magic = "MDCRING1", .slots = slots, .rows = rows };
    mdc_infer *client = calloc(1, sizeof *client);
    if (!client) return -ENOMEM;
    client->socket = client->to_server = client->from_server = -1;
    if (strlen(path) >= sizeof address.sun_path || strlen(model) >= sizeof hello.model)
        return refuse(client, why, "name too long", ENAMETOOLONG);
    strcpy(address.sun_path, path);
    strcpy(hello.model, model);
    client->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->socket == -1) return refuse(client, why, "socket", errno);
    if (connect(client->socket, (struct sockaddr *)&address, sizeof address) == -1)
        return refuse(client, why, path, errno);
    if (send(client->socket, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
        return refuse(client, why, "send", errno ? errno : EPIPE);
    struct welcome welcome;
    int memory = -1, failed = take_welcome(client, &welcome, &memory);
    if (failed) return refuse(client, why, "no welcome", failed);
    if (welcome.status) {
        snprintf(why, MDC_INFER_WHY, "%.250s", welcome.why);
        mdc_infer_close(client);
        return -EACCES;
    }
    struct stat status;
    if (fstat(memory, &status) == 0) {
        client->bytes = (size_t)status.st_size;
        client->memory = mmap(NULL, client->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0);
    }
    int error = errno;
    close(memory);
    if (!client->memory || client->memory == MAP_FAILED) {
        client->memory = NULL;
        return refuse(client, why, "map", error);
    }
    memcpy(&client->shape, client->memory + SHAPE, sizeof client->shape);
    *result = client;
    return 0;
}

void mdc_infer_close(mdc_infer *client) {
    if (!client) return;
    if (client->memory) munmap(client->memory, client->bytes);
    if (client->socket >= 0) close(client->socket);
    if (client->to_server >= 0) close(client->to_server);
    if (client->from_server >= 0) close(client->from_server);
    free(client);
}

uint32_t mdc_infer_input_count(const mdc_infer *client) { return client->shape.inputs; }
uint32_t mdc_infer_output_count(const mdc_infer *client) { return client->shape.outputs; }

static const struct tensor *tensor_at(const mdc_infer *client, uint32_t index) {
    if (index >= client->shape.inputs + client->shape.outputs) return NULL;
    return (const struct tensor *)(client->memory + TENSORS) + index;
}

const char *mdc_infer_tensor_name(const mdc_infer *client, uint32_t tensor) {
    const struct tensor *found = tensor_at(client, tensor);
    return found ? found->name : NULL;
}

size_t mdc_infer_row_bytes(const mdc_infer *client, uint32_t tensor) {
    const struct tensor *found = tensor_at(client, tensor);
    return found ? found->row_bytes : 0;
}

static char *place(const mdc_infer *client, uint32_t slot, uint32_t index) {
    const struct tensor *found = tensor_at(client, index);
    if (!found || slot >= client->shape.slots) return NULL;
    return client->memory + client->shape.first_slot + slot * client->shape.slot_bytes + found->offset;
}

void *mdc_infer_input(mdc_infer *client, uint32_t slot, uint32_t input) {
    return input < client->shape.inputs ? place(client, slot, input) : NULL;
}

const void *mdc_infer_output(const mdc_infer *client, uint32_t slot, uint32_t output) {
    return output < client->shape.outputs ? place(client, slot, client->shape.inputs + output) : NULL;
}

int mdc_infer_submit(mdc_infer *client, uint32_t slot, uint32_t rows, uint64_t number) {
    if (slot >= client->shape.slots || rows == 0 || rows > client->shape.rows) return -EINVAL;
    uint32_t tail = atomic_load_explicit(word(client, SUBMITTED), memory_order_relaxed);
    if (tail - atomic_load_explicit(word(client, TAKEN), memory_order_acquire) >= client->shape.slots) return -EBUSY;
    struct submission *entry = (struct submission *)(client->memory + SUBMISSIONS) + tail % client->shape.slots;
    *entry = (struct submission){ slot, rows, number };
    atomic_store_explicit(word(client, SUBMITTED), tail + 1, memory_order_seq_cst);
    if (atomic_exchange(word(client, SERVER_SLEEPS), 0)) {
        uint64_t one = 1;
        if (write(client->to_server, &one, sizeof one) == -1 && errno != EAGAIN) return -errno;
    }
    return 0;
}

static int take(mdc_infer *client, mdc_infer_result *result) {
    uint32_t head = atomic_load_explicit(word(client, REAPED), memory_order_relaxed);
    if (head == atomic_load_explicit(word(client, COMPLETED), memory_order_acquire)) return 0;
    const struct completion *entry =
        (const struct completion *)(client->memory + COMPLETIONS) + head % client->shape.slots;
    *result = (mdc_infer_result){ entry->slot, entry->status, entry->number, entry->nanoseconds };
    atomic_store_explicit(word(client, REAPED), head + 1, memory_order_release);
    return 1;
}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int mdc_infer_reap(mdc_infer *client, mdc_infer_result *result, int spins, int timeout_ms) {
    for (int i = 0; i < spins; i++) {
        if (take(client, result)) return 0;
        relax();
    }
    while (1) {
        atomic_store(word(client, CLIENT_SLEEPS), 1);
        if (take(client, result)) { atomic_store(word(client, CLIENT_SLEEPS), 0); return 0; }
        struct pollfd waiting[2] = { { client->from_server, POLLIN, 0 }, { client->socket, POLLIN, 0 } };
        int ready = poll(waiting, 2, timeout_ms);
        if (ready == -1 && errno != EINTR) return -errno;
        if (ready == 0) return take(client, result) ? 0 : -ETIMEDOUT;
        if (ready > 0 && waiting[0].revents) {
            uint64_t count;
            if (read(client->from_server, &count, sizeof count) == -1 && errno != EAGAIN) return -errno;
        }
        if (take(client, result)) return 0;
        if (ready > 0 && waiting[1].revents) return -EPIPE;
    }
}
