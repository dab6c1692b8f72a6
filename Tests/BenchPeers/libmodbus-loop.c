// The plainest master there is: libmodbus in a loop on one connection, FC3 x 100, for some seconds.
//   libmodbus-loop PORT SECONDS   prints requests per second
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (!bus || modbus_connect(bus)) return 69;
    uint16_t words[100];
    double start = now(), end = start + atof(argv[2]);
    unsigned long count = 0;
    while (now() < end) {
        if (modbus_read_registers(bus, 0, 100, words) != 100) return 70;
        count++;
    }
    printf("%.0f\n", count / (now() - start));
    return 0;
}
