/* The layer pass and rows that take a file as it streams past: who sees which bytes beside whom,
 * what is read of files that nobody wants, and what a name under several links costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "layer_result.h"
#include "tar_maker.h"

/* ---- analyzers of the test's own ---- */

static pl_rc put(const struct pl_input *in, struct pl_sink *out, const char *kind, uint64_t n,
                 const pl_digest *sum, struct pl_err *err)
{
    char text[256];
    snprintf(text, sizeof(text), "%llu %s", (unsigned long long)n, sum->text);
    struct pl_fact f = { .kind = pl_span_str(kind), .path = in->path, .bytes = pl_span_str(text) };
    return pl_sink_fact(out, &f, err);
}

/* Reads all, or only so many blocks. */
static pl_rc sum_blocks(const struct pl_input *in, struct pl_blocks *bytes, struct pl_sink *out,
                        const char *kind, size_t most, struct pl_err *err)
{
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    pl_digest sum;
    pl_span block = PL_LIT("x");
    uint64_t n = 0;
    assert_int_equal(in->bytes.len, 0);
    pl_rc rc = pl_hasher_new(PL_LIT("sha256"), &h, err);
    for (size_t i = 0; !rc && block.len && i < most; i++) {
        rc = bytes->read(bytes, &block, err);
        if (!rc)
            pl_hasher_add(h, block);
        n += rc ? 0 : block.len;
    }
    if (rc)
        return pl_wrap(err, "sum");
    if (most == SIZE_MAX)
        assert_int_equal(n, bytes->size);
    pl_hasher_finish(h, &sum);
    return put(in, out, kind, n, &sum, err);
}

static pl_rc sum_all(const struct pl_input *in, struct pl_blocks *bytes, struct pl_sink *out,
                     struct pl_err *err)
{
    return sum_blocks(in, bytes, out, "all", SIZE_MAX, err);
}

static pl_rc sum_first(const struct pl_input *in, struct pl_blocks *bytes, struct pl_sink *out,
                       struct pl_err *err)
{
    return sum_blocks(in, bytes, out, "first", 1, err);
}

static pl_rc refuse(const struct pl_input *in, struct pl_blocks *bytes, struct pl_sink *out,
                    struct pl_err *err)
{
    (void)in, (void)bytes, (void)out;
    return pl_fail(err, PL_ELIMIT, "nested too deep");
}

static pl_rc sum_whole(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    pl_digest sum;
    pl_sha256(in->bytes, &sum);
    return put(in, out, "whole", in->bytes.len, &sum, err);
}

static const char *const every_path[] = { "**", NULL };
static const struct pl_analyzer rows[] = {
    { .name = "all", .stream = sum_all },
    { .name = "first", .stream = sum_first },
    { .name = "whole", .max_bytes = 3 << 20, .parse = sum_whole },
    { .name = "refuse", .stream = refuse },
    { .name = "every", .paths = every_path, .magic = "\177ELF", .magic_len = 4, .stream = sum_all },
    { .name = "db", .paths = every_path + 1, .beside = "-wal", .parse = sum_whole },
};
static const struct pl_analyzer *const table[] = { &rows[0], &rows[1], &rows[2],
                                                   &rows[3], &rows[4], &rows[5] };

/* A letter of the suffix names each row; every path has the one for every path. */
static size_t by_letters(pl_span path, const struct pl_analyzer **out, size_t max)
{
    static const char letters[] = "afwred";
    size_t dot = pl_span_rchr(path, '.'), n = 0;
    pl_span suffix = dot == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(path, dot + 1);
    if (pl_span_chr(suffix, '-') != SIZE_MAX)
        suffix = PL_SPAN_NONE;
    for (size_t i = 0; i < PL_COUNT(rows); i++)
        if (n < max && (rows[i].name[0] == 'e' || pl_span_chr(suffix, letters[i]) != SIZE_MAX))
            out[n++] = &rows[i];
    return n;
}

/* ---- running ---- */

static void run_bytes(pl_span bytes, const struct pl_limits *limits, struct result *out)
{
    struct pl_layer_job job = { .name = "layer",
                                .stream = stream_of(bytes),
                                .tree_fd = -1,
                                .limits = limits,
                                .analyzers_for = by_letters,
                                .rows = table,
                                .n_rows = PL_COUNT(table) };
    run_job(&job, out);
    close(job.stream.fd);
}

static void fill(struct pl_buf *b, size_t n)
{
    for (unsigned i = 0; b->len < n; i++)
        pl_buf_printf(b, "%u,", i * 2654435761u);
    b->len = n;
}

static void assert_sum(const struct result *r, const char *path, const char *kind, pl_span bytes)
{
    char text[256];
    pl_digest sum;
    pl_sha256(bytes, &sum);
    snprintf(text, sizeof(text), "%zu %s", bytes.len, sum.text);
    for (size_t i = 0; i < r->r.n_facts; i++)
        if (pl_span_eq(r->r.facts[i].path, pl_span_str(path)) &&
            pl_span_eq(r->r.facts[i].kind, pl_span_str(kind))) {
            assert_true(pl_span_eq(r->r.facts[i].bytes, pl_span_str(text)));
            return;
        }
    fail_msg("no fact %s of %s", kind, path);
}

/* ---- the tests ---- */

static void streamed_and_whole_beside_each_other(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 3, 100, 65536, 1 << 20, 3 << 20 };
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    struct result r;
    char name[64];
    fill(&big, 3 << 20);
    for (size_t i = 0; i < PL_COUNT(sizes); i++) {
        snprintf(name, sizeof(name), "%zu.aw", sizes[i]);
        tar_file(&t, name, pl_span_of(big.ptr, sizes[i]));
        snprintf(name, sizeof(name), "%zu.fw", sizes[i]);
        tar_file(&t, name, pl_span_of(big.ptr, sizes[i]));
        snprintf(name, sizeof(name), "%zu.afw", sizes[i]);
        tar_file(&t, name, pl_span_of(big.ptr, sizes[i]));
    }
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    run_bytes(pl_buf_span(&z), &PL_LIMITS, &r);
    for (size_t i = 0; i < PL_COUNT(sizes); i++) {
        pl_span bytes = pl_span_of(big.ptr, sizes[i]);
        snprintf(name, sizeof(name), "%zu.aw", sizes[i]);
        assert_sum(&r, name, "all", bytes);
        assert_sum(&r, name, "whole", bytes);
        snprintf(name, sizeof(name), "%zu.fw", sizes[i]);
        assert_sum(&r, name, "whole", bytes); /* drained behind the row that stopped */
        snprintf(name, sizeof(name), "%zu.afw", sizes[i]);
        assert_sum(&r, name, "all", bytes);
        assert_sum(&r, name, "whole", bytes);
        assert_sum(&r, name, "first", bytes); /* the second that streams: from memory */
    }
    assert_int_equal(r.r.n_facts, PL_COUNT(sizes) * 7);
    assert_int_equal(r.r.n_gaps, 0);
    done(&r);
}

static void size_is_no_matter_to_a_stream(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    struct result r;
    struct pl_limits limits = PL_LIMITS;
    limits.file_bytes = 1 << 20;
    fill(&big, 5 << 20);
    tar_file(&t, "one.aw", pl_buf_span(&big));
    tar_file(&t, "two.a", pl_buf_span(&big));
    tar_file(&t, "three.r", pl_buf_span(&big));
    tar_file(&t, "four.rw", PL_LIT("small"));
    tar_end(&t);
    run_bytes(pl_buf_span(&t), &limits, &r);
    assert_sum(&r, "one.aw", "all", pl_buf_span(&big));
    assert_sum(&r, "two.a", "all", pl_buf_span(&big));
    assert_sum(&r, "four.rw", "whole", PL_LIT("small"));
    assert_int_equal(r.r.n_facts, 3);
    assert_gap(&r, "one.aw", "limit", "whole: larger than 3 MiB");
    assert_gap(&r, "three.r", "limit", "nested too deep");
    assert_gap(&r, "four.rw", "limit", "nested too deep");
    assert_int_equal(r.r.n_gaps, 3);
    done(&r);
}

static void the_first_bytes_decide(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    struct result r;
    tar_file(&t, "bin/program", PL_LIT("\177ELF and more"));
    tar_file(&t, "bin/script", PL_LIT("#!/bin/sh"));
    tar_file(&t, "bin/short", PL_LIT("\177EL"));
    tar_file(&t, "bin/replaced", PL_LIT("\177ELF old"));
    tar_file(&t, "bin/replaced", PL_LIT("text"));
    tar_file(&t, "bin/both.w", PL_LIT("\177ELF both"));
    tar_file(&t, "x.d", PL_LIT("database"));
    tar_file(&t, "x.d-wal", PL_LIT("its companion"));
    tar_end(&t);
    run_bytes(pl_buf_span(&t), &PL_LIMITS, &r);
    assert_sum(&r, "bin/program", "all", PL_LIT("\177ELF and more"));
    assert_sum(&r, "bin/both.w", "all", PL_LIT("\177ELF both"));
    assert_sum(&r, "bin/both.w", "whole", PL_LIT("\177ELF both"));
    assert_sum(&r, "x.d", "whole", PL_LIT("database"));
    assert_int_equal(r.r.n_facts, 4);
    assert_int_equal(r.r.n_gaps, 0);
    done(&r);
}

/* Links to what a row for every path found something in are followed, others are not: this layer
 * is a stream and could not be read again, so that any link followed would be a gap. */
static void links_of_rows_for_every_path(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    struct result r;
    tar_file(&t, "bin/program", PL_LIT("\177ELF and more"));
    tar_file(&t, "bin/script", PL_LIT("#!/bin/sh"));
    tar_link(&t, '1', "bin/same", "bin/program");
    tar_link(&t, '1', "bin/too", "bin/program");
    tar_link(&t, '1', "bin/other", "bin/script");
    tar_link(&t, '1', "bin/one.a", "bin/script");
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 6);
    run_bytes(pl_buf_span(&z), &PL_LIMITS, &r);
    assert_sum(&r, "bin/same", "all", PL_LIT("\177ELF and more"));
    assert_sum(&r, "bin/too", "all", PL_LIT("\177ELF and more"));
    assert_sum(&r, "bin/one.a", "all", PL_LIT("#!/bin/sh"));
    assert_int_equal(r.r.n_facts, 4);
    assert_int_equal(r.r.n_gaps, 0);
    done(&r);
}

static void large_files_of_several_names(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    struct result r;
    fill(&big, (64 << 20) + 1);
    tar_file(&t, "object", pl_buf_span(&big));
    tar_link(&t, '1', "one.a", "object");
    tar_link(&t, '1', "two.a", "object");
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    run_bytes(pl_buf_span(&z), &PL_LIMITS, &r);
    assert_int_equal(r.r.n_facts, 1);
    assert_int_equal(r.r.n_gaps, 1);
    assert_gap(&r, fact_of(&r, "one.a") ? "two.a" : "one.a", "limit", "larger than 64 MiB");
    done(&r);
}

static void a_layer_that_breaks_within_the_file(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    struct result r;
    fill(&big, 2000000);
    tar_file(&t, "big.aw", pl_buf_span(&big));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    z.len /= 2;
    run_bytes(pl_buf_span(&z), &PL_LIMITS, &r);
    assert_int_equal(r.r.n_facts, 0);
    assert_gap(&r, "", "broken", "cut off");
    assert_int_equal(r.r.n_gaps, 1);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streamed_and_whole_beside_each_other),
        cmocka_unit_test(size_is_no_matter_to_a_stream),
        cmocka_unit_test(the_first_bytes_decide),
        cmocka_unit_test(links_of_rows_for_every_path),
        cmocka_unit_test(large_files_of_several_names),
        cmocka_unit_test(a_layer_that_breaks_within_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
