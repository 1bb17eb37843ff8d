/* rpm_blob.h - for tests: an rpm header blob as rpm would keep it, of any size. */
#pragma once
#include "analyze.h"

struct blob_entry {
    uint32_t tag, type, count;
    pl_span data;
};

static inline void put_u32be(struct pl_buf *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        pl_buf_char(b, (char)(v >> shift));
}

static inline void put_u32le(struct pl_buf *b, uint32_t v)
{
    for (int shift = 0; shift < 32; shift += 8)
        pl_buf_char(b, (char)(v >> shift));
}

/* Values are stored one after another; integers of four bytes at multiples of four. */
static inline void make_blob(struct pl_buf *out, const struct blob_entry *e, size_t n)
{
    struct pl_buf store = { 0 }, index = { 0 };
    for (size_t i = 0; i < n; i++) {
        while (e[i].type == 4 && store.len % 4)
            pl_buf_char(&store, '\0');
        put_u32be(&index, e[i].tag);
        put_u32be(&index, e[i].type);
        put_u32be(&index, (uint32_t)store.len);
        put_u32be(&index, e[i].count);
        pl_buf_add(&store, e[i].data);
    }
    put_u32be(out, (uint32_t)n);
    put_u32be(out, (uint32_t)store.len);
    pl_buf_add(out, pl_buf_span(&index));
    pl_buf_add(out, pl_buf_span(&store));
    pl_buf_done(&index);
    pl_buf_done(&store);
}

/* Package p<number> of version 1.<number>-1, its licence of `pad` bytes, one file. */
static inline void make_package(struct pl_buf *out, unsigned number, size_t pad)
{
    char name[32], version[32], source[64];
    char *license = calloc(1, pad + 1);
    size_t name_len = (size_t)snprintf(name, sizeof(name), "p%u", number) + 1;
    size_t version_len = (size_t)snprintf(version, sizeof(version), "1.%u", number) + 1;
    size_t source_len =
        (size_t)snprintf(source, sizeof(source), "s%u-1.%u-1.src.rpm", number / 2, number) + 1;
    const char epoch[4] = { 0, 0, 0, (char)(number % 3) };
    memset(license, 'x', pad);
    const struct blob_entry entries[] = {
        { 1000, 6, 1, pl_span_of(name, name_len) },
        { 1001, 6, 1, pl_span_of(version, version_len) },
        { 1002, 6, 1, pl_span_of("1", 2) },
        { 1003, 4, 1, pl_span_of(epoch, 4) },
        { 1014, 6, 1, pl_span_of(license, pad + 1) },
        { 1022, 6, 1, pl_span_of("x86_64", 7) },
        { 1044, 6, 1, pl_span_of(source, source_len) },
        { 1116, 4, 1, pl_span_of("\0\0\0\0", 4) },
        { 1117, 8, 1, pl_span_of(name, name_len) },
        { 1118, 8, 1, pl_span_of("/usr/bin/", 10) },
    };
    make_blob(out, entries, PL_COUNT(entries));
    free(license);
}

/* Packages first..first + n - 1 and nothing else were found, without a gap. */
static inline void expect_packages(struct analysis *a, unsigned first, unsigned n)
{
    const struct pl_layer_report *r = analysis_report(a);
    if (r->n_gaps)
        fail_msg("gap: %.*s", PL_FMT(r->gaps[0].detail));
    assert_int_equal(r->n_packages, n);
    assert_int_equal(r->n_owned, n);
    uint8_t seen[4096] = { 0 };
    for (size_t i = 0; i < n; i++) {
        const struct pl_package *p = &r->packages[i];
        uint64_t number;
        char version[64];
        assert_true(pl_span_decimal(pl_span_from(p->name, 1), UINT32_MAX, &number));
        assert_true(number >= first && number < first + n && !seen[number - first]++);
        snprintf(version, sizeof(version), number % 3 ? "%u:1.%u-1" : "%.0u1.%u-1",
                 (unsigned)(number % 3), (unsigned)number);
        if (!pl_span_eq(p->version, pl_span_str(version)))
            fail_msg("%.*s: %.*s, wanted %s", PL_FMT(p->name), PL_FMT(p->version), version);
        assert_true(pl_span_eq(p->source_version, p->version));
    }
}
