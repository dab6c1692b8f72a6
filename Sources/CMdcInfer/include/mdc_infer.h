// Native client of mdc-agent's inference plane: requests and results in memory shared with the
// server. While both sides are busy no system call is made. One thread per client.
//
//   mdc_infer *client;
//   char why[MDC_INFER_WHY];
//   if (mdc_infer_open("/run/mdc-inference/ring.sock", "mlp", 8, 1, &client, why)) ...
//   float *x = mdc_infer_input(client, 0, 0);       // slot 0, first input: write your rows
//   mdc_infer_submit(client, 0, 1, 42);             // slot 0, 1 row, your own number
//   mdc_infer_result result;
//   mdc_infer_reap(client, &result, 1000, 5000);    // result.number == 42, result.status == 0
//   const float *y = mdc_infer_output(client, result.slot, 0);
//   mdc_infer_close(client);
//
// Layout of the memory, little-endian, the same for every language (see also ring.py):
//   0    "MDCRING1"
//   64   u32 submitted (client counts up)     128  u32 taken (server)
//   192  u32 server sleeps (1: ring the doorbell after submitting)
//   256  u32 completed (server counts up)     320  u32 reaped (client)
//   384  u32 client sleeps (client sets 1 before it waits on its doorbell)
//   512  u32 slots (a power of two), u32 rows per slot, u64 bytes per slot, u64 first slot's offset,
//        u32 inputs, u32 outputs
//   1024 submissions: slots x { u32 slot, u32 rows, u64 number }
//   2048 completions: slots x { u32 slot, u32 status, u64 number, u64 nanoseconds, u64 0 }
//   4096 tensors, inputs first: { u64 row bytes, u64 offset in the slot, u32 element bytes, u32 0, char name[40] }
// Status 0 is success; otherwise an HTTP status: 400 bad request, 500 the engine failed, 503 not now.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MDC_INFER_WHY = 256, MDC_INFER_SLOTS_MAX = 64 };

typedef struct mdc_infer mdc_infer;
typedef struct {
    uint32_t slot;
    uint32_t status;
    uint64_t number;
    uint64_t nanoseconds;  // from submission seen to completion
} mdc_infer_result;

// 0, or -errno with the reason in `why`. `slots` requests may be under way at once (a power of two,
// at most 64), each of at most `rows` rows.
int mdc_infer_open(const char *socket_path, const char *model, uint32_t slots, uint32_t rows,
                   mdc_infer **client, char why[MDC_INFER_WHY]);
void mdc_infer_close(mdc_infer *client);

uint32_t mdc_infer_input_count(const mdc_infer *client);
uint32_t mdc_infer_output_count(const mdc_infer *client);
// Name and bytes per row of a tensor, counted over inputs and then outputs.
const char *mdc_infer_tensor_name(const mdc_infer *client, uint32_t tensor);
size_t mdc_infer_row_bytes(const mdc_infer *client, uint32_t tensor);
// Where the rows of a slot lie. NULL when there is no such slot or tensor.
void *mdc_infer_input(mdc_infer *client, uint32_t slot, uint32_t input);
const void *mdc_infer_output(const mdc_infer *client, uint32_t slot, uint32_t output);

// The slot belongs to the server until it is reaped. 0, or -EINVAL, -EBUSY (ring full).
int mdc_infer_submit(mdc_infer *client, uint32_t slot, uint32_t rows, uint64_t number);
// Takes one completion; looks `spins` times before it sleeps for at most `timeout_ms` (-1: for ever).
// 0, -ETIMEDOUT, or -EPIPE when the server is gone.
int mdc_infer_reap(mdc_infer *client, mdc_infer_result *result, int spins, int timeout_ms);

#ifdef __cplusplus
}
#endif
