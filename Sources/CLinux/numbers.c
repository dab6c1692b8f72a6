#include "CLinux.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_whole(double number, char *text) {
    // Exact as an integer and short: the usual case of labels and counts, without printf.
    if (number != (double)(long long)number || fabs(number) >= 1e9 || (number == 0 && signbit(number))) return 0;
    long long whole = (long long)number;
    char reversed[24];
    int n = 0, at = 0;
    unsigned long long rest = whole < 0 ? 0ULL - (unsigned long long)whole : (unsigned long long)whole;
    do { reversed[n++] = (char)('0' + rest % 10); rest /= 10; } while (rest);
    if (whole < 0) text[at++] = '-';
    while (n) text[at++] = reversed[--n];
    text[at++] = '.';
    text[at++] = '0';
    return at;
}

int cl_print_double(double number, char *text) {
    if (!isfinite(number)) { memcpy(text, "null", 4); return 4; }
    int whole = print_whole(number, text);
    if (whole) return whole;
    int length = snprintf(text, 32, "%.15g", number);
    if (strtod(text, NULL) != number) length = snprintf(text, 32, "%.17g", number);
    return length;
}

int cl_print_float(float number, char *text) {
    if (!isfinite(number)) { memcpy(text, "null", 4); return 4; }
    int whole = print_whole(number, text);
    if (whole) return whole;
    int length = 0;
    for (int digits = 6; digits <= 9; digits++) {
        length = snprintf(text, 32, "%.*g", digits, number);
        if (strtof(text, NULL) == number) break;
    }
    return length;
}

// Powers that a double holds exactly (Clinger's fast path).
static const double exact_powers[] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
    1e20, 1e21, 1e22,
};

int cl_parse_double(const char *text, size_t count, double *number) {
    size_t at = 0;
    int negative = count > 0 && text[0] == '-';
    if (negative) at = 1;
    unsigned long long mantissa = 0;
    int digits = 0, scale = 0, exact = 1;
    size_t start = at;
    for (; at < count && text[at] >= '0' && text[at] <= '9'; at++) {
        if (digits < 18) { mantissa = mantissa * 10 + (unsigned)(text[at] - '0'); digits += mantissa != 0; }
        else exact = 0;
    }
    if (at == start || (text[start] == '0' && at - start > 1)) return -EINVAL;
    if (at < count && text[at] == '.') {
        size_t point = ++at;
        for (; at < count && text[at] >= '0' && text[at] <= '9'; at++) {
            if (digits < 18) { mantissa = mantissa * 10 + (unsigned)(text[at] - '0'); digits += mantissa != 0; scale--; }
            else exact = exact && text[at] == '0';
        }
        if (at == point) return -EINVAL;
    }
    if (at < count && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        int down = 0, exponent = 0;
        if (at < count && (text[at] == '+' || text[at] == '-')) down = text[at++] == '-';
        size_t first = at;
        for (; at < count && text[at] >= '0' && text[at] <= '9'; at++)
            if (exponent < 100000) exponent = exponent * 10 + (text[at] - '0');
        if (at == first) return -EINVAL;
        scale += down ? -exponent : exponent;
    }
    if (at != count) return -EINVAL;
    if (exact && mantissa <= (1ULL << 53) && scale >= -22 && scale <= 22) {
        double value = (double)mantissa;
        value = scale < 0 ? value / exact_powers[-scale] : value * exact_powers[scale];
        *number = negative ? -value : value;
        return 0;
    }
    char copy[512];
    if (count >= sizeof copy) return -EINVAL;
    memcpy(copy, text, count);
    copy[count] = 0;
    *number = strtod(copy, NULL);
    return isfinite(*number) ? 0 : -EINVAL;
}

int cl_print_fixed(double number, char *text, size_t capacity) { return snprintf(text, capacity, "%f", number); }
