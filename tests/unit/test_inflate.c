/* Inflating: every compression, in many members, cut off, damaged, or grown into a bomb. */
#include <bzlib.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zstd.h>

#include <cmocka.h>

#include "image/inflate.h"
#include "tar_maker.h"

/* Stored bytes in blocks of a chosen size, so that every boundary falls everywhere. */
struct feeder {
    pl_span left;
    size_t block;
};

static pl_rc feed(void *ctx, pl_span *out, struct pl_err *err)
{
    (void)err;
    struct feeder *f = ctx;
    *out = pl_span_sub(f->left, 0, f->block);
    f->left = pl_span_from(f->left, out->len);
    return PL_OK;
}

static pl_rc inflate_with(pl_span stored, size_t block, size_t room, const struct pl_limits *limits,
                          struct pl_buf *out, struct pl_err *err)
{
    struct feeder f = { stored, block };
    struct pl_stored from = { feed, &f };
    PL_AUTO(inflate) struct pl_inflate *z = NULL;
    char *buf = malloc(room);
    size_t got = 1;
    pl_rc rc = pl_inflate_new(pl_compression_of(stored), &from, limits, &z, err);
    while (!rc && got) {
        rc = pl_inflate_read(z, buf, room, &got, err);
        if (!rc)
            pl_buf_add(out, pl_span_of(buf, got));
    }
    free(buf);
    return rc;
}

static void check(pl_span stored, pl_span want)
{
    static const size_t blocks[] = { 1, 3, 64, 4096, 1 << 20 };
    for (size_t i = 0; i < PL_COUNT(blocks); i++) {
        PL_AUTO(buf) struct pl_buf out = { 0 };
        struct pl_err err = { 0 };
        pl_rc rc = inflate_with(stored, blocks[i], i % 2 ? 1000 : 65536, &PL_LIMITS, &out, &err);
        assert_string_equal(err.msg, "");
        assert_int_equal(rc, PL_OK);
        assert_true(pl_span_eq(pl_buf_span(&out), want));
    }
}

static void check_flaw(pl_span stored, pl_rc want, const char *words)
{
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    assert_int_equal(inflate_with(stored, 100, 1000, &PL_LIMITS, &out, &err), want);
    assert_non_null(strstr(err.msg, words));
}

static struct pl_buf sample(void)
{
    struct pl_buf b = { 0 };
    unsigned x = 1;
    for (int i = 0; i < 20000; i++) {
        x = x * 1103515245 + 12345;
        pl_buf_printf(&b, "%u line\n", x >> 20);
    }
    return b;
}

static void zstd_put(struct pl_buf *b, pl_span bytes)
{
    size_t most = ZSTD_compressBound(bytes.len);
    assert_true(pl_buf_reserve(b, most));
    b->len += ZSTD_compress(b->ptr + b->len, most, bytes.ptr, bytes.len, 3);
}

static void xz_put(struct pl_buf *b, pl_span bytes)
{
    size_t most = lzma_stream_buffer_bound(bytes.len), at = 0;
    assert_true(pl_buf_reserve(b, most));
    assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)bytes.ptr,
                                             bytes.len, (uint8_t *)b->ptr + b->len, &at, most),
                     LZMA_OK);
    b->len += at;
}

static void bzip2_put(struct pl_buf *b, pl_span bytes)
{
    unsigned most = (unsigned)bytes.len + 1000;
    assert_true(pl_buf_reserve(b, most));
    assert_int_equal(BZ2_bzBuffToBuffCompress(b->ptr + b->len, &most, (char *)(uintptr_t)bytes.ptr,
                                              (unsigned)bytes.len, 9, 0, 0),
                     BZ_OK);
    b->len += most;
}

typedef void (*put_fn)(struct pl_buf *b, pl_span bytes);
static void gzip_default(struct pl_buf *b, pl_span bytes) { gzip_put(b, bytes, 6); }
static const put_fn puts_all[] = { gzip_default, zstd_put, xz_put, bzip2_put };

static void one_member_and_many(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf plain = sample();
    pl_span all = pl_buf_span(&plain);
    check(all, all);
    for (size_t i = 0; i < PL_COUNT(puts_all); i++) {
        PL_AUTO(buf) struct pl_buf one = { 0 };
        PL_AUTO(buf) struct pl_buf many = { 0 };
        puts_all[i](&one, all);
        check(pl_buf_span(&one), all);
        for (size_t at = 0; at < all.len; at += 30000) {
            puts_all[i](&many, pl_span_sub(all, at, 30000));
            puts_all[i](&many, PL_LIT("")); /* an empty member, as eStargz ends */
        }
        check(pl_buf_span(&many), all);
        static const char zeros[512];
        pl_buf_add(&many, pl_span_of(zeros, sizeof(zeros)));
        check(pl_buf_span(&many), all);
    }
}

static void a_thousand_tiny_members(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf many = { 0 };
    PL_AUTO(buf) struct pl_buf want = { 0 };
    for (int i = 0; i < 1000; i++) {
        char c = (char)('a' + i % 26);
        gzip_put(&many, pl_span_of(&c, 1), i % 10);
        pl_buf_char(&want, c);
    }
    check(pl_buf_span(&many), pl_buf_span(&want));
}

static void skippable_frames(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_buf_add(&b, PL_LIT("\x5a\x2a\x4d\x18\x04\0\0\0skip"));
    zstd_put(&b, PL_LIT("hello "));
    pl_buf_add(&b, PL_LIT("\x50\x2a\x4d\x18\0\0\0\0"));
    zstd_put(&b, PL_LIT("world"));
    pl_buf_add(&b, PL_LIT("\x50\x2a\x4d\x18\x03\0\0\0end"));
    check(pl_buf_span(&b), PL_LIT("hello world"));
}

/* Cut at every length: never a clean end, and never another byte than the true ones. */
static void cut_off(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf plain = sample();
    pl_span all = pl_span_sub(pl_buf_span(&plain), 0, 3000);
    for (size_t i = 0; i < PL_COUNT(puts_all); i++) {
        PL_AUTO(buf) struct pl_buf b = { 0 };
        puts_all[i](&b, all);
        for (size_t n = 6; n < b.len; n++) {
            PL_AUTO(buf) struct pl_buf out = { 0 };
            struct pl_err err = { 0 };
            pl_span part = pl_span_sub(pl_buf_span(&b), 0, n);
            assert_int_equal(inflate_with(part, 64, 700, &PL_LIMITS, &out, &err), PL_EFORMAT);
            assert_true(pl_span_starts(all, pl_buf_span(&out)));
        }
    }
}

static void damaged(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf b = { 0 };
    gzip_put(&b, PL_LIT("some bytes that have a checksum"), 6);
    b.ptr[b.len - 6] ^= 1; /* CRC32 */
    check_flaw(pl_buf_span(&b), PL_EFORMAT, "checksum");
    b.ptr[b.len - 6] ^= 1;
    b.ptr[b.len - 2] ^= 1; /* ISIZE */
    check_flaw(pl_buf_span(&b), PL_EFORMAT, "checksum");
    b.ptr[b.len - 2] ^= 1;
    pl_buf_add(&b, PL_LIT("garbage"));
    check_flaw(pl_buf_span(&b), PL_EFORMAT, "behind the end");
    b.len -= 7;
    pl_buf_add(&b, PL_LIT("\0\0\0\0x"));
    check_flaw(pl_buf_span(&b), PL_EFORMAT, "behind the end");
    for (size_t i = 1; i < PL_COUNT(puts_all); i++) {
        PL_AUTO(buf) struct pl_buf c = { 0 };
        puts_all[i](&c, PL_LIT("some bytes that have a checksum, or at least a format"));
        pl_buf_add(&c, PL_LIT("garbage"));
        check_flaw(pl_buf_span(&c), PL_EFORMAT, "behind the end");
        c.len -= 7;
        for (size_t k = 8; k + 4 < c.len && k < 24; k++)
            c.ptr[k] = (char)~c.ptr[k];
        check_flaw(pl_buf_span(&c), PL_EFORMAT, "");
    }
}

static void bombs(void **state)
{
    (void)state;
    static char zeros[4 << 20];
    struct pl_limits limits = PL_LIMITS;
    PL_AUTO(buf) struct pl_buf b = { 0 };
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    gzip_put(&b, pl_span_of(zeros, sizeof(zeros)), 9);
    limits.expansion = 100;
    limits.expansion_from = 1 << 20;
    assert_int_equal(inflate_with(pl_buf_span(&b), 4096, 65536, &limits, &out, &err), PL_ELIMIT);
    assert_true(out.len > 1 << 20 && out.len < sizeof(zeros));
    limits = PL_LIMITS;
    limits.layer_bytes = 3 << 20;
    out.len = 0;
    assert_int_equal(inflate_with(pl_buf_span(&b), 4096, 65536, &limits, &out, &err), PL_ELIMIT);
    assert_true(out.len < sizeof(zeros));
}

static void nothing_at_all(void **state)
{
    (void)state;
    check(PL_SPAN_NONE, PL_SPAN_NONE);
    check_flaw(PL_LIT("\x1f\x8b"), PL_EFORMAT, "cut off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_member_and_many),
        cmocka_unit_test(a_thousand_tiny_members),
        cmocka_unit_test(skippable_frames),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(damaged),
        cmocka_unit_test(bombs),
        cmocka_unit_test(nothing_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
