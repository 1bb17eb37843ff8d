/* ring.h - a layer's stored bytes through two threads: one reads and inflates, the other (the
 * caller's) hashes stored and inflated bytes and looks at the latter, without a copy.
 *
 * SHA-256 of both and everything the caller does cost less than inflating, so they hide behind it;
 * blocks are small enough that both threads find them in the cache. */
#pragma once
#include <stdatomic.h>

#include "image/source.h"
#include "model/layer_report.h"

struct pl_ring;

/* The stream's descriptor stays the caller's, and must stay open. */
pl_rc pl_ring_start(const struct pl_stream *stream, const struct pl_limits *limits,
                    struct pl_ring **out, struct pl_err *err) PL_CHECKED;
/* The next block of the tar, hashed; the one before is given back. Empty at the end. PL_EFORMAT,
 * PL_ELIMIT, PL_EIO once what was inflated before the flaw has been given; sticky. */
pl_rc pl_ring_next(struct pl_ring *r, pl_span *out, struct pl_err *err) PL_CHECKED;
/* After the end or a flaw: hashes the stored bytes that are left. diff_id stays unset after a flaw.
 */
void pl_ring_totals(struct pl_ring *r, struct pl_layer_totals *out);
uint64_t pl_ring_position(const struct pl_ring *r);                /* stored bytes read */
void pl_ring_watch(struct pl_ring *r, _Atomic uint64_t *position); /* told as it grows */
void pl_ring_stop(struct pl_ring *r);
