#pragma once
#include <string.h>
#include <zlib.h>

// deflateInit2 is a macro. Window bits 15 + 16 write a gzip header; level 1: a scrape is read once.
static inline int shim_gzip(const void *source, size_t count, void *target, size_t *capacity) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return -1;
    stream.next_in = (Bytef *)source;
    stream.avail_in = (uInt)count;
    stream.next_out = target;
    stream.avail_out = (uInt)*capacity;
    int result = deflate(&stream, Z_FINISH);
    *capacity = stream.total_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? 0 : -1;
}
