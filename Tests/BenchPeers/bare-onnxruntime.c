// What the processor could do at best: ONNX Runtime in a loop through the agent's own shim, tensors
// prepared once, and memcpy of the same bytes. Prints runs per second of the best of five.
//   bare-onnxruntime LIBRARY MODEL INPUT-COLUMNS OUTPUT-COLUMNS BATCH
#define _GNU_SOURCE
#include "COnnxRuntime.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int count, char **words) {
    if (count != 6) return 64;
    char why[ORT_WHY];
    int64_t columns = atoi(words[3]), results = atoi(words[4]), batch = atoi(words[5]);
    ort_session_plan plan = { .model_path = words[2], .provider = "CPU", .threads = 1 };
    ort_session *session;
    ort_value *input, *output;
    int64_t in_dims[2] = { batch, columns }, out_dims[2] = { batch, results };
    size_t in_bytes = 4 * (size_t)(batch * columns), out_bytes = 4 * (size_t)(batch * results);
    void *in = aligned_alloc(64, (in_bytes + 63) / 64 * 64), *out = aligned_alloc(64, (out_bytes + 63) / 64 * 64);
    memset(in, 0, in_bytes);
    if (ort_load(words[1], why) || ort_open(&plan, &session, why) ||
        ort_tensor(in, in_bytes, ORT_FLOAT, in_dims, 2, &input, why) ||
        ort_tensor(out, out_bytes, ORT_FLOAT, out_dims, 2, &output, why)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    double best = 0, copies = 0;
    for (int round = 0; round < 5; round++) {
        double start = now(), took;
        long runs = 0;
        do {
            for (int i = 0; i < 10; i++, runs++) if (ort_run(session, &input, &output, why)) return 1;
            took = now() - start;
        } while (took < 0.4);
        if ((double)runs / took > best) best = (double)runs / took;
        start = now();
        runs = 0;
        do { memcpy(out, in, out_bytes < in_bytes ? out_bytes : in_bytes); runs++; took = now() - start; } while (took < 0.2);
        if ((double)runs / took > copies) copies = (double)runs / took;
    }
    printf("%.0f %.0f\n", best, copies);
    return 0;
}
