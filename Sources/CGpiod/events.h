// Line events by libgpiod, for kernels that do not have the v2 interface. With libgpiod 1.6 each line has
// a descriptor and a queue of 16 of its own, and a loss cannot be seen: levels must be read again.
#pragma once
#include "discovery.h"
#include "uapi.h"
#include <poll.h>
#include <stdlib.h>

struct cg_edge {
    int64_t time_ns;
    uint32_t index;
    // 0: this library does not count.
    uint32_t sequence;
    bool is_rising;
};

#ifdef CG_LIBGPIOD_1

struct cg_held {
    struct gpiod_chip *chip;
    unsigned count;
    unsigned next;
    struct gpiod_line *lines[CG_LINES_MAX];
};

static inline void cg_release(struct cg_held *held) {
    if (!held) return;
    gpiod_chip_close(held->chip);
    free(held);
}

static inline int cg_hold(
    const char *path, const struct cg_wanted_line *lines, unsigned count, const char *consumer, struct cg_held **out) {
    struct cg_held *held = (struct cg_held *)calloc(1, sizeof *held);
    if (!held) return -ENOMEM;
    held->chip = gpiod_chip_open(path);
    if (!held->chip) { int error = errno; free(held); return -error; }
    for (unsigned i = 0; i < count; i++) {
        static const int flags[] = {
            0, GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP, GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN,
            GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE };
        struct gpiod_line *line = gpiod_chip_get_line(held->chip, lines[i].offset);
        if (!line || gpiod_line_request_both_edges_events_flags(line, consumer, flags[lines[i].bias & 3]) == -1) {
            int error = errno;
            cg_release(held);
            return -error;
        }
        held->lines[held->count++] = line;
    }
    *out = held;
    return 0;
}

static inline unsigned cg_held_descriptors(const struct cg_held *held) { return held->count; }
static inline int cg_held_descriptor(const struct cg_held *held, unsigned i) {
    return gpiod_line_event_get_fd(held->lines[i]);
}

// Edges of one line after the other, never waiting; 0 when none is left.
static inline int cg_held_read(struct cg_held *held, struct cg_edge *edges, unsigned capacity) {
    for (unsigned tried = 0; tried < held->count; tried++) {
        unsigned i = held->next;
        held->next = (held->next + 1) % held->count;
        struct pollfd ready = { .fd = gpiod_line_event_get_fd(held->lines[i]), .events = POLLIN };
        if (poll(&ready, 1, 0) == -1) return errno == EINTR ? 0 : -errno;
        if (ready.revents & (POLLHUP | POLLERR)) return -ENODEV;
        if (!(ready.revents & POLLIN)) continue;
        struct gpiod_line_event events[16];
        int got = gpiod_line_event_read_fd_multiple(ready.fd, events, capacity < 16 ? capacity : 16);
        if (got == -1) return -errno;
        for (int e = 0; e < got; e++)
            edges[e] = (struct cg_edge){ (int64_t)events[e].ts.tv_sec * 1000000000 + events[e].ts.tv_nsec, i, 0,
                                         events[e].event_type == GPIOD_LINE_EVENT_RISING_EDGE };
        return got;
    }
    return 0;
}

static inline int cg_held_levels(struct cg_held *held, uint64_t *bits) {
    *bits = 0;
    for (unsigned i = 0; i < held->count; i++) {
        int value = gpiod_line_get_value(held->lines[i]);
        if (value == -1) return -errno;
        if (value) *bits |= 1ull << i;
    }
    return 0;
}

#else

struct cg_held {
    struct gpiod_line_request *request;
    struct gpiod_edge_event_buffer *buffer;
    unsigned count;
    unsigned offsets[CG_LINES_MAX];
};

static inline void cg_release(struct cg_held *held) {
    if (!held) return;
    if (held->buffer) gpiod_edge_event_buffer_free(held->buffer);
    if (held->request) gpiod_line_request_release(held->request);
    free(held);
}

static inline int cg_configure(
    struct gpiod_line_config *config, struct gpiod_line_settings *settings, const struct cg_wanted_line *line) {
    static const enum gpiod_line_bias biases[] = {
        GPIOD_LINE_BIAS_AS_IS, GPIOD_LINE_BIAS_PULL_UP, GPIOD_LINE_BIAS_PULL_DOWN, GPIOD_LINE_BIAS_DISABLED };
    gpiod_line_settings_reset(settings);
    gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
    gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
    gpiod_line_settings_set_bias(settings, biases[line->bias & 3]);
    return gpiod_line_config_add_line_settings(config, &line->offset, 1, settings);
}

static inline int cg_hold(
    const char *path, const struct cg_wanted_line *lines, unsigned count, const char *consumer, struct cg_held **out) {
    struct cg_held *held = (struct cg_held *)calloc(1, sizeof *held);
    struct gpiod_chip *chip = gpiod_chip_open(path);
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    struct gpiod_line_config *config = gpiod_line_config_new();
    struct gpiod_request_config *request = gpiod_request_config_new();
    int failed = held && chip && settings && config && request ? 0 : errno ? errno : ENOMEM;
    for (unsigned i = 0; !failed && i < count; i++) {
        held->offsets[held->count++] = lines[i].offset;
        if (cg_configure(config, settings, &lines[i]) == -1) failed = errno;
    }
    if (!failed) {
        gpiod_request_config_set_consumer(request, consumer);
        gpiod_request_config_set_event_buffer_size(request, CG_EVENTS_MAX);
        held->request = gpiod_chip_request_lines(chip, request, config);
        held->buffer = gpiod_edge_event_buffer_new(64);
        if (!held->request || !held->buffer) failed = errno;
    }
    if (request) gpiod_request_config_free(request);
    if (config) gpiod_line_config_free(config);
    if (settings) gpiod_line_settings_free(settings);
    if (chip) gpiod_chip_close(chip);
    if (failed) { cg_release(held); return -failed; }
    *out = held;
    return 0;
}

static inline unsigned cg_held_descriptors(const struct cg_held *held) { (void)held; return 1; }
static inline int cg_held_descriptor(const struct cg_held *held, unsigned i) {
    (void)i;
    return gpiod_line_request_get_fd(held->request);
}

static inline int cg_held_read(struct cg_held *held, struct cg_edge *edges, unsigned capacity) {
    struct pollfd ready = { .fd = gpiod_line_request_get_fd(held->request), .events = POLLIN };
    if (poll(&ready, 1, 0) == -1) return errno == EINTR ? 0 : -errno;
    if (ready.revents & (POLLHUP | POLLERR)) return -ENODEV;
    if (!(ready.revents & POLLIN)) return 0;
    int got = gpiod_line_request_read_edge_events(held->request, held->buffer, capacity < 64 ? capacity : 64);
    if (got == -1) return -errno;
    for (int e = 0; e < got; e++) {
        struct gpiod_edge_event *event = gpiod_edge_event_buffer_get_event(held->buffer, e);
        unsigned offset = gpiod_edge_event_get_line_offset(event), index = 0;
        while (index < held->count && held->offsets[index] != offset) index++;
        edges[e] = (struct cg_edge){ (int64_t)gpiod_edge_event_get_timestamp_ns(event), index,
                                     (uint32_t)gpiod_edge_event_get_global_seqno(event),
                                     gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE };
    }
    return got;
}

static inline int cg_held_levels(struct cg_held *held, uint64_t *bits) {
    enum gpiod_line_value values[CG_LINES_MAX];
    if (gpiod_line_request_get_values(held->request, values) == -1) return -errno;
    *bits = 0;
    for (unsigned i = 0; i < held->count; i++)
        if (values[i] == GPIOD_LINE_VALUE_ACTIVE) *bits |= 1ull << i;
    return 0;
}

#endif
