// Line events by the kernel's v2 interface (Linux 5.10 and later), without a library between:
// 1,024 events per request, sequence numbers that show a loss, debounce in the kernel.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Lines per request, by the kernel.
enum { CG_LINES_MAX = GPIO_V2_LINES_MAX, CG_EVENTS_MAX = 1024 };
enum cg_bias { CG_BIAS_AS_IS = 0, CG_BIAS_PULL_UP = 1, CG_BIAS_PULL_DOWN = 2, CG_BIAS_DISABLED = 3 };

struct cg_wanted_line {
    uint32_t offset;
    uint32_t bias;
    uint32_t debounce_us;
};

static inline uint64_t cg_bias_flags(uint32_t bias) {
    switch (bias) {
    case CG_BIAS_PULL_UP: return GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
    case CG_BIAS_PULL_DOWN: return GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN;
    case CG_BIAS_DISABLED: return GPIO_V2_LINE_FLAG_BIAS_DISABLED;
    default: return 0;
    }
}

// Adds line `index` to the attribute of this kind and value; false when the ten attributes are used up.
static inline bool cg_attribute(struct gpio_v2_line_config *config, uint32_t id, uint64_t value, unsigned index) {
    for (unsigned i = 0; i < config->num_attrs; i++) {
        struct gpio_v2_line_config_attribute *have = &config->attrs[i];
        uint64_t other = have->attr.id == GPIO_V2_LINE_ATTR_ID_FLAGS ? have->attr.flags : have->attr.debounce_period_us;
        if (have->attr.id != id || other != value) continue;
        have->mask |= 1ull << index;
        return true;
    }
    if (config->num_attrs == GPIO_V2_LINE_NUM_ATTRS_MAX) return false;
    struct gpio_v2_line_config_attribute *new_one = &config->attrs[config->num_attrs++];
    new_one->attr.id = id;
    if (id == GPIO_V2_LINE_ATTR_ID_FLAGS) new_one->attr.flags = value;
    else new_one->attr.debounce_period_us = (uint32_t)value;
    new_one->mask = 1ull << index;
    return true;
}

// Takes hold of lines as inputs with both edges, stamped by CLOCK_MONOTONIC; a descriptor to read from.
// -E2BIG: more kinds of lines than one request can describe; ask for fewer at a time.
static inline int cg_request(int chip, const struct cg_wanted_line *lines, unsigned count, const char *consumer) {
    if (count == 0 || count > CG_LINES_MAX) return -EINVAL;
    struct gpio_v2_line_request request;
    memset(&request, 0, sizeof request);
    const uint64_t input = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
    request.config.flags = input;
    for (unsigned i = 0; i < count; i++) {
        request.offsets[i] = lines[i].offset;
        uint64_t bias = cg_bias_flags(lines[i].bias);
        if (bias && !cg_attribute(&request.config, GPIO_V2_LINE_ATTR_ID_FLAGS, input | bias, i)) return -E2BIG;
        if (lines[i].debounce_us &&
            !cg_attribute(&request.config, GPIO_V2_LINE_ATTR_ID_DEBOUNCE, lines[i].debounce_us, i))
            return -E2BIG;
    }
    strncpy(request.consumer, consumer, sizeof request.consumer - 1);
    request.num_lines = count;
    request.event_buffer_size = CG_EVENTS_MAX;
    if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) == -1) return -errno;
    int flags = fcntl(request.fd, F_GETFL);
    if (flags == -1 || fcntl(request.fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
        fcntl(request.fd, F_SETFD, FD_CLOEXEC) == -1) {
        int error = errno;
        close(request.fd);
        return -error;
    }
    return request.fd;
}

// The levels of the first `count` lines of a request, one bit each.
static inline int cg_levels(int request, unsigned count, uint64_t *bits) {
    struct gpio_v2_line_values values;
    memset(&values, 0, sizeof values);
    values.mask = count >= 64 ? ~0ull : (1ull << count) - 1;
    if (ioctl(request, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) == -1) return -errno;
    *bits = values.bits;
    return 0;
}

// How many events were read; 0 when none waits.
static inline int cg_read_events(int request, struct gpio_v2_line_event *events, unsigned capacity) {
    ssize_t got;
    do got = read(request, events, sizeof *events * capacity);
    while (got == -1 && errno == EINTR);
    if (got == -1) return errno == EAGAIN ? 0 : -errno;
    return (int)(got / (ssize_t)sizeof *events);
}

static inline bool cg_is_rising(const struct gpio_v2_line_event *event) {
    return event->id == GPIO_V2_LINE_EVENT_RISING_EDGE;
}

// Wakes when a device node comes or goes: a chip that returns is taken up at once, without polling.
static inline int cg_watch_devices(const char *folder) {
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd == -1) return -errno;
    if (inotify_add_watch(fd, folder, IN_CREATE | IN_DELETE | IN_ATTRIB) == -1) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

// Reads what waits; 1 when it concerns a GPIO chip, 0 when not.
static inline int cg_chips_changed(int watch) {
    union { struct inotify_event event; char bytes[4096]; } buffer;
    int changed = 0;
    ssize_t got;
    while ((got = read(watch, &buffer, sizeof buffer)) > 0) {
        for (char *at = buffer.bytes; at < buffer.bytes + got;) {
            struct inotify_event *event = (struct inotify_event *)at;
            // Linked names differ, so any node counts that looks like a chip; an overflow counts too.
            if (event->mask & IN_Q_OVERFLOW) changed = 1;
            if (event->len > 0 && strncmp(event->name, "gpiochip", 8) == 0) changed = 1;
            at += sizeof *event + event->len;
        }
    }
    return changed;
}
