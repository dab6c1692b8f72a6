// The plainest master there is: libmodbus in a loop on one connection, FC3 x 100, for some seconds.
//   libmodbus-loop PORT SECONDS   prints requests per second and processor microseconds per request
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (!bus || modbus_connect(bus)) return 69;
    uint16_t words[100];
    double start = now(CLOCK_MONOTONIC), end = start + atof(argv[2]);
    unsigned long count = 0;
    while (now(CLOCK_MONOTONIC) < end) {
        if (modbus_read_registers(bus, 0, 100, words) != 100) return 70;
        count++;
    }
    double span = now(CLOCK_MONOTONIC) - start;
    printf("%.0f %.3f\n", count / span, now(CLOCK_PROCESS_CPUTIME_ID) / count * 1e6);
    return 0;
}
