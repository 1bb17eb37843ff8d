/* probe.h - open a target and print what its source gives: for tests/e2e/transports.py, which runs
 * test_source with targets as arguments. */
#pragma once
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/source.h"
#include "model/layer_report.h"

/* Reads the whole stream; the digest of what came, and how much. */
static inline bool probe_read(const struct pl_stream *s, pl_digest *digest, uint64_t *size)
{
    static char buf[64 << 10];
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    if (pl_hasher_new(PL_LIT("sha256"), &h, NULL))
        return false;
    *size = 0;
    while (*size < s->length) {
        size_t want = s->length - *size < sizeof(buf) ? (size_t)(s->length - *size) : sizeof(buf);
        ssize_t n = s->seekable ? pread(s->fd, buf, want, (off_t)(s->offset + *size))
                                : read(s->fd, buf, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        pl_hasher_add(h, pl_span_of(buf, (size_t)n));
        *size += (uint64_t)n;
    }
    pl_hasher_finish(h, digest);
    return true;
}

static inline int probe(const char *target, const char *platform)
{
    struct pl_arena arena;
    struct pl_err err = { 0 };
    struct pl_source *s = NULL;
    pl_arena_init(&arena, 256 * PL_MIB);
    struct pl_source_opts o = { .limits = &PL_LIMITS, .arena = &arena, .platform = platform };
    if (pl_source_open(target, &o, &s, &err)) {
        printf("error\t%d\t%s\n", (int)err.rc, err.msg);
        pl_arena_done(&arena);
        return 1;
    }
    const struct pl_image *image = s->image;
    printf("image\t%.*s\t%s\t%s\t%.*s/%.*s\t%" PRIu64 "\n", PL_FMT(image->transport),
           image->digest.text, image->image_id.text, PL_FMT(image->os), PL_FMT(image->architecture),
           image->size);
    const struct pl_gap *gaps = image->gaps.items;
    for (size_t i = 0; i < image->gaps.n; i++)
        printf("gap\t%d\t%.*s\t%.*s\n", gaps[i].layer, PL_FMT(gaps[i].reason),
               PL_FMT(gaps[i].detail));
    if (getenv("PLIMSOLL_TEST_NO_LAYERS")) {
        pl_source_close(s);
        pl_arena_done(&arena);
        return 0;
    }
    if (s->ops->prepare && s->ops->prepare(s, &err))
        printf("prepare\t%s\n", err.msg);
    for (size_t i = 0; i < image->n_layers && s->rootfs_fd < 0; i++) {
        unsigned at = s->read_order ? s->read_order[i] : (unsigned)i;
        const struct pl_layer *l = &image->layers[at];
        struct pl_stream stream;
        pl_digest digest = { 0 };
        uint64_t size = 0;
        const char *state = l->empty ? "empty" : l->unreadable ? l->unreadable : "read";
        if (!l->empty && !l->unreadable) {
            if (s->ops->layer_open(s, at, &stream, &err)) {
                state = err.msg;
            } else {
                probe_read(&stream, &digest, &size);
                close(stream.fd);
                if (s->ops->layer_status && s->ops->layer_status(s, at, &err))
                    state = err.msg;
            }
        }
        printf("layer\t%u\t%s\t%s\t%s\t%" PRIu64 "\t%s\t%.*s\n", at, state, l->digest.text,
               l->diff_id.text, size, digest.text, PL_FMT(l->created_by));
    }
    pl_source_close(s);
    pl_arena_done(&arena);
    return 0;
}
