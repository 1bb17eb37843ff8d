/* Layer reports: what is written is read back, sorted; damaged ones are refused or broken off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "model/layer_report.h"

static struct pl_buf encode(struct pl_sink *s)
{
    struct pl_buf b = { 0 };
    struct pl_err err = { 0 };
    struct pl_layer_totals t = { .size = 1000, .stored_size = 300 };
    pl_sha256(PL_LIT("stored"), &t.digest);
    pl_sha256(PL_LIT("tar"), &t.diff_id);
    assert_int_equal(pl_sink_encode(s, &t, &b, &err), PL_OK);
    return b;
}

static void entry(struct pl_sink *s, const char *path, enum pl_file_type type, uint64_t size,
                  const char *link)
{
    struct pl_entry e = { .path = pl_span_str(path),
                          .link = pl_span_str(link),
                          .size = size,
                          .mode = 0644,
                          .uid = 7,
                          .gid = 8,
                          .type = type };
    assert_int_equal(pl_sink_entry(s, &e, NULL), PL_OK);
}

static void package(struct pl_sink *s, const char *name, const char *version)
{
    struct pl_package p = { .type = PL_LIT("deb"),
                            .name = pl_span_str(name),
                            .version = pl_span_str(version),
                            .arch = PL_LIT("amd64"),
                            .path = PL_LIT("var/lib/dpkg/status"),
                            .analyzer = PL_LIT("dpkg"),
                            .flags = PL_PACKAGE_PARTIAL };
    assert_int_equal(pl_sink_package(s, &p, NULL), PL_OK);
}

static void owned(struct pl_sink *s, const char *of, const char *path)
{
    struct pl_owned o = { PL_LIT("deb"), pl_span_str(of), pl_span_str(path), PL_LIT("md5:00") };
    assert_int_equal(pl_sink_owned(s, &o, NULL), PL_OK);
}

static void decode(const struct pl_buf *b, struct pl_arena *a, struct pl_layer_report *r)
{
    struct pl_err err = { 0 };
    pl_arena_init(a, 64 << 20);
    assert_int_equal(pl_layer_report_decode(pl_buf_span(b), &PL_LIMITS, a, r, &err), PL_OK);
}

static void entries_come_back(void **state)
{
    (void)state;
    PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&PL_LIMITS);
    entry(s, "usr/lib/b", PL_FILE_REGULAR, 5, NULL);
    entry(s, "usr/lib/a", PL_FILE_SYMLINK, 0, "../x");
    entry(s, "usr/lib/b", PL_FILE_REGULAR, 6, NULL); /* again: the last counts */
    entry(s, "usr", PL_FILE_DIR, 0, NULL);
    entry(s, "usr/lib/b", PL_FILE_WHITEOUT, 0, NULL); /* something else of the same name */
    entry(s, "", PL_FILE_OPAQUE, 0, NULL);
    entry(s, "usr/lib-x", PL_FILE_HARDLINK, 0, "usr/lib/b");
    PL_AUTO(buf) struct pl_buf b = encode(s);
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    decode(&b, &a, &r);
    assert_int_equal(r.n_entries, 6);
    static const struct {
        const char *path, *link;
        enum pl_file_type type;
        uint64_t size;
    } want[] = {
        { "", "", PL_FILE_OPAQUE, 0 },
        { "usr", "", PL_FILE_DIR, 0 },
        { "usr/lib-x", "usr/lib/b", PL_FILE_HARDLINK, 0 },
        { "usr/lib/a", "../x", PL_FILE_SYMLINK, 0 },
        { "usr/lib/b", "", PL_FILE_WHITEOUT, 0 },
        { "usr/lib/b", "", PL_FILE_REGULAR, 6 },
    };
    struct pl_entry_iter it;
    struct pl_entry e;
    pl_entry_iter_init(&it, &r);
    for (size_t i = 0; i < PL_COUNT(want); i++) {
        assert_true(pl_entry_next(&it, &e));
        assert_true(pl_span_eq(e.path, pl_span_str(want[i].path)));
        assert_true(pl_span_eq(e.link, pl_span_str(want[i].link)));
        assert_int_equal(e.type, want[i].type);
        assert_int_equal(e.size, want[i].size);
        assert_int_equal(e.mode * 100 + e.uid * 10 + e.gid, 0644 * 100 + 78);
    }
    assert_false(pl_entry_next(&it, &e));
    assert_false(it.broken);
}

static struct pl_buf mixed(bool reversed)
{
    PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&PL_LIMITS);
    char name[16];
    pl_sink_gap(s, PL_LIT("a"), "limit", "too %s", "large");
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "p%d", reversed ? 9 - i : i);
        package(s, name, "1.0");
        entry(s, name, PL_FILE_REGULAR, 1, NULL);
        owned(s, name, "/usr/bin/x");
        owned(s, name, "/usr/bin/xy");
    }
    struct pl_fact f = { .kind = PL_LIT("os-release"),
                         .path = PL_LIT("etc/os-release"),
                         .bytes = PL_LIT("ID=debian\n") };
    struct pl_database d = { PL_LIT("var/lib/dpkg/status"), PL_LIT("dpkg"), 10 };
    assert_int_equal(pl_sink_fact(s, &f, NULL), PL_OK);
    assert_int_equal(pl_sink_database(s, &d, NULL), PL_OK);
    return encode(s);
}

static void all_comes_back(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf b = mixed(false);
    PL_AUTO(buf) struct pl_buf again = mixed(true);
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    pl_digest tar;
    assert_true(pl_span_eq(pl_buf_span(&b), pl_buf_span(&again)));
    decode(&b, &a, &r);
    pl_sha256(PL_LIT("tar"), &tar);
    assert_string_equal(r.totals.diff_id.text, tar.text);
    assert_int_equal(r.totals.stored_size, 300);
    assert_int_equal(r.n_packages, 10);
    assert_true(pl_span_eq(r.packages[3].name, PL_LIT("p3")));
    assert_true(pl_span_eq(r.packages[9].analyzer, PL_LIT("dpkg")));
    assert_int_equal(r.packages[9].flags, PL_PACKAGE_PARTIAL);
    assert_int_equal(r.n_facts, 1);
    assert_true(pl_span_eq(r.facts[0].bytes, PL_LIT("ID=debian\n")));
    assert_int_equal(r.n_databases, 1);
    assert_int_equal(r.databases[0].n_packages, 10);
    assert_int_equal(r.n_gaps, 1);
    assert_true(pl_span_eq(r.gaps[0].detail, PL_LIT("too large")));
    assert_int_equal(r.gaps[0].layer, -1);
    struct pl_owned_iter it;
    struct pl_owned o;
    size_t n = 0;
    pl_owned_iter_init(&it, &r);
    while (pl_owned_next(&it, &o))
        n += pl_span_eq(o.digest, PL_LIT("md5:00")) && pl_span_starts(o.path, PL_LIT("/usr/bin/x"));
    assert_int_equal(n, 20);
    assert_int_equal(r.n_owned, 20);
    assert_false(it.broken);
}

static void sources_can_be_dropped(void **state)
{
    (void)state;
    PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&PL_LIMITS);
    uint32_t first = pl_sink_source(s);
    package(s, "old", "1");
    owned(s, "old", "x");
    pl_sink_gap(s, PL_LIT("a"), "broken", "old");
    pl_sink_source(s);
    package(s, "new", "2");
    owned(s, "new", "x");
    pl_sink_drop(s, first);
    PL_AUTO(buf) struct pl_buf b = encode(s);
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    decode(&b, &a, &r);
    assert_int_equal(r.n_packages, 1);
    assert_true(pl_span_eq(r.packages[0].name, PL_LIT("new")));
    assert_int_equal(r.n_owned, 1);
    assert_int_equal(r.n_gaps, 0);
}

static void gaps_are_never_lost(void **state)
{
    (void)state;
    PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&PL_LIMITS);
    for (int i = 0; i < 5000; i++)
        pl_sink_gap(s, PL_LIT("f"), "broken", "number %d", i);
    PL_AUTO(buf) struct pl_buf b = encode(s);
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    decode(&b, &a, &r);
    assert_int_equal(r.n_gaps, 1001);
    assert_true(pl_span_eq(r.gaps[0].detail, PL_LIT("and 4000 more gaps in this layer")));
}

static void a_full_report_says_so(void **state)
{
    (void)state;
    struct pl_limits limits = PL_LIMITS;
    limits.layer_report_bytes = 64 << 10;
    PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&limits);
    struct pl_entry e = { .path = PL_LIT("some/path/of/a/file") };
    pl_rc rc = PL_OK;
    for (int i = 0; i < 10000 && !rc; i++)
        rc = pl_sink_entry(s, &e, NULL);
    assert_int_equal(rc, PL_ELIMIT);
    PL_AUTO(buf) struct pl_buf b = encode(s);
}

/* Every cut and every flipped bit: refused, or read to an end; never beyond. */
static void damage_is_survived(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf b = mixed(false);
    for (size_t i = 0; i < b.len * 9; i++) {
        size_t at = i / 9;
        size_t len = i % 9 == 8 ? at : b.len;
        char *copy = malloc(len ? len : 1);
        memcpy(copy, b.ptr, len);
        if (i % 9 < 8)
            copy[at] ^= (char)(1 << i % 9);
        PL_AUTO(arena) struct pl_arena a;
        struct pl_layer_report r;
        struct pl_entry_iter ei;
        struct pl_owned_iter oi;
        struct pl_entry e;
        struct pl_owned o;
        pl_arena_init(&a, 1 << 20);
        if (pl_layer_report_decode(pl_span_of(copy, len), &PL_LIMITS, &a, &r, NULL) == PL_OK) {
            pl_entry_iter_init(&ei, &r);
            while (pl_entry_next(&ei, &e))
                ;
            pl_owned_iter_init(&oi, &r);
            while (pl_owned_next(&oi, &o))
                ;
        }
        free(copy);
    }
}

static void unclean_paths_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = { "/a", "a//b", "../a", "a/..", "a/./b", "a/" };
    for (size_t i = 0; i < PL_COUNT(paths); i++) {
        PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&PL_LIMITS);
        entry(s, paths[i], PL_FILE_REGULAR, 1, NULL);
        PL_AUTO(buf) struct pl_buf b = encode(s);
        PL_AUTO(arena) struct pl_arena a;
        struct pl_layer_report r;
        struct pl_entry_iter it;
        struct pl_entry e;
        decode(&b, &a, &r);
        pl_entry_iter_init(&it, &r);
        assert_false(pl_entry_next(&it, &e));
        assert_true(it.broken);
    }
}

static void a_usual_report_is_fast(void **state)
{
    (void)state;
    PL_AUTO(sink) struct pl_sink *s = pl_sink_new(&PL_LIMITS);
    char name[64];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "usr/share/doc/package-%d/file-%d.txt", i / 20, i % 20);
        entry(s, name, PL_FILE_REGULAR, 1000, NULL);
        if (i % 20 == 0)
            package(s, name, "1.2.3-4");
    }
    PL_AUTO(buf) struct pl_buf b = encode(s);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 20; i++) {
        PL_AUTO(arena) struct pl_arena a;
        struct pl_layer_report r;
        struct pl_entry_iter it;
        struct pl_entry e;
        size_t n = 0;
        decode(&b, &a, &r);
        pl_entry_iter_init(&it, &r);
        while (pl_entry_next(&it, &e))
            n++;
        assert_int_equal(n, 20000);
        assert_int_equal(r.n_packages, 1000);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    print_message(
        "a report of %zu bytes: decoded and walked in %.2f ms\n", b.len,
        ((double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6) / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back),         cmocka_unit_test(all_comes_back),
        cmocka_unit_test(sources_can_be_dropped),    cmocka_unit_test(gaps_are_never_lost),
        cmocka_unit_test(a_full_report_says_so),     cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(unclean_paths_are_refused), cmocka_unit_test(a_usual_report_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
