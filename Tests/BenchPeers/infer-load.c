// Clients of the inference plane on one thread that never sleeps: on a virtual machine a client that
// sleeps makes the server pay for waking its processor, and that would be measured instead.
//   infer-load PORT MODEL COLUMNS CLIENTS SECONDS RATE TIMEOUT-US
// RATE 0: every client sends when it has its answer. Otherwise RATE requests a second, whatever becomes of
// them. TIMEOUT-US 0: the requests name no time-out.
// Prints: sent, answered 200, refused 503, others, not sent for want of a free client,
//   p99 of a refusal and p50, p99 of an answer in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, SAMPLES_MAX = 1 << 21, HEAD_MAX = 4096, SCRAP = 1 << 18 };
typedef struct {
    int socket, busy, status;
    size_t unsent, head_got, missing;
    double began;
    char head[HEAD_MAX + 1];
} client;
static client clients[CLIENTS_MAX];
typedef struct { size_t count; float seconds[SAMPLES_MAX]; } samples;
static samples good, refused;
static size_t others, sent;
static char *request, scrap[SCRAP];
static size_t request_bytes;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static double percentile(samples *all, double part) {
    size_t count = all->count < SAMPLES_MAX ? all->count : SAMPLES_MAX;
    if (count == 0) return 0;
    qsort(all->seconds, count, sizeof *all->seconds, by_size);
    return all->seconds[(size_t)((double)(count - 1) * part)] * 1e6;
}

static void note(samples *all, double seconds) { all->seconds[all->count++ % SAMPLES_MAX] = (float)seconds; }

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void push(client *c) {
    while (c->unsent > 0) {
        ssize_t put = send(c->socket, request + request_bytes - c->unsent, c->unsent, MSG_NOSIGNAL);
        if (put < 0) {
            if (errno == EAGAIN) return;
            fail("the server closed a connection");
        }
        c->unsent -= (size_t)put;
    }
}

static void ask(client *c, double at) {
    c->busy = 1;
    c->began = at;
    c->unsent = request_bytes;
    c->head_got = c->missing = 0;
    c->status = 0;
    sent++;
    push(c);
}

// 1: the whole answer is there and was noted.
static int take(client *c) {
    while (1) {
        char *place = c->status ? scrap : c->head + c->head_got;
        size_t room = c->status ? (c->missing < SCRAP ? c->missing : SCRAP) : HEAD_MAX - c->head_got;
        ssize_t got = recv(c->socket, place, room, 0);
        if (got <= 0) {
            if (got < 0 && errno == EAGAIN) return 0;
            fail("the server closed a connection");
        }
        if (c->status) {
            c->missing -= (size_t)got;
        } else {
            c->head_got += (size_t)got;
            c->head[c->head_got] = 0;
            char *end = memmem(c->head, c->head_got, "\r\n\r\n", 4);
            if (!end) continue;
            *end = 0;
            char *length = strcasestr(c->head, "\r\ncontent-length:");
            if (!length) fail("an answer without a length");
            c->status = atoi(c->head + 9);
            size_t here = c->head_got - (size_t)(end + 4 - c->head), whole = strtoul(length + 17, NULL, 10);
            if (here > whole) fail("more than an answer");
            c->missing = whole - here;
        }
        if (c->missing > 0) continue;
        double took = now() - c->began;
        if (c->status == 200) note(&good, took);
        else if (c->status == 503) note(&refused, took);
        else others++;
        c->busy = 0;
        return 1;
    }
}

static void compose(char **words) {
    size_t payload = 4 * strtoul(words[3], NULL, 10);
    char json[512], timeout[64] = "";
    if (atoi(words[7]) > 0) snprintf(timeout, sizeof timeout, ",\"parameters\":{\"timeout\":%.20s}", words[7]);
    int json_bytes = snprintf(json, sizeof json,
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,%s],\"datatype\":\"FP32\",\"parameters\":{\"binary_data_size\":%zu}}],"
        "\"outputs\":[{\"name\":\"y\",\"parameters\":{\"binary_data\":true}}]%s}", words[3], payload, timeout);
    request = calloc(1, 2048 + payload);
    int head_bytes = sprintf(request,
        "POST /v2/models/%.100s/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
        "Inference-Header-Content-Length: %d\r\n\r\n%s", words[2], (size_t)json_bytes + payload, json_bytes, json);
    request_bytes = (size_t)head_bytes + payload;
}

int main(int count, char **words) {
    if (count == 4) {  // infer-load length MODEL COLUMNS: how long such a request is
        char *known[] = { "", "", words[2], words[3], "", "", "", "0" };
        compose(known);
        printf("%zu\n", request_bytes);
        return 0;
    }
    if (count != 8) return 64;
    int number = atoi(words[4]), loop = epoll_create1(0), on = 1;
    double seconds = atof(words[5]), rate = atof(words[6]);
    if (number < 1 || number > CLIENTS_MAX) return 64;
    compose(words);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < number; i++) {
        client *c = &clients[i];
        c->socket = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->socket, (struct sockaddr *)&address, sizeof address)) { perror("connect"); return 1; }
        setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = (uint32_t)i };
        fcntl(c->socket, F_SETFL, O_NONBLOCK);
        epoll_ctl(loop, EPOLL_CTL_ADD, c->socket, &event);
    }
    size_t starved = 0;
    double start = now(), end = start + seconds, due = start, at = start;
    int next = 0, busy = number;
    if (rate == 0) for (int i = 0; i < number; i++) ask(&clients[i], start);
    while (at < end || (busy > 0 && at < end + 1)) {
        while (rate > 0 && at < end && due <= at) {
            int tried = 0;
            while (tried < number && clients[next].busy) { next = (next + 1) % number; tried++; }
            if (tried == number) starved++;
            else ask(&clients[next], at);
            due += 1 / rate;
        }
        struct epoll_event ready[64];
        int woken = epoll_wait(loop, ready, 64, 0);
        at = now();
        for (int i = 0; i < woken; i++) {
            client *c = &clients[ready[i].data.u32];
            if (ready[i].events & EPOLLOUT) push(c);
            if (!(ready[i].events & EPOLLIN) || !c->busy || !take(c)) continue;
            if (rate == 0 && at < end) ask(c, now());
        }
        if (at >= end) {
            busy = 0;
            for (int i = 0; i < number; i++) busy += clients[i].busy;
        }
    }
    printf("%zu %zu %zu %zu %zu %.0f %.1f %.1f\n", sent, good.count, refused.count, others, starved,
           percentile(&refused, 0.99), percentile(&good, 0.5), percentile(&good, 0.99));
    return 0;
}
