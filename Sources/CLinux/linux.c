#define _GNU_SOURCE
#include <pthread.h>
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RETRY(expression) ({ __typeof__(expression) _r; do { _r = (expression); } while (_r == -1 && errno == EINTR); _r == -1 ? -(ssize_t)errno : _r; })
#define OR_ERRNO(expression) ({ int _r = (expression); _r == -1 ? -errno : _r; })

int cl_epoll_create(void) { return OR_ERRNO(epoll_create1(EPOLL_CLOEXEC)); }

int cl_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = { .events = events, .data.u64 = token };
    return OR_ERRNO(epoll_ctl(epoll, operation, fd, &event));
}

int cl_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms) {
    int ready = epoll_wait(epoll, events, capacity, timeout_ms);
    if (ready == -1) return errno == EINTR ? 0 : -errno;
    return ready;
}

uint64_t cl_epoll_token(const struct epoll_event *event) { return event->data.u64; }
uint32_t cl_epoll_events(const struct epoll_event *event) { return event->events; }

int cl_eventfd(unsigned int initial) { return OR_ERRNO(eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK)); }

int cl_eventfd_signal(int fd) {
    uint64_t one = 1;
    return (int)RETRY(write(fd, &one, sizeof one));
}

int cl_eventfd_drain(int fd) {
    uint64_t count;
    return (int)RETRY(read(fd, &count, sizeof count));
}

int cl_timerfd(void) { return OR_ERRNO(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }

int cl_timerfd_arm(int fd, int64_t deadline_ns) {
    struct itimerspec spec = { .it_value = { deadline_ns / 1000000000, deadline_ns % 1000000000 } };
    return OR_ERRNO(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
}

int cl_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failed) return -failed;
    return OR_ERRNO(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int cl_signalfd_read(int fd) {
    struct signalfd_siginfo info;
    ssize_t got = RETRY(read(fd, &info, sizeof info));
    return got < 0 ? (int)got : (int)info.ssi_signo;
}

int cl_memfd(const char *name, bool huge_pages) {
    return OR_ERRNO(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge_pages ? MFD_HUGETLB : 0)));
}

int cl_memfd_seal_size(int fd) { return OR_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)); }
int cl_memfd_seals(int fd) { return OR_ERRNO(fcntl(fd, F_GET_SEALS)); }

int cl_open(const char *path, int flags, unsigned int mode) { return (int)RETRY(open(path, flags | O_CLOEXEC, mode)); }
int cl_openat(int directory, const char *path, int flags, unsigned int mode) {
    return (int)RETRY(openat(directory, path, flags | O_CLOEXEC, mode));
}
ssize_t cl_read(int fd, void *bytes, size_t count) { return RETRY(read(fd, bytes, count)); }
ssize_t cl_pread(int fd, void *bytes, size_t count, off_t offset) { return RETRY(pread(fd, bytes, count, offset)); }
ssize_t cl_write(int fd, const void *bytes, size_t count) { return RETRY(write(fd, bytes, count)); }
ssize_t cl_writev(int fd, const struct iovec *parts, int count) { return RETRY(writev(fd, parts, count)); }
ssize_t cl_readv(int fd, const struct iovec *parts, int count) { return RETRY(readv(fd, parts, count)); }
ssize_t cl_recv(int fd, void *bytes, size_t count, int flags) { return RETRY(recv(fd, bytes, count, flags)); }
ssize_t cl_send(int fd, const void *bytes, size_t count, int flags) {
    return RETRY(send(fd, bytes, count, flags | MSG_NOSIGNAL));
}
int cl_accept(int fd) { return (int)RETRY(accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

int cl_set_nonblocking(int fd, bool on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1) return -errno;
    return OR_ERRNO(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

// A numeric IPv4 or IPv6 address; 0 when the text is neither.
static socklen_t inet_address(const char *address, uint16_t port, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    struct sockaddr_in *four = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return sizeof *four;
    }
    if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return sizeof *six;
    }
    return 0;
}

static socklen_t unix_address(const char *path, struct sockaddr_un *address) {
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->sun_path) return 0;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    if (path[0] == '@') {
        address->sun_path[0] = 0;
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
    return sizeof *address;
}

static int fail(int fd) {
    int error = errno;
    close(fd);
    return -error;
}

int cl_listen_tcp(const char *address, uint16_t port, int backlog) {
    struct sockaddr_storage storage;
    socklen_t length = inet_address(address, port, &storage);
    if (length == 0) return -EINVAL;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) return -errno;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1) return fail(fd);
    if (bind(fd, (struct sockaddr *)&storage, length) == -1) return fail(fd);
    if (listen(fd, backlog) == -1) return fail(fd);
    return fd;
}

int cl_listen_unix(const char *path, int backlog, unsigned int mode) {
    struct sockaddr_un address;
    socklen_t length = unix_address(path, &address);
    if (length == 0) return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) return -errno;
    if (bind(fd, (struct sockaddr *)&address, length) == -1) {
        // A path left by a process that died: taken over only when nobody answers on it.
        if (errno != EADDRINUSE || path[0] == '@') return fail(fd);
        int probe = cl_connect_unix(path);
        if (probe >= 0) { close(probe); close(fd); return -EADDRINUSE; }
        if (unlink(path) == -1 || bind(fd, (struct sockaddr *)&address, length) == -1) return fail(fd);
    }
    if (path[0] != '@' && chmod(path, mode) == -1) return fail(fd);
    if (listen(fd, backlog) == -1) return fail(fd);
    return fd;
}

int cl_connect_unix(const char *path) {
    struct sockaddr_un address;
    socklen_t length = unix_address(path, &address);
    if (length == 0) return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) return -errno;
    if (connect(fd, (struct sockaddr *)&address, length) == -1) return fail(fd);
    return fd;
}

int cl_set_socket_timeout(int fd, int timeout_ms) {
    struct timeval span = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof span) == -1) return -errno;
    return OR_ERRNO(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &span, sizeof span));
}

int cl_connect_tcp(const char *text, uint16_t port, int timeout_ms) {
    return cl_connect_tcp_stoppable(text, port, timeout_ms, -1);
}

int cl_connect_tcp_stoppable(const char *text, uint16_t port, int timeout_ms, int stop) {
    struct sockaddr_storage storage;
    socklen_t length = inet_address(text, port, &storage);
    if (length == 0) return -EINVAL;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) return -errno;
    if (connect(fd, (struct sockaddr *)&storage, length) == -1) {
        if (errno != EINPROGRESS) return fail(fd);
        struct pollfd waiting[2] = { { .fd = fd, .events = POLLOUT }, { .fd = stop, .events = POLLIN } };
        int ready = (int)RETRY(poll(waiting, 2, timeout_ms));
        if (ready == 0) { close(fd); return -ETIMEDOUT; }
        if (ready > 0 && waiting[1].revents) { close(fd); return -ECANCELED; }
        int error = 0;
        socklen_t size = sizeof error;
        if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1) return fail(fd);
        if (error) { close(fd); return -error; }
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (cl_set_nonblocking(fd, false) < 0) return fail(fd);
    return fd;
}

int cl_uevent_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (fd == -1) return -errno;
    // Group 1 is the kernel itself; group 2 would be udev's copies.
    struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1) return fail(fd);
    return fd;
}

int cl_local_port(int fd) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) == -1) return -errno;
    if (storage.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    if (storage.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
    return -EAFNOSUPPORT;
}

int cl_set_tcp_nodelay(int fd) {
    int on = 1;
    return OR_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

int cl_peer_address(int fd, uint64_t *high, uint64_t *low, uint16_t *port) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getpeername(fd, (struct sockaddr *)&storage, &length) == -1) return -errno;
    uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };
    if (storage.ss_family == AF_INET) memcpy(bytes + 12, &((struct sockaddr_in *)&storage)->sin_addr, 4);
    else if (storage.ss_family == AF_INET6) memcpy(bytes, &((struct sockaddr_in6 *)&storage)->sin6_addr, 16);
    else return -EAFNOSUPPORT;
    // The port stands at the same place in both.
    *port = ntohs(((struct sockaddr_in *)&storage)->sin_port);
    *high = 0;
    *low = 0;
    for (int i = 0; i < 8; i++) {
        *high = *high << 8 | bytes[i];
        *low = *low << 8 | bytes[8 + i];
    }
    return 0;
}

int cl_block_broken_pipe(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int cl_peer_credentials(int fd, uint32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == -1) return -errno;
    *pid = (uint32_t)peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

enum { DESCRIPTORS_MAX = 16 };

int cl_send_descriptors(int fd, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    if (descriptor_count < 0 || descriptor_count > DESCRIPTORS_MAX) return -EINVAL;
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)]; } control = { 0 };
    struct iovec part = { .iov_base = (void *)bytes, .iov_len = count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (descriptor_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
    }
    return (int)RETRY(sendmsg(fd, &message, MSG_NOSIGNAL));
}

ssize_t cl_recv_descriptors(int fd, void *bytes, size_t count, int *descriptors, int *descriptor_count) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)]; } control;
    struct iovec part = { .iov_base = bytes, .iov_len = count };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    int capacity = *descriptor_count;
    *descriptor_count = 0;
    ssize_t got = RETRY(recvmsg(fd, &message, MSG_CMSG_CLOEXEC));
    if (got < 0) return got;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        int sent = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < sent; i++) {
            int one;
            memcpy(&one, CMSG_DATA(h) + sizeof(int) * i, sizeof one);
            if (*descriptor_count < capacity) descriptors[(*descriptor_count)++] = one;
            else close(one);
        }
    }
    return got;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cl_monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
void cl_pause_ns(int64_t span_ns) {
    struct timespec rest = { span_ns / 1000000000, span_ns % 1000000000 };
    while (nanosleep(&rest, &rest) == -1 && errno == EINTR) {}
}
int64_t cl_boottime_ns(void) { return clock_ns(CLOCK_BOOTTIME); }
int64_t cl_realtime_ms(void) { return clock_ns(CLOCK_REALTIME) / 1000000; }
int64_t cl_thread_cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }
int64_t cl_process_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

int64_t cl_resident_bytes(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd == -1) return -errno;
    ssize_t got = RETRY(read(fd, text, sizeof text - 1));
    close(fd);
    if (got < 0) return got;
    text[got] = 0;
    long total = 0, resident = 0;
    if (sscanf(text, "%ld %ld", &total, &resident) != 2) return -EIO;
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

void cl_trim_heap(void) { malloc_trim(0); }
int cl_getrandom(void *bytes, size_t count) { return (int)RETRY(getrandom(bytes, count, 0)); }
int cl_gettid(void) { return (int)gettid(); }
int cl_set_thread_name(const char *name) {
    char short_name[16];  // the kernel's limit, terminator included
    snprintf(short_name, sizeof short_name, "%s", name);
    return -pthread_setname_np(pthread_self(), short_name);
}
int cl_allowed_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

int cl_pin_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return OR_ERRNO(sched_setaffinity(0, sizeof set, &set));
}
int cl_die_with_parent(int signal) { return OR_ERRNO(prctl(PR_SET_PDEATHSIG, signal)); }

const char *cl_error_text(int error, char *buffer, size_t capacity) { return strerror_r(error, buffer, capacity); }

struct start { cl_thread_body body; void *context; };

static void *run(void *raw) {
    struct start start = *(struct start *)raw;
    free(raw);
    start.body(start.context);
    return NULL;
}

int cl_thread_start(cl_thread_body body, void *context, size_t stack_bytes, pthread_t *thread) {
    struct start *start = malloc(sizeof *start);
    if (!start) return -ENOMEM;
    *start = (struct start){ body, context };
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    int failed = pthread_create(thread, &attributes, run, start);
    pthread_attr_destroy(&attributes);
    if (failed) free(start);
    return -failed;
}

// ---- pseudo terminals

int cl_open_pty(char *name, size_t capacity) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -errno;
    if (grantpt(master) < 0 || unlockpt(master) < 0) return fail(master);
    int error = ptsname_r(master, name, capacity);
    if (error != 0) {
        errno = error;
        return fail(master);
    }
    return master;
}

static int wait_for(struct pollfd *fds, int64_t timeout_ns) {
    struct timespec left = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };
    // An interrupted wait ends early: callers look at the clock anyway.
    int ready = ppoll(fds, 2, timeout_ns < 0 ? NULL : &left, NULL);
    if (ready == -1) return errno == EINTR ? 0 : -errno;
    return (fds[0].revents ? 1 : 0) | (fds[1].revents ? 2 : 0);
}

int cl_wait_readable(int fd, int other, int64_t timeout_ns) {
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = other, .events = POLLIN } };
    return wait_for(fds, timeout_ns);
}

int cl_wait_writable(int fd, int64_t timeout_ns) {
    struct pollfd fds[2] = { { .fd = fd, .events = POLLOUT }, { .fd = -1 } };
    return wait_for(fds, timeout_ns);
}

int cl_set_keepalive(int fd, int idle, int interval, int count) {
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == -1) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == -1) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) == -1) return -errno;
    return OR_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count));
}

int cl_terminal_size(int fd, int *rows, int *columns) {
    struct winsize size = {0};
    if (ioctl(fd, TIOCGWINSZ, &size) == -1) return -errno;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
