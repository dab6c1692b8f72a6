// Round trips of one native client: p50 and p99 in microseconds.   ring-client SOCKET MODEL
#define _GNU_SOURCE
#include "mdc_infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int count, char **words) {
    enum { ROUNDS = 100000 };
    static double times[ROUNDS];
    char why[MDC_INFER_WHY];
    mdc_infer *client;
    if (count != 3) return 64;
    if (mdc_infer_open(words[1], words[2], 1, 1, &client, why)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    double end = now() + 4;
    int rounds = 0;
    while (rounds < ROUNDS && now() < end) {
        mdc_infer_result result;
        double start = now();
        if (mdc_infer_submit(client, 0, 1, 0) || mdc_infer_reap(client, &result, 100000, 5000) || result.status) return 1;
        times[rounds++] = (now() - start) * 1e6;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_size);
    printf("%.1f %.1f\n", times[rounds / 2], times[rounds - 1 - rounds / 100]);
    mdc_infer_close(client);
    return 0;
}
