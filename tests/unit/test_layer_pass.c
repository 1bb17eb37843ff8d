/* The layer pass: who gets which bytes, and that nothing left out stays unsaid. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "base/sandbox.h"
#include "layer_result.h"
#include "tar_maker.h"

/* ---- analyzers of the test's own ---- */

static pl_rc keep_fact(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_fact f = { .kind = PL_LIT("text"), .path = in->path, .bytes = in->bytes };
    return pl_sink_fact(out, &f, err);
}

static pl_rc keep_both(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    char text[256];
    snprintf(text, sizeof(text), "%.*s+%.*s", PL_FMT(in->bytes), PL_FMT(in->beside));
    struct pl_fact f = { .kind = PL_LIT("db"), .path = in->path, .bytes = pl_span_str(text) };
    return pl_sink_fact(out, &f, err);
}

static pl_rc refuse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    (void)in, (void)out;
    return pl_fail(err, PL_EFORMAT, "line 1: no colon");
}

static pl_rc crash(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    (void)in, (void)out, (void)err;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static const struct pl_analyzer rows[] = {
    { .name = "text", .max_bytes = 1 << 20, .parse = keep_fact },
    { .name = "db", .beside = "-wal", .parse = keep_both },
    { .name = "bad", .parse = refuse },
    { .name = "magic", .magic = "MAGIC", .magic_len = 5, .max_bytes = 1000, .parse = keep_fact },
    { .name = "crash", .parse = crash },
};
static const struct pl_analyzer *const table[] = { &rows[0], &rows[1], &rows[2], &rows[3],
                                                   &rows[4] };

static size_t by_suffix(pl_span path, const struct pl_analyzer **out, size_t max)
{
    static const char *const suffixes[] = { ".txt", ".db", ".bad", ".bin", ".crash" };
    for (size_t i = 0; max && i < PL_COUNT(suffixes); i++)
        if (pl_span_ends(path, pl_span_str(suffixes[i]))) {
            *out = &rows[i];
            return 1;
        }
    return 0;
}

/* ---- running ---- */

static struct pl_layer_job job_of(struct pl_stream s)
{
    return (struct pl_layer_job){ .name = "layer",
                                  .stream = s,
                                  .tree_fd = -1,
                                  .limits = &PL_LIMITS,
                                  .analyzers_for = by_suffix,
                                  .rows = table,
                                  .n_rows = PL_COUNT(table) };
}

static void run_bytes(pl_span bytes, struct result *out)
{
    struct pl_layer_job job = job_of(stream_of(bytes));
    run_job(&job, out);
    close(job.stream.fd);
}

/* ---- the tests ---- */

static void files_reach_their_analyzers(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    struct result r;
    tar_file(&t, "a.txt", PL_LIT("alpha"));
    tar_file(&t, "empty.txt", PL_SPAN_NONE);
    tar_file(&t, "other", PL_LIT("ignored"));
    tar_file(&t, "x.bin", PL_LIT("MAGIC and more"));
    tar_file(&t, "y.bin", PL_LIT("not it"));
    tar_file(&t, "z.bin", PL_LIT("MA"));
    tar_file(&t, "x.bad", PL_LIT("?"));
    tar_end(&t);
    run_bytes(pl_buf_span(&t), &r);
    assert_fact(&r, "a.txt", "alpha");
    assert_fact(&r, "empty.txt", "");
    assert_fact(&r, "x.bin", "MAGIC and more");
    assert_int_equal(r.r.n_facts, 3);
    assert_int_equal(r.r.n_entries, 7);
    assert_int_equal(r.r.n_gaps, 1);
    assert_gap(&r, "x.bad", "broken", "no colon");
    assert_true(pl_digest_set(&r.r.totals.diff_id));
    done(&r);
}

static void large_files_whole_or_a_gap(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    struct result r;
    for (unsigned i = 0; big.len < 1 << 20; i++)
        pl_buf_printf(&big, "%u,", i * 2654435761u);
    big.len = 1 << 20;
    tar_file(&t, "fits.txt", pl_buf_span(&big));
    pl_buf_char(&big, 'x');
    tar_file(&t, "large.txt", pl_buf_span(&big));
    tar_file(&t, "large.bin", pl_buf_span(&big)); /* without the magic: nobody wants it */
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    run_bytes(pl_buf_span(&z), &r);
    const struct pl_fact *f = fact_of(&r, "fits.txt");
    assert_non_null(f);
    assert_true(pl_span_eq(f->bytes, pl_span_of(big.ptr, 1 << 20)));
    assert_int_equal(r.r.n_facts, 1);
    assert_int_equal(r.r.n_gaps, 1);
    assert_gap(&r, "large.txt", "limit", "larger than 1 MiB");
    done(&r);
}

static void companions(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    struct result r;
    tar_file(&t, "one.db-wal", PL_LIT("w1"));
    tar_file(&t, "one.db", PL_LIT("d1"));
    tar_file(&t, "two.db", PL_LIT("d2"));
    tar_file(&t, "two.db-wal", PL_LIT("w2"));
    tar_file(&t, "three.db", PL_LIT("d3"));
    tar_file(&t, "four.db-wal", PL_LIT("w4"));
    tar_file(&t, "five.db-wal", PL_SPAN_NONE);
    tar_file(&t, "six-wal", PL_LIT("not a companion"));
    tar_end(&t);
    run_bytes(pl_buf_span(&t), &r);
    assert_fact(&r, "one.db", "d1+w1");
    assert_fact(&r, "two.db", "d2+w2");
    assert_fact(&r, "three.db", "d3+");
    assert_int_equal(r.r.n_facts, 3);
    assert_int_equal(r.r.n_gaps, 1);
    assert_gap(&r, "four.db-wal", "unreadable", "another layer");
    done(&r);
}

static void the_last_of_a_path_counts(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    struct result r;
    tar_file(&t, "a.txt", PL_LIT("old"));
    tar_file(&t, "a.txt", PL_LIT("new"));
    tar_file(&t, "b.txt", PL_LIT("was a file"));
    tar_dir(&t, "b.txt");
    tar_file(&t, "c.db", PL_LIT("old"));
    tar_file(&t, "c.db", PL_LIT("new"));
    tar_file(&t, "d.db", PL_LIT("was a file"));
    tar_link(&t, '2', "d.db", "elsewhere");
    tar_file(&t, "e.bad", PL_LIT("?"));
    tar_dir(&t, "e.bad");
    tar_end(&t);
    run_bytes(pl_buf_span(&t), &r);
    assert_fact(&r, "a.txt", "new");
    assert_fact(&r, "c.db", "new+");
    assert_int_equal(r.r.n_facts, 2);
    assert_int_equal(r.r.n_entries, 5);
    assert_int_equal(r.r.n_gaps, 0);
    done(&r);
}

static void hard_links(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    struct result r;
    tar_file(&t, "objects/aa", PL_LIT("alpha"));
    tar_file(&t, "objects/bb", PL_LIT("?"));
    tar_link(&t, '1', "a.txt", "objects/aa");
    tar_link(&t, '1', "again/a.txt", "./objects/aa");
    tar_link(&t, '1', "b.bad", "objects/bb");
    tar_link(&t, '1', "c.db", "objects/aa");
    tar_link(&t, '1', "gone.txt", "objects/none");
    tar_link(&t, '1', "self.txt", "self.txt");
    tar_link(&t, '1', "later.txt", "objects/bb");
    tar_file(&t, "later.txt", PL_LIT("a file after all"));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 6);
    run_bytes(pl_buf_span(&z), &r);
    assert_fact(&r, "a.txt", "alpha");
    assert_fact(&r, "again/a.txt", "alpha");
    assert_fact(&r, "c.db", "alpha+");
    assert_fact(&r, "later.txt", "a file after all");
    assert_int_equal(r.r.n_facts, 4);
    assert_gap(&r, "b.bad", "broken", "no colon");
    assert_gap(&r, "gone.txt", "unreadable", "objects/none");
    assert_gap(&r, "self.txt", "unreadable", "self.txt");
    assert_int_equal(r.r.n_gaps, 3);
    assert_true(pl_digest_set(&r.r.totals.diff_id));
    done(&r);
}

static void hard_links_in_a_stream(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    struct result r;
    int fds[2];
    tar_file(&t, "objects/aa", PL_LIT("alpha"));
    tar_link(&t, '1', "a.txt", "objects/aa");
    tar_end(&t);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], t.ptr, t.len), (ssize_t)t.len);
    close(fds[1]);
    struct pl_layer_job job = job_of((struct pl_stream){ .fd = fds[0], .length = UINT64_MAX });
    run_job(&job, &r);
    assert_int_equal(r.r.n_facts, 0);
    assert_gap(&r, "a.txt", "unreadable", "came as a stream");
    close(fds[0]);
    done(&r);
}

static void broken_layers_keep_what_was_read(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    struct result r;
    for (unsigned i = 0; big.len < 2000000; i++)
        pl_buf_printf(&big, "%u,", i * 2654435761u);
    tar_file(&t, "a.txt", PL_LIT("alpha"));
    tar_file(&t, "big", pl_buf_span(&big));
    tar_file(&t, "b.txt", PL_LIT("never reached"));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    z.len /= 2;
    run_bytes(pl_buf_span(&z), &r);
    pl_digest stored;
    pl_sha256(pl_buf_span(&z), &stored);
    assert_fact(&r, "a.txt", "alpha");
    assert_gap(&r, "", "broken", "cut off");
    assert_int_equal(r.r.n_gaps, 1);
    assert_false(pl_digest_set(&r.r.totals.diff_id));
    assert_string_equal(r.r.totals.digest.text, stored.text);
    done(&r);
}

static void bombs_are_gaps(void **state)
{
    (void)state;
    static char zeros[4 << 20];
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    struct result r;
    struct pl_limits limits = PL_LIMITS;
    limits.expansion = 50;
    limits.expansion_from = 1 << 20;
    tar_file(&t, "a.txt", PL_LIT("alpha"));
    tar_file(&t, "zeros", pl_span_of(zeros, sizeof(zeros)));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 9);
    struct pl_layer_job job = job_of(stream_of(pl_buf_span(&z)));
    job.limits = &limits;
    run_job(&job, &r);
    assert_fact(&r, "a.txt", "alpha");
    assert_gap(&r, "", "limit", "50 times");
    close(job.stream.fd);
    done(&r);
}

static void a_million_entries(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    struct result r;
    char name[64];
    for (int part = 0; part < 20; part++) {
        t.len = 0;
        for (int i = 0; i < 10000; i++) {
            snprintf(name, sizeof(name), "d%d/%d", part, i);
            tar_file(&t, name, PL_SPAN_NONE);
        }
        if (part == 19)
            tar_end(&t);
        gzip_put(&z, pl_buf_span(&t), 1);
    }
    run_bytes(pl_buf_span(&z), &r);
    assert_int_equal(r.r.n_entries, 200000);
    assert_int_equal(r.r.n_gaps, 0);
    done(&r);
}

static void in_a_child(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(layer_pass) struct pl_layer_pass p = { .child = PL_CHILD_NONE };
    struct pl_err err = { 0 };
    struct result here;
    for (int i = 0; i < 2000; i++) {
        char name[64];
        snprintf(name, sizeof(name), "na\xc3\xafve/%d.txt", i);
        tar_pax(&t, "path", pl_span_str(name));
        tar_file(&t, "x", pl_span_str(name));
    }
    tar_file(&t, "one.db", PL_LIT("d1"));
    tar_link(&t, '1', "b.txt", "one.db");
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 6);
    struct pl_layer_job job = job_of(stream_of(pl_buf_span(&z)));
    assert_int_equal(pl_layer_pass_start(&job, &p, &err), PL_OK);
    pl_rc rc = pl_layer_pass_finish(&p, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rc, PL_OK);
    assert_int_equal(pl_layer_pass_position(&p), z.len);
    print_message("sandbox: %s\n", pl_sandbox_text(p.sandbox));
    run_job(&job, &here);
    assert_int_equal(here.r.n_facts, 2002);
    assert_fact(&here, "na\xc3\xafve/7.txt", "na\xc3\xafve/7.txt");
    assert_true(pl_span_eq(pl_buf_span(&p.answer), pl_buf_span(&here.bytes)));
    close(job.stream.fd);
    done(&here);
}

static void a_child_that_crashes(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(layer_pass) struct pl_layer_pass p = { .child = PL_CHILD_NONE };
    struct pl_err err = { 0 };
    tar_file(&t, "x.crash", PL_LIT("x"));
    tar_end(&t);
    struct pl_layer_job job = job_of(stream_of(pl_buf_span(&t)));
    assert_int_equal(pl_layer_pass_start(&job, &p, &err), PL_OK);
    assert_int_equal(pl_layer_pass_finish(&p, &err), PL_EIO);
    assert_string_equal(err.msg, "layer: crashed (signal 6)");
    close(job.stream.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_reach_their_analyzers),
        cmocka_unit_test(large_files_whole_or_a_gap),
        cmocka_unit_test(companions),
        cmocka_unit_test(the_last_of_a_path_counts),
        cmocka_unit_test(hard_links),
        cmocka_unit_test(hard_links_in_a_stream),
        cmocka_unit_test(broken_layers_keep_what_was_read),
        cmocka_unit_test(bombs_are_gaps),
        cmocka_unit_test(a_million_entries),
        cmocka_unit_test(in_a_child),
        cmocka_unit_test(a_child_that_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
