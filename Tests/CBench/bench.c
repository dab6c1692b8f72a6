#include "CBench.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

int64_t cb_pread_all(const int *descriptors, int count) {
    char buffer[4096];
    int64_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t got = pread(descriptors[i], buffer, sizeof buffer, 0);
        if (got > 0) total += got;
    }
    return total;
}

int cb_watch_writes(const char *path) {
    int watch = inotify_init1(IN_CLOEXEC);
    if (watch >= 0 && inotify_add_watch(watch, path, IN_MODIFY) < 0) {
        close(watch);
        return -1;
    }
    return watch;
}

int cb_wait_for_write(int watch, int timeout_ms) {
    struct pollfd ready = {.fd = watch, .events = POLLIN};
    char events[4096];
    if (poll(&ready, 1, timeout_ms) != 1) return 0;
    return read(watch, events, sizeof events) > 0;
}
