/* parts.h - what several schemes share: numbers of any length, ASCII classes. */
#pragma once
#include "base/span.h"

static inline bool pl_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool pl_is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static inline int pl_sign(bool greater, bool less) { return (int)greater - (int)less; }

/* Take the longest run of decimal digits (may be empty). */
static inline pl_span pl_take_digits(pl_span *in)
{
    size_t n = 0;
    while (n < in->len && pl_is_digit(in->ptr[n]))
        n++;
    pl_span digits = pl_span_sub(*in, 0, n);
    *in = pl_span_from(*in, n);
    return digits;
}

static inline pl_span pl_skip_zeros(pl_span digits)
{
    size_t n = 0;
    while (n < digits.len && digits.ptr[n] == '0')
        n++;
    return pl_span_from(digits, n);
}

/* Compare runs of digits by value, whatever their length; an empty run is zero. */
static inline int pl_compare_digits(pl_span a, pl_span b)
{
    a = pl_skip_zeros(a);
    b = pl_skip_zeros(b);
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return pl_span_cmp(a, b);
}

static inline int pl_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}
