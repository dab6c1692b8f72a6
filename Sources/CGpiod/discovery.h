// What chips and lines there are, by libgpiod: 1.6 (Debian 12) or 2.x (Debian 13), which share no
// function but the first. Which one it is, is known from its header.
#pragma once
#include <errno.h>
#include <gpiod.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef GPIOD_LINE_BULK_MAX_LINES  // a macro of 1.x only
#define CG_LIBGPIOD_1 1
static const int cg_libgpiod_major = 1;
#else
static const int cg_libgpiod_major = 2;
#endif

struct cg_chip_info {
    char name[40];
    char label[40];
    uint32_t line_count;
};

struct cg_line_info {
    char name[40];
    char consumer[40];
    bool is_used;
    bool is_output;
    bool is_active_low;
    uint32_t bias;
};

static inline const char *cg_chip_name(const struct cg_chip_info *info) { return info->name; }
static inline const char *cg_chip_label(const struct cg_chip_info *info) { return info->label; }
static inline const char *cg_line_name(const struct cg_line_info *info) { return info->name; }
static inline const char *cg_line_consumer(const struct cg_line_info *info) { return info->consumer; }

static inline void cg_copy(char *to, const char *from) {
    strncpy(to, from ? from : "", 39);
    to[39] = 0;
}

// NULL with errno.
static inline struct gpiod_chip *cg_chip_open(const char *path) { return gpiod_chip_open(path); }
static inline void cg_chip_close(struct gpiod_chip *chip) { gpiod_chip_close(chip); }

#ifdef CG_LIBGPIOD_1

static inline int cg_chip_describe(struct gpiod_chip *chip, struct cg_chip_info *info) {
    cg_copy(info->name, gpiod_chip_name(chip));
    cg_copy(info->label, gpiod_chip_label(chip));
    info->line_count = gpiod_chip_num_lines(chip);
    return 0;
}

static inline int cg_line_describe(struct gpiod_chip *chip, uint32_t offset, struct cg_line_info *info) {
    struct gpiod_line *line = gpiod_chip_get_line(chip, offset);
    if (!line) return -errno;
    cg_copy(info->name, gpiod_line_name(line));
    cg_copy(info->consumer, gpiod_line_consumer(line));
    info->is_used = gpiod_line_is_used(line);
    info->is_output = gpiod_line_direction(line) == GPIOD_LINE_DIRECTION_OUTPUT;
    info->is_active_low = gpiod_line_active_state(line) == GPIOD_LINE_ACTIVE_STATE_LOW;
    switch (gpiod_line_bias(line)) {
    case GPIOD_LINE_BIAS_PULL_UP: info->bias = 1; break;
    case GPIOD_LINE_BIAS_PULL_DOWN: info->bias = 2; break;
    case GPIOD_LINE_BIAS_DISABLE: info->bias = 3; break;
    default: info->bias = 0;
    }
    return 0;
}

#else

static inline int cg_chip_describe(struct gpiod_chip *chip, struct cg_chip_info *info) {
    struct gpiod_chip_info *found = gpiod_chip_get_info(chip);
    if (!found) return -errno;
    cg_copy(info->name, gpiod_chip_info_get_name(found));
    cg_copy(info->label, gpiod_chip_info_get_label(found));
    info->line_count = (uint32_t)gpiod_chip_info_get_num_lines(found);
    gpiod_chip_info_free(found);
    return 0;
}

static inline int cg_line_describe(struct gpiod_chip *chip, uint32_t offset, struct cg_line_info *info) {
    struct gpiod_line_info *line = gpiod_chip_get_line_info(chip, offset);
    if (!line) return -errno;
    cg_copy(info->name, gpiod_line_info_get_name(line));
    cg_copy(info->consumer, gpiod_line_info_get_consumer(line));
    info->is_used = gpiod_line_info_is_used(line);
    info->is_output = gpiod_line_info_get_direction(line) == GPIOD_LINE_DIRECTION_OUTPUT;
    info->is_active_low = gpiod_line_info_is_active_low(line);
    switch (gpiod_line_info_get_bias(line)) {
    case GPIOD_LINE_BIAS_PULL_UP: info->bias = 1; break;
    case GPIOD_LINE_BIAS_PULL_DOWN: info->bias = 2; break;
    case GPIOD_LINE_BIAS_DISABLED: info->bias = 3; break;
    default: info->bias = 0;
    }
    gpiod_line_info_free(line);
    return 0;
}

#endif
