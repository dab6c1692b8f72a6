// What HTTP over loopback could do here at best: one thread on epoll that receives a request of a known
// size and answers with as many bytes of payload. It reads nothing of what it gets and checks nothing:
// no server that does its work can pass it.   http-bound PORT REQUEST-BYTES ANSWER-BYTES
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CLIENTS = 1024 };
static size_t received[CLIENTS], sent[CLIENTS];

int main(int count, char **words) {
    if (count != 4) return 64;
    size_t request = strtoul(words[2], NULL, 10), answer = strtoul(words[3], NULL, 10);
    char *memory = calloc(1, request + answer + 4096), head[256];
    int head_bytes = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", answer);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int door = socket(AF_INET, SOCK_STREAM, 0), on = 1, loop = epoll_create1(0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, 512)) return 1;
    struct epoll_event event = { .events = EPOLLIN, .data.fd = door }, ready[64];
    epoll_ctl(loop, EPOLL_CTL_ADD, door, &event);
    puts("ready");
    fflush(stdout);
    while (1) {
        int woken = epoll_wait(loop, ready, 64, -1);
        for (int i = 0; i < woken; i++) {
            int client = ready[i].data.fd;
            if (client == door) {
                int fresh = accept4(door, NULL, NULL, SOCK_NONBLOCK);
                if (fresh < 0) continue;
                if (fresh >= CLIENTS) { close(fresh); continue; }
                received[fresh] = sent[fresh] = 0;
                setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                event = (struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fresh };
                epoll_ctl(loop, EPOLL_CTL_ADD, fresh, &event);
                continue;
            }
            while (1) {
                if (received[client] < request) {
                    ssize_t got = recv(client, memory, request - received[client] + 1, 0);
                    if (got == 0) { close(client); break; }
                    if (got < 0) break;
                    received[client] += (size_t)got;
                    if (received[client] < request) continue;
                }
                struct iovec parts[2] = { { head, (size_t)head_bytes }, { memory, answer } };
                size_t done = sent[client];
                int first = done >= (size_t)head_bytes;
                if (first) done -= (size_t)head_bytes;
                parts[first].iov_base = (char *)parts[first].iov_base + done;
                parts[first].iov_len -= done;
                ssize_t put = writev(client, parts + first, 2 - first);
                if (put < 0) break;
                sent[client] += (size_t)put;
                if (sent[client] < (size_t)head_bytes + answer) continue;
                received[client] = sent[client] = 0;
                break;
            }
        }
    }
}
