// Bare C loops that our own work is measured against.
#pragma once

#include <stdint.h>

// Reads every descriptor once from its start, as the plainest C program would; the bytes read.
int64_t cb_pread_all(const int *descriptors, int count);

// How often the calling thread has asked malloc, calloc or realloc for memory.
uint64_t cb_allocations(void);

// A watch on writes to a file; -1 where it cannot be had.
int cb_watch_writes(const char *path);
// Waits for a write; 0 when none came in time. Also takes those that came before.
int cb_wait_for_write(int watch, int timeout_ms);
