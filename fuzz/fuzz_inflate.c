/* Stored bytes of every compression, in blocks whose size the first byte says. */
#include <stdint.h>
#include <stdlib.h>

#include "image/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feeder {
    pl_span left;
    size_t block;
};

/* Each block at an address of its own, so that reading beyond it is seen. */
static char *last;

static pl_rc feed(void *ctx, pl_span *out, struct pl_err *err)
{
    (void)err;
    struct feeder *f = ctx;
    pl_span part = pl_span_sub(f->left, 0, f->block);
    f->left = pl_span_from(f->left, part.len);
    free(last);
    last = malloc(part.len ? part.len : 1);
    if (!last)
        abort();
    if (part.len)
        memcpy(last, part.ptr, part.len);
    *out = pl_span_of(last, part.len);
    return PL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[70000];
    if (size == 0)
        return 0;
    struct pl_limits limits = PL_LIMITS;
    struct feeder f = { pl_span_of(data + 1, size - 1), data[0] % 2 ? 1 << 20 : 1 + data[0] / 4 };
    struct pl_stored from = { feed, &f };
    PL_AUTO(inflate) struct pl_inflate *z = NULL;
    struct pl_err err;
    size_t got = 1;
    limits.layer_bytes = 16 << 20;
    if (pl_inflate_new(pl_compression_of(f.left), &from, &limits, &z, &err))
        return 0;
    size_t want = data[0] % 3 ? sizeof(room) : 100;
    while (got && pl_inflate_read(z, room, want, &got, &err) == PL_OK)
        ;
    free(last);
    last = NULL;
    return 0;
}
