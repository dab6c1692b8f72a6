#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int cl_futex_wait(const void *word, uint32_t expected, int64_t timeout_ns) {
    struct timespec limit = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
    long r = syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_ns < 0 ? NULL : &limit, NULL, 0);
    return r == -1 ? -errno : 0;
}

int cl_futex_wake(const void *word, int waiters) {
    long r = syscall(SYS_futex, word, FUTEX_WAKE, waiters, NULL, NULL, 0);
    return r == -1 ? -errno : (int)r;
}

int cl_socketpair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1 ? -errno : 0;
}

enum { GIVEN_MAX = 16 };

int cl_spawn(const char *path, char *const arguments[], const int *descriptors, int descriptor_count) {
    if (descriptor_count > GIVEN_MAX) return -EINVAL;
    // Moved out of the way first, so that placing one at 3 + i cannot overwrite another.
    int high[GIVEN_MAX], moved = 0, failed = 0;
    for (; moved < descriptor_count; moved++)
        if ((high[moved] = fcntl(descriptors[moved], F_DUPFD_CLOEXEC, 64)) == -1) { failed = errno; break; }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (int i = 0; !failed && i < descriptor_count; i++)
        failed = posix_spawn_file_actions_adddup2(&actions, high[i], 3 + i);
    pid_t pid = -1;
    if (!failed) failed = posix_spawn(&pid, path, &actions, &attributes, arguments, environ);
    for (int i = 0; i < moved; i++) close(high[i]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed ? -failed : (int)pid;
}

int cl_reap(int pid, int *wait_status) {
    int got;
    do { got = waitpid(pid, wait_status, WNOHANG); } while (got == -1 && errno == EINTR);
    return got == -1 ? -errno : got;
}
