// Many Modbus machines in one small process, for benchmarks: what is measured is the master.
//   modbus-device tcp COUNT MUTE   COUNT loopback ports; the first MUTE of them listen and never answer
//   modbus-device pty BAUD         one serial machine on a pseudo terminal, paced as 8N1 at that speed
// Prints "port N" per machine or "pty PATH", then "ready"; on SIGTERM "requests N".
// Register a reads a & 0x7FFF; 65000 and 65001 count the requests. Functions 3 and 4 only.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;
static unsigned long requests;
static void on_term(int signal) { (void)signal; stopping = 1; }

static int answer(const uint8_t *pdu, uint8_t *out) {
    int address = pdu[1] << 8 | pdu[2], count = pdu[3] << 8 | pdu[4];
    if (pdu[0] != 3 && pdu[0] != 4) { out[0] = pdu[0] | 0x80; out[1] = 1; return 2; }
    if (count < 1 || count > 125) { out[0] = pdu[0] | 0x80; out[1] = 3; return 2; }
    out[0] = pdu[0];
    out[1] = count * 2;
    for (int i = 0; i < count; i++) {
        int value = (address + i) & 0x7FFF;
        if (address + i == 65000) value = requests >> 16 & 0xFFFF;
        if (address + i == 65001) value = requests & 0xFFFF;
        out[2 + i * 2] = value >> 8;
        out[3 + i * 2] = value & 255;
    }
    requests++;
    return 2 + count * 2;
}

static uint16_t crc(const uint8_t *bytes, int count) {
    uint16_t sum = 0xFFFF;
    for (int i = 0; i < count; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xA001 : sum >> 1;
    }
    return sum;
}

static int serve_tcp(int machines, int mute) {
    int epoll = epoll_create1(0);
    struct rlimit limit = { 65536, 65536 };
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < machines; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 16)) { perror("listen"); return 1; }
        getsockname(fd, (struct sockaddr *)&address, &size);
        printf("port %d\n", ntohs(address.sin_port));
        if (i < mute) continue;
        struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)fd << 1 | 1 };
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
    printf("ready\n");
    fflush(stdout);
    while (!stopping) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 1000);
        for (int i = 0; i < ready; i++) {
            int fd = (int)(events[i].data.u64 >> 1);
            if (events[i].data.u64 & 1) {
                int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
                if (client < 0) continue;
                int on = 1;
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)client << 1 };
                epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            uint8_t in[260], out[260];
            ssize_t got = recv(fd, in, sizeof in, 0);
            if (got <= 0) { close(fd); continue; }
            // Masters under test send one whole request at a time.
            if (got < 12) continue;
            memcpy(out, in, 7);
            int length = answer(in + 7, out + 7) + 1;
            out[4] = length >> 8;
            out[5] = length & 255;
            if (send(fd, out, 6 + length, MSG_NOSIGNAL) < 0) close(fd);
        }
    }
    return 0;
}

static void sleep_until(struct timespec *time, double seconds) {
    time->tv_nsec += (long)(seconds * 1e9);
    while (time->tv_nsec >= 1000000000) { time->tv_nsec -= 1000000000; time->tv_sec++; }
    while (!stopping && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, time, NULL) == EINTR) {}
}

static int serve_pty(int baud) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
    int held = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct termios raw;
    tcgetattr(held, &raw);
    cfmakeraw(&raw);
    tcsetattr(held, TCSANOW, &raw);
    printf("pty %s\nready\n", ptsname(master));
    fflush(stdout);
    double character = 10.0 / baud;
    uint8_t in[256], out[256];
    while (!stopping) {
        int have = 0;
        while (have < 8 && !stopping) {
            struct pollfd waiting = { .fd = master, .events = POLLIN };
            if (poll(&waiting, 1, 1000) <= 0) continue;
            ssize_t got = read(master, in + have, 8 - have);
            if (got <= 0) return 1;
            have += got;
        }
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (crc(in, 6) != (in[6] | in[7] << 8)) continue;
        out[0] = in[0];
        int length = 1 + answer(in + 1, out + 1);
        uint16_t sum = crc(out, length);
        out[length++] = sum & 255;
        out[length++] = sum >> 8;
        // The request and 3.5 characters of silence go by, then the answer arrives.
        sleep_until(&now, character * (8 + 3.5 + length));
        if (write(master, out, length) < 0) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGTERM, on_term);
    int result = 64;
    if (argc == 4 && !strcmp(argv[1], "tcp")) result = serve_tcp(atoi(argv[2]), atoi(argv[3]));
    if (argc == 3 && !strcmp(argv[1], "pty")) result = serve_pty(atoi(argv[2]));
    printf("requests %lu\n", requests);
    return result;
}
