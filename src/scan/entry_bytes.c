#include "scan/entry_bytes.h"

static pl_rc read_block(struct pl_blocks *blocks, pl_span *out, struct pl_err *err)
{
    return pl_entry_bytes_next((struct pl_entry_bytes *)blocks, out, err);
}

void pl_entry_bytes_init(struct pl_entry_bytes *b, struct pl_walk *walk, uint64_t size)
{
    b->blocks = (struct pl_blocks){ .read = read_block, .size = size };
    b->walk = walk;
    b->copy = NULL;
    b->begin = b->block = PL_SPAN_NONE;
    b->left = size;
    b->rc = PL_OK;
}

void pl_entry_bytes_memory(struct pl_entry_bytes *b, pl_span bytes)
{
    pl_entry_bytes_init(b, NULL, bytes.len);
    b->block = bytes;
    b->left = 0;
}

/* The walk's next block; empty at the file's end. */
static pl_rc pull(struct pl_entry_bytes *b, pl_span *out, struct pl_err *err)
{
    *out = PL_SPAN_NONE;
    if (b->rc) {
        if (err)
            *err = b->err;
        return b->rc;
    }
    if (b->left == 0)
        return PL_OK;
    pl_span block;
    b->rc = pl_walk_read(b->walk, &block, &b->err);
    if (b->rc) {
        if (err)
            *err = b->err;
        return b->rc;
    }
    *out = pl_span_sub(block, 0, b->left > SIZE_MAX ? SIZE_MAX : (size_t)b->left);
    b->left = out->len ? b->left - out->len : 0;
    return PL_OK;
}

pl_rc pl_entry_bytes_peek(struct pl_entry_bytes *b, size_t want, pl_span *out, struct pl_err *err)
{
    pl_rc rc = pull(b, &b->block, err);
    size_t n = 0;
    if (rc)
        return rc;
    if (b->block.len >= want || b->left == 0) {
        *out = b->block;
        return PL_OK;
    }
    while (!rc && b->block.len && n < want) {
        size_t take = b->block.len < want - n ? b->block.len : want - n;
        memcpy(b->head + n, b->block.ptr, take);
        n += take;
        b->block = pl_span_from(b->block, take);
        if (n < want)
            rc = pull(b, &b->block, err);
    }
    if (rc)
        return rc;
    *out = b->begin = pl_span_of(b->head, n);
    return PL_OK;
}

bool pl_entry_bytes_whole(const struct pl_entry_bytes *b, pl_span *out)
{
    if (b->left || (b->begin.len && b->block.len))
        return false;
    *out = b->begin.len ? b->begin : b->block;
    return true;
}

pl_rc pl_entry_bytes_next(struct pl_entry_bytes *b, pl_span *out, struct pl_err *err)
{
    pl_span block = PL_SPAN_NONE;
    pl_rc rc = PL_OK;
    if (b->begin.len) {
        block = b->begin;
        b->begin = PL_SPAN_NONE;
    } else if (b->block.len) {
        block = b->block;
        b->block = PL_SPAN_NONE;
    } else {
        rc = pull(b, &block, err);
    }
    if (rc)
        return rc;
    if (b->copy)
        pl_buf_add(b->copy, block);
    *out = block;
    return PL_OK;
}

pl_rc pl_entry_bytes_drain(struct pl_entry_bytes *b, struct pl_err *err)
{
    pl_span block;
    pl_rc rc = PL_OK;
    do
        rc = pl_entry_bytes_next(b, &block, err);
    while (!rc && block.len);
    return rc;
}
