/* buf.h - bytes that grow, with a ceiling; and the varint forms that pl_span_* read back.
 *
 * Appending never fails at the place: a failure (no memory, ceiling met) sticks in `failed`, and
 * whoever uses the result asks once. */
#pragma once
#include "base/span.h"

struct pl_buf {
    char *ptr;
    size_t len, room, ceiling; /* ceiling 0: none */
    bool failed;
};

void pl_buf_done(struct pl_buf *b);
void pl_buf_add(struct pl_buf *b, pl_span s);
void pl_buf_char(struct pl_buf *b, char c);
void pl_buf_printf(struct pl_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pl_buf_varint(struct pl_buf *b, uint64_t v);
void pl_buf_text(struct pl_buf *b, pl_span s); /* varint length, then the bytes */
bool pl_buf_reserve(struct pl_buf *b, size_t more);
static inline pl_span pl_buf_span(const struct pl_buf *b) { return pl_span_of(b->ptr, b->len); }
bool pl_span_text(pl_span *in, pl_span *out); /* reads what pl_buf_text wrote */

static inline void pl_auto_buf(struct pl_buf *b) { pl_buf_done(b); }
