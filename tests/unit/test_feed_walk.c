#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "dump_sink.h"
#include "feed/feed.h"

static char dir[] = "/tmp/plimsoll-walk-XXXXXX";

static char *path_of(const char *name)
{
    char *p = NULL;
    assert_true(asprintf(&p, "%s/%s", dir, name) > 0);
    return p;
}

static void put(const char *name, const char *text, size_t size)
{
    PL_AUTO(text) char *p = path_of(name);
    PL_AUTO(file) FILE *f = fopen(p, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
}

static void put_archive(const char *name, void (*format)(struct archive *),
                        const char *const *names, const char *const *texts, size_t n)
{
    PL_AUTO(text) char *p = path_of(name);
    struct archive *a = archive_write_new();
    format(a);
    assert_int_equal(archive_write_open_filename(a, p), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        if (names[i])
            archive_entry_set_pathname(e, names[i]);
        archive_entry_set_size(e, (la_int64_t)strlen(texts[i]));
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        archive_write_data(a, texts[i], strlen(texts[i]));
        archive_entry_free(e);
    }
    archive_write_close(a);
    archive_write_free(a);
}

static void zip(struct archive *a) { archive_write_set_format_zip(a); }
static void tar_xz(struct archive *a)
{
    archive_write_add_filter_xz(a);
    archive_write_set_format_pax_restricted(a);
}
static void tar_zst(struct archive *a)
{
    archive_write_add_filter_zstd(a);
    archive_write_set_format_pax_restricted(a);
}
static void tar_gz(struct archive *a)
{
    archive_write_add_filter_gzip(a);
    archive_write_set_format_pax_restricted(a);
}
static void raw_bz2(struct archive *a)
{
    archive_write_add_filter_bzip2(a);
    archive_write_set_format_raw(a);
}
static void raw_gz(struct archive *a)
{
    archive_write_add_filter_gzip(a);
    archive_write_set_format_raw(a);
}

/* What came, as "path size sum;" a file. */
struct seen {
    struct pl_buf text;
    struct pl_buf skips;
    bool twice; /* read each to the middle, rewind, and to its end */
};

static pl_rc drain(struct pl_feed_file *f, size_t most, size_t *size, uint64_t *hash,
                   struct pl_err *err)
{
    char buf[5000];
    *size = 0;
    *hash = 5381;
    for (;;) {
        size_t got = 0;
        pl_rc rc = f->reader->read(f->reader, buf, sizeof(buf), &got, err);
        if (rc || got == 0 || *size >= most)
            return rc;
        for (size_t i = 0; i < got; i++)
            *hash = *hash * 33 + (unsigned char)buf[i];
        *size += got;
    }
}

static pl_rc see(void *ctx, struct pl_feed_file *f, struct pl_err *err)
{
    struct seen *s = ctx;
    size_t size;
    uint64_t hash;
    pl_rc rc = PL_OK;
    if (s->twice) {
        rc = drain(f, 70000, &size, &hash, err);
        if (!rc)
            rc = f->rewind(f, err);
    }
    if (!rc)
        rc = drain(f, SIZE_MAX, &size, &hash, err);
    if (rc) {
        pl_buf_printf(&s->text, "%s broken;", f->path);
        return PL_OK;
    }
    pl_buf_printf(&s->text, "%s %zu %llx;", f->path, size, (unsigned long long)hash);
    return PL_OK;
}

static struct seen *skips_to;
static void count_skip(struct pl_advisory_sink *s, pl_span what, const char *why)
{
    (void)s;
    pl_buf_printf(&skips_to->skips, "%.*s: %s;", PL_FMT(what), why);
}

static void walk(struct seen *s, const char *at, const struct pl_limits *limits)
{
    struct dump d;
    PL_AUTO(file) FILE *null = fopen("/dev/null", "w");
    dump_init(&d, null);
    d.sink.skip = count_skip;
    skips_to = s;
    struct pl_err err = { 0 };
    if (pl_feed_walk(at, limits, &d.sink, see, s, &err))
        fail_msg("%s", err.msg);
    pl_buf_char(&s->text, '\0');
    pl_buf_char(&s->skips, '\0');
}

static void done(struct seen *s)
{
    pl_buf_done(&s->text);
    pl_buf_done(&s->skips);
}

#define KEV "{\"vulnerabilities\":[{\"cveID\":\"CVE-2021-1\"}]}"
#define EPSS "cve,epss\nCVE-2021-1,0.5\n"

/* A member of some 400 KB, so that it goes on beyond the head. */
static char *large(unsigned seed)
{
    struct pl_buf b = { 0 };
    pl_buf_add(&b, PL_LIT("cve,epss\n"));
    for (unsigned i = 0; i < 20000; i++)
        pl_buf_printf(&b, "CVE-2021-%u,0.%u\n", i + 1, (i * 7919 + seed) % 1000);
    pl_buf_char(&b, '\0');
    return b.ptr;
}

static int make(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    PL_AUTO(text) char *sub = path_of("b"), *hidden = path_of(".etag"), *loop = path_of("b/loop");
    PL_AUTO(text) char *link = path_of("z-link.json");
    PL_AUTO(text) char *one = large(1), *two = large(2), *three = large(3);
    mkdir(sub, 0755);
    assert_int_equal(symlink("..", loop), 0);
    assert_int_equal(symlink("a.json", link), 0);
    put("a.json", KEV, strlen(KEV));
    put(".etag", "x", 1);
    put("README.md", "# notes", 7);
    put("empty", "", 0);
    const char *names[] = { "x/1.csv", "2.csv", "note.txt", "3.csv" };
    const char *texts[] = { one, two, "nothing", three };
    put_archive("b/m.zip", zip, names, texts, 4);
    put_archive("b/m.tar.xz", tar_xz, names, texts, 4);
    put_archive("b/m.tar.zst", tar_zst, names, texts, 4);
    put_archive("b/m.tar.gz", tar_gz, names, texts, 4);
    put_archive("c.csv.bz2", raw_bz2, names, texts, 1);
    put_archive("c.csv.gz", raw_gz, names, texts, 1);
    return 0;
}

static int clean(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

/* In order of path; members in the archive's order; what is none is named. */
static void test_order(void **state)
{
    struct seen s = { 0 };
    (void)state;
    walk(&s, dir, &PL_LIMITS);
    const char *want[] = { "a.json ",
                           "b/m.tar.gz!/x/1.csv ",
                           "b/m.tar.gz!/2.csv ",
                           "b/m.tar.gz!/3.csv ",
                           "b/m.tar.xz!/x/1.csv ",
                           "b/m.tar.zst!/x/1.csv ",
                           "b/m.zip!/x/1.csv ",
                           "b/m.zip!/3.csv ",
                           "c.csv.bz2 ",
                           "c.csv.gz ",
                           "z-link.json " };
    const char *at = s.text.ptr;
    for (size_t i = 0; i < PL_COUNT(want); i++) {
        const char *found = strstr(at, want[i]);
        if (!found)
            fail_msg("no %s in its place in %s", want[i], s.text.ptr);
        at = found;
    }
    assert_non_null(strstr(s.skips.ptr, "README.md: no feed"));
    assert_non_null(strstr(s.skips.ptr, "empty: empty"));
    assert_non_null(strstr(s.skips.ptr, "b/loop: "));
    assert_non_null(strstr(s.skips.ptr, "b/m.zip!/note.txt: no feed"));
    assert_null(strstr(s.skips.ptr, ".etag"));
    done(&s);
}

/* Each member gives the same bytes after a rewind in its middle. */
static void test_rewind(void **state)
{
    struct seen once = { 0 }, twice = { .twice = true };
    (void)state;
    walk(&once, dir, &PL_LIMITS);
    walk(&twice, dir, &PL_LIMITS);
    assert_string_equal(once.text.ptr, twice.text.ptr);
    done(&once);
    done(&twice);
}

static void test_one_file(void **state)
{
    struct seen s = { 0 };
    (void)state;
    PL_AUTO(text) char *p = path_of("b/m.zip");
    walk(&s, p, &PL_LIMITS);
    assert_true(pl_span_starts(pl_span_str(s.text.ptr), PL_LIT("m.zip!/x/1.csv ")));
    done(&s);
    struct pl_err err;
    struct dump d = { 0 };
    assert_int_equal(pl_feed_walk("/nowhere/at/all", &PL_LIMITS, &d.sink, see, NULL, &err),
                     PL_EABSENT);
}

/* Cut short at every kind of place: named, never fatal. */
static void test_truncated(void **state)
{
    static const char *const names[] = { "b/m.zip", "b/m.tar.gz", "b/m.tar.xz", "b/m.tar.zst",
                                         "c.csv.bz2" };
    (void)state;
    for (size_t i = 0; i < PL_COUNT(names); i++) {
        PL_AUTO(text) char *from = path_of(names[i]), *to = path_of("cut");
        struct pl_buf b = { 0 };
        PL_AUTO(file) FILE *f = fopen(from, "rb");
        char buf[4096];
        for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0;)
            pl_buf_add(&b, pl_span_of(buf, n));
        for (size_t part = 1; part < 8; part++) {
            put("cut", b.ptr, b.len * part / 8);
            struct seen s = { .twice = part % 2 };
            walk(&s, to, &PL_LIMITS);
            if (!strstr(s.text.ptr, "broken") && s.skips.len < 2)
                fail_msg("%s cut at %zu/8 says nothing: %s", names[i], part, s.text.ptr);
            done(&s);
        }
        unlink(to);
        pl_buf_done(&b);
    }
}

static void test_limits(void **state)
{
    struct pl_limits few = PL_LIMITS;
    struct seen s = { 0 };
    (void)state;
    few.feed_bytes = 500000;
    few.layer_entries = 3;
    PL_AUTO(text) char *p = path_of("b/m.tar.gz");
    walk(&s, p, &few);
    assert_non_null(strstr(s.text.ptr, "2.csv broken"));
    done(&s);
    s = (struct seen){ 0 };
    few.feed_bytes = PL_LIMITS.feed_bytes;
    walk(&s, p, &few);
    assert_non_null(strstr(s.skips.ptr, "too many members"));
    done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_one_file), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
