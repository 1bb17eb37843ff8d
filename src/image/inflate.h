/* inflate.h - stored bytes of a layer in, its tar out, whatever it was compressed with.
 *
 * gzip (RFC 1952) of one member or many, zstd (RFC 8878) with many frames and skippable ones, xz,
 * bzip2, or nothing at all: told by magic, never by name or media type. Every member's checksum is
 * checked. Behind the last member only zeros may stand (tape padding, tar's own blocking). */
#pragma once
#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"

enum pl_compression { PL_PLAIN, PL_GZIP, PL_ZSTD, PL_XZ, PL_BZIP2 };

/* By the first bytes; six suffice. */
enum pl_compression pl_compression_of(pl_span first);
const char *pl_compression_text(enum pl_compression c); /* "gzip" */

/* Where stored bytes come from: the next block, which stays until the next call; empty at the
 * end. */
struct pl_stored {
    pl_rc (*next)(void *ctx, pl_span *out, struct pl_err *err);
    void *ctx;
};

struct pl_inflate;
pl_rc pl_inflate_new(enum pl_compression c, const struct pl_stored *from,
                     const struct pl_limits *limits, struct pl_inflate **out,
                     struct pl_err *err) PL_CHECKED;
/* Fills buf; *got is less than size only where the stream ends or breaks, and 0 at the end. What
 * was inflated before a flaw is given first; PL_EFORMAT (broken, cut off) or PL_ELIMIT (a bomb:
 * layer_bytes, expansion) come with the next call and stay. */
pl_rc pl_inflate_read(struct pl_inflate *z, void *buf, size_t size, size_t *got,
                      struct pl_err *err) PL_CHECKED;
void pl_inflate_free(struct pl_inflate *z);
PL_AUTO_DEFINE(inflate, struct pl_inflate *, pl_inflate_free)
