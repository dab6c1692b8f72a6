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

enum { CZ_GZIP = 15 + 16, CZ_ZLIB = 15 };

// One whole stream. 0: done, `*written` bytes. 1: `capacity` is too small. -1: not such a stream.
static inline int cz_unpack(const void *packed, size_t count, void *target, size_t capacity, int window,
                            size_t *written) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (count > 0x7fffffff || capacity > 0x7fffffff || inflateInit2(&stream, window) != Z_OK) return -1;
    stream.next_in = (unsigned char *)packed;
    stream.avail_in = (unsigned)count;
    stream.next_out = (unsigned char *)target;
    stream.avail_out = (unsigned)capacity;
    int result = inflate(&stream, Z_FINISH);
    *written = stream.total_out;
    unsigned left = stream.avail_out;
    inflateEnd(&stream);
    if (result == Z_STREAM_END) return 0;
    return (result == Z_BUF_ERROR || result == Z_OK) && left == 0 ? 1 : -1;
}

static inline size_t cz_bound(size_t count) { return compressBound(count) + 32; }

static inline int cz_pack(const void *bytes, size_t count, void *target, size_t capacity, int window,
                          size_t *written) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    // Level 1: on a loop that others wait for, speed counts.
    if (deflateInit2(&stream, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return -1;
    stream.next_in = (unsigned char *)bytes;
    stream.avail_in = (unsigned)count;
    stream.next_out = (unsigned char *)target;
    stream.avail_out = (unsigned)capacity;
    int result = deflate(&stream, Z_FINISH);
    *written = stream.total_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? 0 : -1;
}
