#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pl_buf_done(struct pl_buf *b)
{
    free(b->ptr);
    *b = (struct pl_buf){ .ceiling = b->ceiling };
}

bool pl_buf_reserve(struct pl_buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more <= b->room - b->len)
        return true;
    size_t need;
    if (__builtin_add_overflow(b->len, more, &need) || (b->ceiling && need > b->ceiling)) {
        b->failed = true;
        return false;
    }
    size_t room = b->room ? b->room : 256;
    while (room < need)
        room = room > SIZE_MAX / 2 ? need : room * 2;
    if (b->ceiling && room > b->ceiling)
        room = b->ceiling;
    char *p = realloc(b->ptr, room);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->ptr = p;
    b->room = room;
    return true;
}

void pl_buf_add(struct pl_buf *b, pl_span s)
{
    if (s.len == 0 || !pl_buf_reserve(b, s.len))
        return;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}

void pl_buf_char(struct pl_buf *b, char c) { pl_buf_add(b, pl_span_of(&c, 1)); }

void pl_buf_printf(struct pl_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !pl_buf_reserve(b, (size_t)n + 1))
        return;
    va_start(ap, fmt);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void pl_buf_varint(struct pl_buf *b, uint64_t v)
{
    char bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v);
    pl_buf_add(b, pl_span_of(bytes, n));
}

void pl_buf_text(struct pl_buf *b, pl_span s)
{
    pl_buf_varint(b, s.len);
    pl_buf_add(b, s);
}

bool pl_span_text(pl_span *in, pl_span *out)
{
    pl_span s = *in;
    uint64_t n;
    if (!pl_span_varint(&s, &n) || n > s.len || !pl_span_take(&s, (size_t)n, out))
        return false;
    *in = s;
    return true;
}
