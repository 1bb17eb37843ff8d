/* span.h - untrusted bytes, borrowed and bounded.
 *
 * A span never ends in NUL by promise and never owns. A reader (pl_span_take, pl_span_line, ...)
 * either takes something and moves on, or returns false and leaves the span as it was, so that a
 * parser is a chain of questions and cannot run off the end. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct pl_span {
    const char *ptr;
    size_t len;
} pl_span;

#define PL_LIT(s) ((pl_span){ .ptr = "" s, .len = sizeof(s) - 1 })
#define PL_SPAN_NONE ((pl_span){ 0 })
#define PL_FMT(s) (int)((s).len > 4096 ? 4096 : (s).len), (s).ptr ? (s).ptr : "" /* for "%.*s" */

static inline pl_span pl_span_of(const void *ptr, size_t len)
{
    return (pl_span){ .ptr = ptr, .len = len };
}
static inline pl_span pl_span_str(const char *s) { return pl_span_of(s, s ? strlen(s) : 0); }

static inline bool pl_span_eq(pl_span a, pl_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* Bytewise order; a prefix comes first. */
int pl_span_cmp(pl_span a, pl_span b);
bool pl_span_eq_nocase(pl_span a, pl_span b); /* ASCII */
bool pl_span_starts(pl_span s, pl_span prefix);
bool pl_span_ends(pl_span s, pl_span suffix);
/* Index of the first or last such byte; SIZE_MAX when absent. */
size_t pl_span_chr(pl_span s, char c);
size_t pl_span_rchr(pl_span s, char c);
size_t pl_span_find(pl_span s, pl_span needle);
pl_span pl_span_sub(pl_span s, size_t from, size_t len); /* clipped to s */
static inline pl_span pl_span_from(pl_span s, size_t from)
{
    return pl_span_sub(s, from, SIZE_MAX);
}
pl_span pl_span_trim(pl_span s); /* without ASCII white space and NULs at both ends */
pl_span pl_span_basename(pl_span path);
pl_span pl_span_dirname(pl_span path); /* empty when there is no slash */

/* Readers. */
bool pl_span_take(pl_span *in, size_t n, pl_span *out);
bool pl_span_skip(pl_span *in, size_t n);
bool pl_span_skip_lit(pl_span *in, pl_span lit);
/* The bytes before the next delimiter, which is consumed too; the rest when there is none and
 * something is left. False at the end. */
bool pl_span_split(pl_span *in, char delimiter, pl_span *out);
/* A line without its LF or CRLF. */
bool pl_span_line(pl_span *in, pl_span *out);
/* The next run without white space. */
bool pl_span_word(pl_span *in, pl_span *out);
bool pl_span_u8(pl_span *in, uint8_t *out);
bool pl_span_u16le(pl_span *in, uint16_t *out);
bool pl_span_u32le(pl_span *in, uint32_t *out);
bool pl_span_u64le(pl_span *in, uint64_t *out);
bool pl_span_u16be(pl_span *in, uint16_t *out);
bool pl_span_u32be(pl_span *in, uint32_t *out);
bool pl_span_u64be(pl_span *in, uint64_t *out);
/* Unsigned LEB128; at most 10 bytes, must fit. */
bool pl_span_varint(pl_span *in, uint64_t *out);
/* A decimal number that is the whole span, at most max. */
bool pl_span_decimal(pl_span s, uint64_t max, uint64_t *out);

/* Bytes of the UTF-8 character in front (RFC 3629: shortest form, no surrogates); 0 when it is none
 * or s is empty. */
size_t pl_span_utf8(pl_span s);

/* Shell-like path pattern: "*" within one component, "**" across components, "?" one byte,
 * "{a,b}" alternatives (not nested), everything else itself. Iterative with bounded backtracking.
 */
bool pl_glob_match(pl_span pattern, pl_span path);
