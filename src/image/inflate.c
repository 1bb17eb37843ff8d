#include "image/inflate.h"

#include <bzlib.h>
#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <stdlib.h>
#include <zstd.h>

struct pl_inflate {
    const struct codec *codec;
    struct pl_stored from;
    const struct pl_limits *limits;
    pl_span in;    /* fetched, not yet taken */
    bool in_ended; /* no more blocks */
    bool inside;   /* of a member; false between members */
    bool ended;
    uint64_t stored, inflated, n_members;
    struct pl_err failed; /* rc set: the sticky flaw */
    union {
        struct inflate_state gzip;
        ZSTD_DStream *zstd;
        lzma_stream xz;
        bz_stream bzip2;
    } u;
};

/* One compression: begin a member; take from z->in, make bytes, say when the member is over. */
struct codec {
    const char *name;
    unsigned char first, first_mask; /* of a member's first byte */
    unsigned char also, also_mask;   /* another first byte; mask 0: none */
    pl_rc (*begin)(struct pl_inflate *z, struct pl_err *err);
    pl_rc (*step)(struct pl_inflate *z, pl_span *out, bool *over, struct pl_err *err);
    void (*done)(struct pl_inflate *z);
};

enum { XZ_MEMORY = 256 << 20, ZSTD_WINDOW_LOG = 27 };

/* ---- gzip: ISA-L ---- */

static pl_rc gzip_begin(struct pl_inflate *z, struct pl_err *err)
{
    (void)err;
    if (z->n_members == 0)
        isal_inflate_init(&z->u.gzip);
    else
        isal_inflate_reset(&z->u.gzip);
    z->u.gzip.crc_flag = ISAL_GZIP;
    return PL_OK;
}

static const char *gzip_flaw(int code)
{
    switch (code) {
    case ISAL_INCORRECT_CHECKSUM: return "checksum does not match";
    case ISAL_INVALID_WRAPPER: return "no gzip header where a member should begin";
    case ISAL_UNSUPPORTED_METHOD: return "unknown method";
    default: return "broken data";
    }
}

static pl_rc gzip_step(struct pl_inflate *z, pl_span *out, bool *over, struct pl_err *err)
{
    struct inflate_state *s = &z->u.gzip;
    size_t take = z->in.len < UINT32_MAX ? z->in.len : UINT32_MAX;
    s->next_in = (uint8_t *)(uintptr_t)z->in.ptr;
    s->avail_in = (uint32_t)take;
    s->next_out = (uint8_t *)(uintptr_t)out->ptr;
    s->avail_out = (uint32_t)out->len;
    int code = isal_inflate(s);
    z->in = pl_span_from(z->in, take - s->avail_in);
    out->len -= s->avail_out;
    *over = s->block_state == ISAL_BLOCK_FINISH;
    if (code < 0 || code == ISAL_NEED_DICT)
        return pl_fail(err, PL_EFORMAT, "gzip: %s", gzip_flaw(code));
    return PL_OK;
}

static void gzip_done(struct pl_inflate *z) { (void)z; }

/* ---- zstd ---- */

static pl_rc zstd_begin(struct pl_inflate *z, struct pl_err *err)
{
    if (!z->u.zstd && !(z->u.zstd = ZSTD_createDStream()))
        return pl_fail(err, PL_ENOMEM, "zstd: out of memory");
    ZSTD_DCtx_reset(z->u.zstd, ZSTD_reset_session_only);
    ZSTD_DCtx_setParameter(z->u.zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    return PL_OK;
}

static pl_rc zstd_step(struct pl_inflate *z, pl_span *out, bool *over, struct pl_err *err)
{
    ZSTD_inBuffer in = { z->in.ptr, z->in.len, 0 };
    ZSTD_outBuffer made = { (void *)(uintptr_t)out->ptr, out->len, 0 };
    size_t code = ZSTD_decompressStream(z->u.zstd, &made, &in);
    z->in = pl_span_from(z->in, in.pos);
    out->len = made.pos;
    *over = code == 0;
    if (ZSTD_isError(code))
        return pl_fail(err, PL_EFORMAT, "zstd: %s", ZSTD_getErrorName(code));
    return PL_OK;
}

static void zstd_done(struct pl_inflate *z) { ZSTD_freeDStream(z->u.zstd); }

/* ---- xz ---- */

static pl_rc xz_begin(struct pl_inflate *z, struct pl_err *err)
{
    lzma_end(&z->u.xz);
    z->u.xz = (lzma_stream)LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&z->u.xz, XZ_MEMORY, 0) != LZMA_OK)
        return pl_fail(err, PL_ENOMEM, "xz: out of memory");
    return PL_OK;
}

static pl_rc xz_step(struct pl_inflate *z, pl_span *out, bool *over, struct pl_err *err)
{
    lzma_stream *s = &z->u.xz;
    s->next_in = (const uint8_t *)z->in.ptr;
    s->avail_in = z->in.len;
    s->next_out = (uint8_t *)(uintptr_t)out->ptr;
    s->avail_out = out->len;
    lzma_ret code = lzma_code(s, LZMA_RUN);
    z->in = pl_span_from(z->in, z->in.len - s->avail_in);
    out->len -= s->avail_out;
    *over = code == LZMA_STREAM_END;
    if (code == LZMA_MEMLIMIT_ERROR)
        return pl_fail(err, PL_ELIMIT, "xz: needs more than %d MiB", XZ_MEMORY >> 20);
    if (code == LZMA_MEM_ERROR)
        return pl_fail(err, PL_ENOMEM, "xz: out of memory");
    if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR)
        return pl_fail(err, PL_EFORMAT, "xz: broken data");
    return PL_OK;
}

static void xz_done(struct pl_inflate *z) { lzma_end(&z->u.xz); }

/* ---- bzip2 ---- */

static pl_rc bzip2_begin(struct pl_inflate *z, struct pl_err *err)
{
    if (z->u.bzip2.state)
        BZ2_bzDecompressEnd(&z->u.bzip2);
    z->u.bzip2 = (bz_stream){ 0 };
    if (BZ2_bzDecompressInit(&z->u.bzip2, 0, 0) != BZ_OK)
        return pl_fail(err, PL_ENOMEM, "bzip2: out of memory");
    return PL_OK;
}

static pl_rc bzip2_step(struct pl_inflate *z, pl_span *out, bool *over, struct pl_err *err)
{
    bz_stream *s = &z->u.bzip2;
    unsigned take = z->in.len < UINT32_MAX ? (unsigned)z->in.len : UINT32_MAX;
    s->next_in = (char *)(uintptr_t)z->in.ptr;
    s->avail_in = take;
    s->next_out = (char *)(uintptr_t)out->ptr;
    s->avail_out = (unsigned)out->len;
    int code = BZ2_bzDecompress(s);
    z->in = pl_span_from(z->in, take - s->avail_in);
    out->len -= s->avail_out;
    *over = code == BZ_STREAM_END;
    if (code == BZ_MEM_ERROR)
        return pl_fail(err, PL_ENOMEM, "bzip2: out of memory");
    if (code != BZ_OK && code != BZ_STREAM_END)
        return pl_fail(err, PL_EFORMAT, "bzip2: broken data");
    return PL_OK;
}

static void bzip2_done(struct pl_inflate *z)
{
    if (z->u.bzip2.state)
        BZ2_bzDecompressEnd(&z->u.bzip2);
}

/* ---- nothing ---- */

static pl_rc plain_begin(struct pl_inflate *z, struct pl_err *err)
{
    (void)z, (void)err;
    return PL_OK;
}

static pl_rc plain_step(struct pl_inflate *z, pl_span *out, bool *over, struct pl_err *err)
{
    (void)err;
    pl_span taken = pl_span_sub(z->in, 0, out->len);
    if (taken.len)
        memcpy((char *)(uintptr_t)out->ptr, taken.ptr, taken.len);
    z->in = pl_span_from(z->in, taken.len);
    out->len = taken.len;
    *over = z->in.len == 0;
    return PL_OK;
}

static const struct codec codecs[] = {
    [PL_PLAIN] = { "tar", 0, 0, 0, 0, plain_begin, plain_step, gzip_done },
    [PL_GZIP] = { "gzip", 0x1f, 0xff, 0, 0, gzip_begin, gzip_step, gzip_done },
    [PL_ZSTD] = { "zstd", 0x28, 0xff, 0x50, 0xf0, zstd_begin, zstd_step, zstd_done },
    [PL_XZ] = { "xz", 0xfd, 0xff, 0, 0, xz_begin, xz_step, xz_done },
    [PL_BZIP2] = { "bzip2", 'B', 0xff, 0, 0, bzip2_begin, bzip2_step, bzip2_done },
};

enum pl_compression pl_compression_of(pl_span s)
{
    if (pl_span_starts(s, PL_LIT("\x1f\x8b")))
        return PL_GZIP;
    if (pl_span_starts(s, PL_LIT("\x28\xb5\x2f\xfd")))
        return PL_ZSTD;
    if (s.len >= 4 && (s.ptr[0] & 0xf0) == 0x50 && memcmp(s.ptr + 1, "\x2a\x4d\x18", 3) == 0)
        return PL_ZSTD; /* a skippable frame comes first: RFC 8878, 3.1.2 */
    if (pl_span_starts(s, PL_LIT("\xfd"
                                 "7zXZ\0")))
        return PL_XZ;
    return pl_span_starts(s, PL_LIT("BZh")) ? PL_BZIP2 : PL_PLAIN;
}

const char *pl_compression_text(enum pl_compression c) { return codecs[c].name; }

pl_rc pl_inflate_new(enum pl_compression c, const struct pl_stored *from,
                     const struct pl_limits *limits, struct pl_inflate **out, struct pl_err *err)
{
    struct pl_inflate *z = calloc(1, sizeof(*z));
    if (!z)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    z->codec = &codecs[c];
    z->from = *from;
    z->limits = limits;
    *out = z;
    return PL_OK;
}

void pl_inflate_free(struct pl_inflate *z)
{
    if (!z)
        return;
    z->codec->done(z);
    free(z);
}

static pl_rc fetch(struct pl_inflate *z, struct pl_err *err)
{
    while (z->in.len == 0 && !z->in_ended) {
        pl_rc rc = z->from.next(z->from.ctx, &z->in, err);
        if (rc)
            return rc;
        z->stored += z->in.len;
        z->in_ended = z->in.len == 0;
    }
    return PL_OK;
}

static bool begins_member(const struct codec *c, unsigned char first)
{
    return (first & c->first_mask) == c->first ||
           (c->also_mask && (first & c->also_mask) == c->also);
}

static pl_rc only_zeros(struct pl_inflate *z, struct pl_err *err)
{
    for (;;) {
        pl_rc rc = fetch(z, err);
        if (rc)
            return rc;
        if (z->in.len == 0)
            break;
        for (size_t i = 0; i < z->in.len; i++)
            if (z->in.ptr[i])
                return pl_fail(err, PL_EFORMAT, "%s: unknown bytes behind the end", z->codec->name);
        z->in.len = 0;
    }
    z->ended = true;
    return PL_OK;
}

static pl_rc between_members(struct pl_inflate *z, struct pl_err *err)
{
    if (z->in.len == 0) {
        z->ended = true;
        return PL_OK;
    }
    unsigned char first = (unsigned char)z->in.ptr[0];
    if (z->n_members && !begins_member(z->codec, first))
        return only_zeros(z, err);
    pl_rc rc = z->codec->begin(z, err);
    if (rc)
        return rc;
    z->n_members++;
    z->inside = true;
    return PL_OK;
}

static pl_rc check_bomb(const struct pl_inflate *z, struct pl_err *err)
{
    const struct pl_limits *l = z->limits;
    if (z->inflated > l->layer_bytes)
        return pl_fail(err, PL_ELIMIT, "inflates to more than %" PRIu64 " bytes", l->layer_bytes);
    if (z->codec != &codecs[PL_PLAIN] && z->inflated > l->expansion_from &&
        z->inflated / l->expansion > z->stored)
        return pl_fail(err, PL_ELIMIT, "inflates to more than %" PRIu64 " times its size",
                       l->expansion);
    return PL_OK;
}

/* One step forward inside a member; *out is room on entry and what was made on return. */
static pl_rc step(struct pl_inflate *z, pl_span *out, struct pl_err *err)
{
    size_t before = z->in.len;
    bool over = false;
    pl_rc rc = z->codec->step(z, out, &over, err);
    z->inflated += out->len;
    if (rc)
        return rc;
    if (over)
        z->inside = false;
    else if (out->len == 0 && z->in.len == before && z->in_ended)
        return pl_fail(err, PL_EFORMAT, "%s: cut off", z->codec->name);
    return check_bomb(z, err);
}

static pl_rc fill(struct pl_inflate *z, char *buf, size_t size, size_t *got, struct pl_err *err)
{
    while (*got < size && !z->ended) {
        pl_rc rc = fetch(z, err);
        if (!rc && !z->inside)
            rc = between_members(z, err);
        if (!rc && z->inside) {
            pl_span out = pl_span_of(buf + *got, size - *got);
            rc = step(z, &out, err);
            *got += out.len;
        }
        if (rc)
            return rc;
    }
    return PL_OK;
}

pl_rc pl_inflate_read(struct pl_inflate *z, void *buf, size_t size, size_t *got, struct pl_err *err)
{
    size_t n = 0;
    if (!z->failed.rc) {
        struct pl_err why = { 0 };
        pl_rc rc = fill(z, buf, size, &n, &why);
        if (rc) {
            z->failed = why;
            z->failed.rc = rc;
        }
    }
    if (z->failed.rc && n == 0) {
        if (err)
            *err = z->failed;
        return z->failed.rc;
    }
    *got = n;
    return PL_OK;
}
