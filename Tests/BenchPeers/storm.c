// Clients that do not wait for one another: RATE requests a second to one model, whatever becomes of
// them, each with a time-out of its own. RATE 0: every client waits for its answer (the peak).
//   storm PORT MODEL COLUMNS CLIENTS SECONDS RATE TIMEOUT-US
// Prints: sent, answered 200, refused 503, others, not sent for want of a free client,
//   p99 of a refusal and p50, p99 of an answer in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, SAMPLES_MAX = 1 << 20, ANSWER_MAX = 16384 };
static struct { int socket, busy; size_t got; double began; char answer[ANSWER_MAX]; } clients[CLIENTS_MAX];
static double good[SAMPLES_MAX], refused[SAMPLES_MAX];
static size_t good_count, refused_count, other_count;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(double *samples, size_t count, double part) {
    if (count == 0) return 0;
    qsort(samples, count, sizeof *samples, by_size);
    return samples[(size_t)((double)(count - 1) * part)] * 1e6;
}

// 1: the whole answer is there and was noted.
static int receive(int index) {
    while (1) {
        ssize_t got = recv(clients[index].socket, clients[index].answer + clients[index].got,
                           ANSWER_MAX - 1 - clients[index].got, 0);
        if (got <= 0) {
            if (got == -1 && (errno == EAGAIN || errno == EINTR)) return 0;
            fprintf(stderr, "the server closed a connection\n");
            exit(1);
        }
        clients[index].got += (size_t)got;
        clients[index].answer[clients[index].got] = 0;
        char *end = memmem(clients[index].answer, clients[index].got, "\r\n\r\n", 4);
        char *length = end ? strcasestr(clients[index].answer, "\r\ncontent-length:") : NULL;
        if (!length || length > end) continue;
        if (clients[index].got < (size_t)(end + 4 - clients[index].answer) + strtoul(length + 17, NULL, 10)) continue;
        int status = atoi(clients[index].answer + 9);
        double took = now() - clients[index].began;
        if (status == 200 && good_count < SAMPLES_MAX) good[good_count++] = took;
        else if (status == 503 && refused_count < SAMPLES_MAX) refused[refused_count++] = took;
        else other_count++;
        clients[index].busy = 0;
        clients[index].got = 0;
        return 1;
    }
}

int main(int count, char **words) {
    if (count != 8) return 64;
    int number = atoi(words[4]), columns = atoi(words[3]), loop = epoll_create1(0), on = 1;
    double seconds = atof(words[5]), rate = atof(words[6]);
    if (number < 1 || number > CLIENTS_MAX) return 64;
    char json[512], *request = calloc(1, 2048 + (size_t)columns * 4);
    int json_bytes = snprintf(json, sizeof json,
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,%d],\"datatype\":\"FP32\",\"parameters\":{\"binary_data_size\":%d}}],"
        "\"parameters\":{\"binary_data_output\":true,\"timeout\":%s}}", columns, columns * 4, words[7]);
    int head_bytes = sprintf(request,
        "POST /v2/models/%.100s/infer HTTP/1.1\r\nHost: storm\r\nContent-Length: %d\r\n"
        "Inference-Header-Content-Length: %d\r\n\r\n%s", words[2], json_bytes + columns * 4, json_bytes, json);
    size_t request_bytes = (size_t)head_bytes + (size_t)columns * 4;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < number; i++) {
        clients[i].socket = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(clients[i].socket, (struct sockaddr *)&address, sizeof address)) { perror("connect"); return 1; }
        setsockopt(clients[i].socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
        epoll_ctl(loop, EPOLL_CTL_ADD, clients[i].socket, &event);
    }
    size_t sent = 0, starved = 0;
    double start = now(), end = start + seconds, due = start;
    int next = 0;
    while (now() < end + 1) {
        while (now() < end && (rate == 0 || due <= now())) {
            int tried = 0;
            while (tried < number && clients[next].busy) { next = (next + 1) % number; tried++; }
            if (tried == number) {
                if (rate == 0) break;
                starved++;
                due += 1 / rate;
                continue;
            }
            clients[next].busy = 1;
            clients[next].began = now();
            if (send(clients[next].socket, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) return 1;
            sent++;
            if (rate > 0) due += 1 / rate;
        }
        struct epoll_event ready[64];
        int woken = epoll_wait(loop, ready, 64, now() < end && rate > 0 ? 0 : 1);
        for (int i = 0; i < woken; i++) receive((int)ready[i].data.u32);
        if (now() >= end && good_count + refused_count + other_count == sent) break;
    }
    printf("%zu %zu %zu %zu %zu %.0f %.0f %.0f\n", sent, good_count, refused_count, other_count, starved,
           percentile(refused, refused_count, 0.99), percentile(good, good_count, 0.5), percentile(good, good_count, 0.99));
    return 0;
}
