/* entry_bytes.h - the bytes of the walk's entry, for several readers of different manners.
 *
 * The beginning can be looked at before anybody decides (magic). After that the blocks are pulled
 * one by one, without a copy; when somebody else wants the file whole, what passes is copied on
 * the way (`copy`), and what a reader left is drained behind it. A file is never longer than its
 * header says. */
#pragma once
#include "analyzer/analyzer.h"
#include "base/buf.h"
#include "image/walk.h"

enum { PL_HEAD_ROOM = 64 }; /* no magic is longer */

struct pl_entry_bytes {
    struct pl_blocks blocks; /* first, so that a row's blocks lead back to here */
    struct pl_walk *walk;    /* NULL: only what is in `block` */
    struct pl_buf *copy;     /* NULL: nobody wants it */
    char head[PL_HEAD_ROOM]; /* the beginning, where the walk gives it in crumbs */
    pl_span begin, block;    /* both still to be given */
    uint64_t left;           /* in the walk */
    pl_rc rc;                /* why the walk failed; that is the layer's flaw, not the row's */
    struct pl_err err;
};

void pl_entry_bytes_init(struct pl_entry_bytes *b, struct pl_walk *walk, uint64_t size);
/* Bytes that are in memory already. */
void pl_entry_bytes_memory(struct pl_entry_bytes *b, pl_span bytes);
/* At least min(want, size) bytes from the beginning, not consumed; want <= PL_HEAD_ROOM. Once,
 * before anything is read. */
pl_rc pl_entry_bytes_peek(struct pl_entry_bytes *b, size_t want, pl_span *out,
                          struct pl_err *err) PL_CHECKED;
/* The whole file where it already lies in one block. */
bool pl_entry_bytes_whole(const struct pl_entry_bytes *b, pl_span *out);
pl_rc pl_entry_bytes_next(struct pl_entry_bytes *b, pl_span *out, struct pl_err *err) PL_CHECKED;
/* Reads on to the end, for the copy's sake. */
pl_rc pl_entry_bytes_drain(struct pl_entry_bytes *b, struct pl_err *err) PL_CHECKED;
