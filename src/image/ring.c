#include "image/ring.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/inflate.h"

enum {
    N_STORED = 8,
    N_TAR = 8,
    STORED_BYTES = 128 << 10,
    TAR_BYTES = 256 << 10,
    STACK_BYTES = 256 << 10,
    POLL_MS = 200,
};

/* Blocks of one kind, made by one thread and used by the other, in order. */
struct lane {
    char *blocks;
    size_t n, size;
    size_t len[8];
    unsigned made, used; /* counts since the start, under the lock */
};

struct pl_ring {
    struct pl_stream stream;
    const struct pl_limits *limits;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct lane stored, tar;
    bool known, plain; /* what it is compressed with; plain: the stored blocks are the tar */
    bool stored_ended; /* all stored blocks are made */
    bool tar_ended;    /* all tar blocks are made: at the end, or before a flaw */
    bool stop;
    struct pl_err flaw; /* of the inflating thread; rc 0: none */

    /* The inflating thread's own. */
    uint64_t offset;
    enum pl_compression compression;

    /* The caller's own. */
    struct pl_hasher *stored_hash, *tar_hash;
    uint64_t n_stored_bytes, n_tar_bytes;
    bool holding; /* a block that pl_ring_next() gave */
    bool saw_flaw;
    _Atomic uint64_t position;
    _Atomic(_Atomic uint64_t *) watch;
};

/* ---- both ---- */

static bool lane_init(struct lane *l, size_t n, size_t size)
{
    *l = (struct lane){ .n = n, .size = size, .blocks = malloc(n * size) };
    return l->blocks != NULL;
}

static char *block_at(const struct lane *l, unsigned count)
{
    return l->blocks + (count % l->n) * l->size;
}

static void note_change(struct pl_ring *r) { pthread_cond_signal(&r->changed); }

/* ---- the inflating thread ---- */

static bool stopped(struct pl_ring *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

/* A free block of the lane; NULL when told to stop. */
static char *free_block(struct pl_ring *r, struct lane *l)
{
    pthread_mutex_lock(&r->lock);
    while (!r->stop && l->made - l->used == l->n)
        pthread_cond_wait(&r->changed, &r->lock);
    char *p = r->stop ? NULL : block_at(l, l->made);
    pthread_mutex_unlock(&r->lock);
    return p;
}

static void give_block(struct pl_ring *r, struct lane *l, size_t len)
{
    pthread_mutex_lock(&r->lock);
    l->len[l->made % l->n] = len;
    l->made++;
    note_change(r);
    pthread_mutex_unlock(&r->lock);
}

/* A pipe's writer may be silent for long: wait in slices, so that stopping is never late. */
static bool wait_readable(struct pl_ring *r)
{
    struct pollfd p = { .fd = r->stream.fd, .events = POLLIN };
    while (!stopped(r)) {
        int n = poll(&p, 1, POLL_MS);
        if (n > 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return true;
    }
    return false;
}

static ssize_t read_some(struct pl_ring *r, char *to, size_t size)
{
    ssize_t n;
    do {
        if (r->stream.seekable)
            n = pread(r->stream.fd, to, size, (off_t)(r->stream.offset + r->offset));
        else if (wait_readable(r))
            n = read(r->stream.fd, to, size);
        else
            return 0;
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    return n;
}

/* A whole block unless the stream ends: the tar's 512-byte records then never straddle two. */
static pl_rc read_block(struct pl_ring *r, char *to, size_t *got, struct pl_err *err)
{
    uint64_t left = r->stream.length == UINT64_MAX ? UINT64_MAX : r->stream.length - r->offset;
    size_t want = left < STORED_BYTES ? (size_t)left : STORED_BYTES, at = 0;
    while (at < want) {
        ssize_t n = read_some(r, to + at, want - at);
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "cannot read the layer");
        if (n == 0)
            break;
        at += (size_t)n;
        r->offset += (uint64_t)n;
    }
    *got = at;
    if (at < want && r->stream.length != UINT64_MAX && !stopped(r))
        return pl_fail(err, PL_EFORMAT, "the layer ends after %llu of %llu bytes",
                       (unsigned long long)r->offset, (unsigned long long)r->stream.length);
    return PL_OK;
}

static void tell_position(struct pl_ring *r)
{
    atomic_store_explicit(&r->position, r->offset, memory_order_relaxed);
    _Atomic uint64_t *watch = atomic_load(&r->watch);
    if (watch)
        atomic_store_explicit(watch, r->offset, memory_order_relaxed);
}

static void learn_compression(struct pl_ring *r, pl_span first)
{
    r->compression = pl_compression_of(first);
    pthread_mutex_lock(&r->lock);
    r->plain = r->compression == PL_PLAIN;
    r->known = true;
    pthread_mutex_unlock(&r->lock);
}

/* The next stored block, handed to the other thread for hashing and to the inflater at once. A
 * short read is told after its bytes have been given. */
static pl_rc next_stored(void *ctx, pl_span *out, struct pl_err *err)
{
    struct pl_ring *r = ctx;
    size_t got = 0;
    char *to = free_block(r, &r->stored);
    if (!to)
        return pl_fail(err, PL_EIO, "stopped");
    struct pl_err why = { 0 };
    pl_rc rc = read_block(r, to, &got, &why);
    if (rc && got == 0) {
        if (err)
            *err = why;
        return rc;
    }
    if (!r->known)
        learn_compression(r, pl_span_of(to, got));
    if (got)
        give_block(r, &r->stored, got);
    tell_position(r);
    *out = pl_span_of(to, got);
    return PL_OK;
}

struct first_block {
    struct pl_ring *ring;
    pl_span first;
    bool given;
};

static pl_rc first_then_next(void *ctx, pl_span *out, struct pl_err *err)
{
    struct first_block *f = ctx;
    if (f->given)
        return next_stored(f->ring, out, err);
    f->given = true;
    *out = f->first;
    return PL_OK;
}

static pl_rc inflate_blocks(struct pl_ring *r, pl_span first, struct pl_err *err)
{
    struct first_block from = { .ring = r, .first = first };
    struct pl_stored stored = { first_then_next, &from };
    PL_AUTO(inflate) struct pl_inflate *z = NULL;
    pl_rc rc = pl_inflate_new(r->compression, &stored, r->limits, &z, err);
    while (!rc) {
        size_t got = 0;
        char *to = free_block(r, &r->tar);
        if (!to)
            return pl_fail(err, PL_EIO, "stopped");
        rc = pl_inflate_read(z, to, TAR_BYTES, &got, err);
        if (!rc && got == 0)
            break;
        if (!rc)
            give_block(r, &r->tar, got);
    }
    return rc;
}

/* The first block has been read, to learn that it is a tar. */
static pl_rc pass_blocks(struct pl_ring *r, struct pl_err *err)
{
    pl_span block = { .len = 1 };
    pl_rc rc = PL_OK;
    while (!rc && block.len) {
        if (r->offset > r->limits->layer_bytes)
            return pl_fail(err, PL_ELIMIT, "larger than %llu bytes",
                           (unsigned long long)r->limits->layer_bytes);
        rc = next_stored(r, &block, err);
    }
    return rc;
}

/* After a flaw the stored bytes are still read to their end: their digest tells a damaged copy
 * from a damaged original. */
static void drain_stored(struct pl_ring *r)
{
    pl_span block = { .len = 1 };
    while (block.len && next_stored(r, &block, NULL) == PL_OK)
        ;
}

static void *inflating(void *ctx)
{
    struct pl_ring *r = ctx;
    struct pl_err err = { 0 };
    pl_span first = PL_SPAN_NONE;
    pl_rc rc = next_stored(r, &first, &err);
    if (!rc && first.len)
        rc = r->compression == PL_PLAIN ? pass_blocks(r, &err) : inflate_blocks(r, first, &err);
    pthread_mutex_lock(&r->lock);
    r->flaw = err;
    r->flaw.rc = rc;
    r->known = r->tar_ended = true;
    note_change(r);
    pthread_mutex_unlock(&r->lock);
    if (!r->plain && (rc == PL_EFORMAT || rc == PL_ELIMIT))
        drain_stored(r);
    pthread_mutex_lock(&r->lock);
    r->stored_ended = true;
    note_change(r);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- the caller's thread ---- */

static void ring_free(struct pl_ring *r)
{
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    free(r->stored.blocks);
    free(r->tar.blocks);
    pl_hasher_free(r->stored_hash);
    pl_hasher_free(r->tar_hash);
    free(r);
}

static pl_rc start_thread(struct pl_ring *r, struct pl_err *err)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int code = pthread_create(&r->thread, &attr, inflating, r);
    pthread_attr_destroy(&attr);
    return code ? pl_fail_errno(err, PL_EIO, code, "cannot start a thread") : PL_OK;
}

pl_rc pl_ring_start(const struct pl_stream *stream, const struct pl_limits *limits,
                    struct pl_ring **out, struct pl_err *err)
{
    struct pl_ring *r = calloc(1, sizeof(*r));
    if (!r)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    r->stream = *stream;
    r->limits = limits;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    pl_rc rc = PL_OK;
    if (!lane_init(&r->stored, N_STORED, STORED_BYTES) || !lane_init(&r->tar, N_TAR, TAR_BYTES))
        rc = pl_fail(err, PL_ENOMEM, "out of memory");
    if (!rc)
        rc = pl_hasher_new(PL_LIT("sha256"), &r->stored_hash, err);
    if (!rc)
        rc = pl_hasher_new(PL_LIT("sha256"), &r->tar_hash, err);
    if (!rc)
        rc = start_thread(r, err);
    if (rc) {
        ring_free(r);
        return rc;
    }
    *out = r;
    return PL_OK;
}

static void give_back(struct pl_ring *r, struct lane *l, unsigned n)
{
    pthread_mutex_lock(&r->lock);
    l->used += n;
    note_change(r);
    pthread_mutex_unlock(&r->lock);
}

/* Hash the stored blocks from l->used up to `made` and give them back. */
static void hash_stored(struct pl_ring *r, unsigned made)
{
    unsigned n = made - r->stored.used;
    for (unsigned i = r->stored.used; i != made; i++) {
        size_t len = r->stored.len[i % r->stored.n];
        pl_hasher_add(r->stored_hash, pl_span_of(block_at(&r->stored, i), len));
        r->n_stored_bytes += len;
    }
    if (n)
        give_back(r, &r->stored, n);
}

/* Wait for something to do; what there is, by count. True when a tar block is there or will never
 * be. */
static bool await(struct pl_ring *r, unsigned *stored_made, bool *tar_there)
{
    pthread_mutex_lock(&r->lock);
    for (;;) {
        const struct lane *tar = r->plain ? &r->stored : &r->tar;
        *stored_made = r->plain || !r->known ? r->stored.used : r->stored.made;
        *tar_there = r->known && tar->made != tar->used;
        if (*tar_there || r->tar_ended || *stored_made != r->stored.used)
            break;
        pthread_cond_wait(&r->changed, &r->lock);
    }
    bool settled = *tar_there || (r->tar_ended && *stored_made == r->stored.used);
    pthread_mutex_unlock(&r->lock);
    return settled;
}

pl_rc pl_ring_next(struct pl_ring *r, pl_span *out, struct pl_err *err)
{
    unsigned made;
    bool there, settled;
    if (r->holding)
        give_back(r, r->plain ? &r->stored : &r->tar, 1);
    r->holding = false;
    do {
        settled = await(r, &made, &there);
        hash_stored(r, made);
    } while (!settled);
    if (!there) {
        *out = PL_SPAN_NONE;
        r->saw_flaw = r->flaw.rc != PL_OK;
        if (r->saw_flaw && err)
            *err = r->flaw;
        return r->flaw.rc;
    }
    struct lane *l = r->plain ? &r->stored : &r->tar;
    *out = pl_span_of(block_at(l, l->used), l->len[l->used % l->n]);
    pl_hasher_add(r->tar_hash, *out);
    r->n_tar_bytes += out->len;
    r->holding = true;
    return PL_OK;
}

/* Only after the tar has ended: hash what the other thread still reads. */
static void hash_rest(struct pl_ring *r)
{
    for (bool ended = false; !ended;) {
        pthread_mutex_lock(&r->lock);
        while (!r->stored_ended && r->stored.made == r->stored.used)
            pthread_cond_wait(&r->changed, &r->lock);
        unsigned made = r->stored.made;
        ended = r->stored_ended;
        pthread_mutex_unlock(&r->lock);
        hash_stored(r, made);
    }
}

void pl_ring_totals(struct pl_ring *r, struct pl_layer_totals *out)
{
    *out = (struct pl_layer_totals){ 0 };
    if (r->plain && !r->saw_flaw) {
        pl_hasher_finish(r->tar_hash, &out->diff_id);
        out->digest = out->diff_id;
        out->size = out->stored_size = r->n_tar_bytes;
        return;
    }
    if (!r->plain)
        hash_rest(r);
    out->size = r->n_tar_bytes;
    out->stored_size = r->plain ? r->n_tar_bytes : r->n_stored_bytes;
    if (!r->saw_flaw)
        pl_hasher_finish(r->tar_hash, &out->diff_id);
    if (!r->plain && r->flaw.rc != PL_EIO)
        pl_hasher_finish(r->stored_hash, &out->digest);
}

uint64_t pl_ring_position(const struct pl_ring *r)
{
    return atomic_load_explicit(&r->position, memory_order_relaxed);
}

void pl_ring_watch(struct pl_ring *r, _Atomic uint64_t *position)
{
    atomic_store(&r->watch, position);
}

void pl_ring_stop(struct pl_ring *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    ring_free(r);
}
