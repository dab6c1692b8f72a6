#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

// The handler may run on any thread at any instruction: it reads this table with atomics only and
// calls nothing but mmap (async-signal-safe in practice: a bare system call).
enum { REGIONS_MAX = 256 };
static struct { _Atomic(char *) base; _Atomic size_t count; atomic_int lost; } regions[REGIONS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool installed;

static void on_bus_error(int signal, siginfo_t *info, void *context) {
    (void)context;
    int saved = errno;
    char *at = info->si_addr;
    for (int i = 0; i < REGIONS_MAX; i++) {
        char *base = atomic_load(&regions[i].base);
        size_t count = atomic_load(&regions[i].count);
        if (!base || at < base || at >= base + count) continue;
        if (mmap(base, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            break;
        atomic_store(&regions[i].lost, 1);
        errno = saved;
        return;
    }
    // Not ours: the usual death, at the same instruction.
    struct sigaction usual;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    sigaction(signal, &usual, NULL);
    errno = saved;
}

int cl_guard_region(void *base, size_t byte_count) {
    pthread_mutex_lock(&lock);
    if (!atomic_load(&installed)) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = on_bus_error;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        if (sigaction(SIGBUS, &action, NULL) == 0) atomic_store(&installed, true);
    }
    int found = -ENOSPC;
    for (int i = 0; i < REGIONS_MAX && found < 0; i++) {
        if (atomic_load(&regions[i].base)) continue;
        atomic_store(&regions[i].lost, 0);
        atomic_store(&regions[i].count, byte_count);
        atomic_store(&regions[i].base, (char *)base);
        found = i;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void cl_unguard_region(int guard) {
    if (guard >= 0 && guard < REGIONS_MAX) atomic_store(&regions[guard].base, NULL);
}

int cl_guard_lost(int guard) { return guard >= 0 && guard < REGIONS_MAX && atomic_load(&regions[guard].lost); }
