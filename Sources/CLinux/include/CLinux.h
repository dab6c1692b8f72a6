// The kernel calls that Swift's Glibc module lacks. Each returns its result, or -errno read in the
// same frame as the call: Swift code may run between a failing call and a later read of errno.
#pragma once

#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <signal.h>
#include <pthread.h>

int cl_epoll_create(void);
int cl_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token);
int cl_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms);
uint64_t cl_epoll_token(const struct epoll_event *event);
uint32_t cl_epoll_events(const struct epoll_event *event);

int cl_eventfd(unsigned int initial);
int cl_eventfd_signal(int fd);
int cl_eventfd_drain(int fd);

int cl_timerfd(void);
// An absolute CLOCK_MONOTONIC deadline in nanoseconds; 0 disarms.
int cl_timerfd_arm(int fd, int64_t deadline_ns);

// Blocks these signals in the calling thread (and threads made after) and delivers them by descriptor.
int cl_signalfd(const int *signals, int count);
int cl_signalfd_read(int fd);

int cl_memfd(const char *name, bool huge_pages);
// F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL: nobody can take mapped pages away (a SIGBUS) afterwards.
int cl_memfd_seal_size(int fd);
int cl_memfd_seals(int fd);

int cl_open(const char *path, int flags, unsigned int mode);
int cl_openat(int directory, const char *path, int flags, unsigned int mode);
ssize_t cl_read(int fd, void *bytes, size_t count);
ssize_t cl_pread(int fd, void *bytes, size_t count, off_t offset);
ssize_t cl_write(int fd, const void *bytes, size_t count);
ssize_t cl_writev(int fd, const struct iovec *parts, int count);
ssize_t cl_readv(int fd, const struct iovec *parts, int count);
ssize_t cl_recv(int fd, void *bytes, size_t count, int flags);
ssize_t cl_send(int fd, const void *bytes, size_t count, int flags);
int cl_accept(int fd);
int cl_set_nonblocking(int fd, bool on);

// Listening and connected sockets. Addresses are numeric; `path` beginning with '@' is abstract.
int cl_listen_tcp(const char *address, uint16_t port, int backlog);
int cl_listen_unix(const char *path, int backlog, unsigned int mode);
int cl_connect_unix(const char *path);
// Blocking reads and writes of a socket give up after this long with -EAGAIN.
int cl_set_socket_timeout(int fd, int timeout_ms);
int cl_connect_tcp(const char *address, uint16_t port, int timeout_ms);
// The kernel's own hot-plug messages (NETLINK_KOBJECT_UEVENT), nonblocking.
int cl_uevent_socket(void);
// The same; gives up with -ECANCELED as soon as `stop` can be read.
int cl_connect_tcp_stoppable(const char *address, uint16_t port, int timeout_ms, int stop);
int cl_local_port(int fd);
int cl_set_tcp_nodelay(int fd);
// The other end's address as two words in network order, IPv4 as ::ffff:a.b.c.d.
int cl_peer_address(int fd, uint64_t *high, uint64_t *low, uint16_t *port);
// SIGPIPE blocked in the calling thread: a write to a client that has gone is then only an error.
int cl_block_broken_pipe(void);
// Who is at the other end of a Unix socket (SO_PEERCRED).
int cl_peer_credentials(int fd, uint32_t *pid, uint32_t *uid, uint32_t *gid);
int cl_send_descriptors(int fd, const void *bytes, size_t count, const int *descriptors, int descriptor_count);
ssize_t cl_recv_descriptors(int fd, void *bytes, size_t count, int *descriptors, int *descriptor_count);

int64_t cl_monotonic_ns(void);
void cl_pause_ns(int64_t span_ns);
int64_t cl_boottime_ns(void);
int64_t cl_realtime_ms(void);
int64_t cl_thread_cpu_ns(void);
int64_t cl_process_cpu_ns(void);
int64_t cl_resident_bytes(void);

// Gives the heap's free pages back to the kernel.
void cl_trim_heap(void);

int cl_getrandom(void *bytes, size_t count);
int cl_gettid(void);
int cl_set_thread_name(const char *name);
int cl_pin_thread(int cpu);
/// How many processors the calling thread may run on; 0 when the kernel does not say.
int cl_allowed_processors(void);
int cl_die_with_parent(int signal);
const char *cl_error_text(int error, char *buffer, size_t capacity);

// Plain thread with one owner (no actor pool: a hung device must never block a shared pool).
typedef void (*cl_thread_body)(void *context);
int cl_thread_start(cl_thread_body body, void *context, size_t stack_bytes, pthread_t *thread);

// A pseudo terminal: its master descriptor, and the other end's path in `name`.
int cl_open_pty(char *name, size_t capacity);

// A terminal's size; -errno (or 0 by 0) where it does not know, as on a serial line.
int cl_terminal_size(int fd, int *rows, int *columns);

// poll() with nanoseconds: waits until `fd` (or `other`; -1: none) can be read, or the time is over.
// Returns 0 at the end of time, else bit 0 for fd and bit 1 for other; a hang-up counts as readable.
int cl_wait_readable(int fd, int other, int64_t timeout_ns);
int cl_wait_writable(int fd, int64_t timeout_ns);
// Probes a silent TCP peer after `idle` seconds, every `interval`, `count` times.
int cl_set_keepalive(int fd, int idle, int interval, int count);

// Words in shared memory that one side waits on (FUTEX_WAIT / FUTEX_WAKE, not private: they cross
// processes). Waits only while the word still holds `expected`.
int cl_futex_wait(const void *word, uint32_t expected, int64_t timeout_ns);
int cl_futex_wake(const void *word, int waiters);

// Two ends that keep message borders (SOCK_SEQPACKET).
int cl_socketpair(int ends[2]);

// Starts a program of ours (posix_spawn: a threaded process must not fork) with `descriptors[i]` as
// its descriptor 3 + i, everything else closed on exec, no signal blocked or ignored. The pid, or -errno.
int cl_spawn(const char *path, char *const arguments[], const int *descriptors, int descriptor_count);
// Collects an ended child; 0 while it runs.
int cl_reap(int pid, int *wait_status);

// Memory that somebody else may take away (a shared file that its owner truncates): a touch of a lost
// page then finds zeros instead of a SIGBUS, and `cl_guard_lost` tells. At most 256 regions.
int cl_guard_region(void *base, size_t byte_count);
void cl_unguard_region(int guard);
int cl_guard_lost(int guard);

// Shortest text of a number that reads back the same; the length written (at most 32).
int cl_print_double(double number, char *text);
int cl_print_float(float number, char *text);
// A JSON number in `text[0..<count]`, not terminated; 0, or -EINVAL.
int cl_parse_double(const char *text, size_t count, double *number);

// Tells the processor that this is a wait loop.
static inline void cl_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// "%f"
int cl_print_fixed(double number, char *text, size_t capacity);
