// Holds lines of a chip by the agent's own calls of libgpiod and prints what it sees, for the version of
// the library that Debian 12 does not link: lines CHIP COUNT SECONDS.
#include "shim.h"
#include <stdio.h>
#include <time.h>

int main(int count, char **words) {
    if (count != 4) return 64;
    unsigned lines = (unsigned)atoi(words[2]);
    struct cg_wanted_line wanted[CG_LINES_MAX] = { 0 };
    if (lines == 0 || lines > CG_LINES_MAX) return 64;
    // The upper end of the chip: the lower lines are the agent's.
    for (unsigned i = 0; i < lines; i++) wanted[i].offset = 64 - lines + i;
    struct cg_held *held = NULL;
    int failed = cg_hold(words[1], wanted, lines, "rig-lines", &held);
    if (failed) { printf("{\"error\": %d}\n", failed); return 1; }
    uint64_t bits = 0;
    if (cg_held_levels(held, &bits)) return 1;
    printf("{\"libgpiod\": %d, \"levels\": %llu}\n", cg_libgpiod_major, (unsigned long long)bits);
    fflush(stdout);
    time_t ends = time(NULL) + atoi(words[3]);
    unsigned edges = 0, rising = 0, last = 0;
    while (time(NULL) < ends) {
        struct pollfd ready = { .fd = cg_held_descriptor(held, 0), .events = POLLIN };
        if (poll(&ready, 1, 100) < 1) continue;
        struct cg_edge found[64];
        int got;
        while ((got = cg_held_read(held, found, 64)) > 0)
            for (int i = 0; i < got; i++) {
                edges++;
                rising += found[i].is_rising;
                last = found[i].sequence;
            }
        if (got < 0) { printf("{\"gone\": %d}\n", got); break; }
    }
    int still = cg_held_levels(held, &bits);
    printf("{\"edges\": %u, \"rising\": %u, \"sequence\": %u, \"levels\": %llu, \"failed\": %d}\n", edges, rising, last,
           (unsigned long long)bits, still);
    cg_release(held);
    return 0;
}
