/* test_advisory_db.c - building, keeping, opening and asking the database file. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "advisory/intern.h"
#include "advisory/schema.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[4][200];
    static unsigned at;
    char *p = path[at++ % 4];
    snprintf(p, 200, "%s/%s", dir, name);
    return p;
}

static int setup(void **state PL_UNUSED)
{
    snprintf(dir, sizeof(dir), "/tmp/plimsoll-db-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

/* Every test must leave its databases and nothing else. */
static int teardown(void **state PL_UNUSED)
{
    int strays = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        strays += strstr(e->d_name, ".tmp-") != NULL;
        unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
    rmdir(dir);
    return strays;
}

static void ok(pl_rc rc, const struct pl_err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static struct pl_advisory_db *create(const char *path, const char *previous)
{
    struct pl_advisory_db *db;
    struct pl_err err = { 0 };
    ok(pl_advisory_db_create(path, previous, &db, &err), &err);
    return db;
}

static void feed(struct pl_advisory_db *db, const char *file)
{
    struct pl_err err = { 0 };
    ok(pl_advisory_db_feed(db, "osv", "OSV", 40, file, &err), &err);
}

static void put(struct pl_advisory_db *db, const char *id, const char *alias, const char *package,
                const char *fixed)
{
    struct pl_err err = { 0 };
    struct pl_advisory_sink *s = pl_advisory_db_sink(db);
    struct pl_range r = { .fixed = pl_span_str(fixed) };
    pl_span aliases[] = { pl_span_str(alias) };
    struct pl_affected row = { .stream = PL_LIT("npm"),
                               .package = pl_span_str(package),
                               .scheme = PL_LIT("semver"),
                               .arch = PL_LIT("x86_64"),
                               .note = PL_LIT("a note"),
                               .ranges = &r,
                               .n_ranges = 1 };
    struct pl_advisory a = { .id = pl_span_str(id),
                             .aliases = aliases,
                             .n_aliases = alias ? 1 : 0,
                             .title = PL_LIT("Title of it"),
                             .severity = PL_SEVERITY_HIGH,
                             .affected = &row,
                             .n_affected = 1 };
    ok(s->advisory(s, &a, &err), &err);
}

static void commit(struct pl_advisory_db *db, const char *when)
{
    struct pl_err err = { 0 };
    ok(pl_advisory_db_commit(db, when, &err), &err);
    pl_advisory_db_close(db);
}

struct seen {
    char text[4096];
    size_t n;
};

static void see(void *ctx, const struct pl_advisory_row *r)
{
    struct seen *s = ctx;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof(s->text) - at, "%.*s|%.*s|%.*s|%.*s\n", PL_FMT(r->id),
             PL_FMT(r->stream), PL_FMT(r->package), PL_FMT(r->fixed));
    s->n++;
}

static pl_rc show(const char *path, const char *id, struct seen *s, struct pl_vuln_facts *f,
                  struct pl_arena *a, struct pl_err *err)
{
    struct pl_advisory_db *db;
    *s = (struct seen){ 0 };
    ok(pl_advisory_db_open(path, &db, err), err);
    pl_rc rc = pl_advisory_db_show(db, pl_span_str(id), a, f, see, s, err);
    pl_advisory_db_close(db);
    return rc;
}

static void test_show_and_search(void **state PL_UNUSED)
{
    struct pl_advisory_db *db = create(in_dir("a.db"), NULL);
    struct pl_vuln_facts f;
    struct pl_arena a;
    struct seen s;
    struct pl_err err = { 0 };
    pl_arena_init(&a, PL_MIB);
    feed(db, "f");
    put(db, "GHSA-1", "CVE-2024-0001", "left%pad", "2.0.0");
    put(db, "GHSA-2", NULL, "right-pad", "3.0.0");
    commit(db, "2026-01-01T00:00:00Z");
    ok(show(in_dir("a.db"), "ghsa-1", &s, &f, &a, &err), &err);
    assert_string_equal(s.text, "GHSA-1|npm|left%pad|2.0.0\n");
    assert_true(pl_span_eq(f.id, PL_LIT("CVE-2024-0001")));
    assert_true(pl_span_eq(f.title, PL_LIT("Title of it")));
    assert_int_equal(show(in_dir("a.db"), "CVE-1999-0001", &s, &f, &a, &err), PL_EABSENT);
    s = (struct seen){ 0 };
    ok(pl_advisory_db_open(in_dir("a.db"), &db, &err), &err);
    ok(pl_advisory_db_search(db, PL_LIT("t%p"), see, &s, &err), &err);
    assert_string_equal(s.text, "|npm|left%pad|\n");
    s = (struct seen){ 0 };
    ok(pl_advisory_db_search(db, PL_LIT("title of"), see, &s, &err), &err);
    assert_int_equal(s.n, 2);
    pl_advisory_db_close(db);
    pl_arena_done(&a);
}

static void digest_of(const char *path, char out[100], uint64_t *records)
{
    struct pl_advisory_db *db;
    struct pl_database_info info;
    struct pl_arena a;
    struct pl_err err = { 0 };
    pl_arena_init(&a, PL_MIB);
    ok(pl_advisory_db_open(path, &db, &err), &err);
    ok(pl_advisory_db_info(db, &a, &info, &err), &err);
    snprintf(out, 100, "%.*s", PL_FMT(info.digest));
    assert_int_equal(info.n_feeds, 1);
    *records = info.feeds[0].records;
    pl_advisory_db_close(db);
    pl_arena_done(&a);
}

static void build_two(const char *name, const char *fixed, const char *when)
{
    struct pl_advisory_db *db = create(in_dir(name), NULL);
    feed(db, "one");
    put(db, "GHSA-1", "CVE-2024-0001", "a", fixed);
    feed(db, "two");
    put(db, "GHSA-2", "CVE-2024-0002", "b", "2.0.0");
    commit(db, when);
}

static void test_same_input_same_digest(void **state PL_UNUSED)
{
    char a[100], b[100], c[100];
    uint64_t n;
    build_two("a.db", "1.0.0", "2026-01-01T00:00:00Z");
    build_two("b.db", "1.0.0", "2026-01-02T00:00:00Z");
    build_two("c.db", "1.0.1", "2026-01-01T00:00:00Z");
    digest_of(in_dir("a.db"), a, &n);
    digest_of(in_dir("b.db"), b, &n);
    digest_of(in_dir("c.db"), c, &n);
    assert_int_equal(n, 2);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

static void test_failed_file_keeps_previous(void **state PL_UNUSED)
{
    struct pl_advisory_db *db;
    struct pl_vuln_facts f;
    struct pl_arena a;
    struct seen s;
    char digest[100];
    uint64_t n;
    bool kept = false;
    struct pl_err err = { 0 };
    pl_arena_init(&a, PL_MIB);
    build_two("a.db", "1.0.0", "2026-01-01T00:00:00Z");
    db = create(in_dir("a.db"), in_dir("a.db"));
    feed(db, "two");
    put(db, "GHSA-2", "CVE-2024-0002", "b", "2.5.0");
    feed(db, "one");
    put(db, "GHSA-9", "CVE-2024-0009", "a", "9.0.0");
    ok(pl_advisory_db_keep_previous(db, "broke off", &kept, &err), &err);
    assert_true(kept);
    commit(db, "2026-01-02T00:00:00Z");
    digest_of(in_dir("a.db"), digest, &n);
    assert_int_equal(n, 2);
    ok(show(in_dir("a.db"), "GHSA-1", &s, &f, &a, &err), &err);
    assert_string_equal(s.text, "GHSA-1|npm|a|1.0.0\n");
    assert_true(pl_span_eq(f.id, PL_LIT("CVE-2024-0001")));
    assert_true(pl_span_eq(f.title, PL_LIT("Title of it")));
    ok(show(in_dir("a.db"), "CVE-2024-0002", &s, &f, &a, &err), &err);
    assert_string_equal(s.text, "GHSA-2|npm|b|2.5.0\n");
    (void)show(in_dir("a.db"), "GHSA-9", &s, &f, &a, &err);
    assert_int_equal(s.n, 0);
    pl_arena_done(&a);
}

static void test_unreadable_file_keeps_previous(void **state PL_UNUSED)
{
    struct pl_advisory_db *db;
    char digest[100];
    uint64_t n;
    bool kept = false;
    struct pl_err err = { 0 };
    build_two("a.db", "1.0.0", "2026-01-01T00:00:00Z");
    db = create(in_dir("a.db"), in_dir("a.db"));
    ok(pl_advisory_db_keep_file(db, "one", "truncated", &kept, &err), &err);
    assert_true(kept);
    ok(pl_advisory_db_keep_file(db, "never seen", "truncated", &kept, &err), &err);
    assert_false(kept);
    commit(db, "2026-01-02T00:00:00Z");
    digest_of(in_dir("a.db"), digest, &n);
    assert_int_equal(n, 1);
}

static void test_uncommitted_leaves_nothing(void **state PL_UNUSED)
{
    struct pl_advisory_db *db = create(in_dir("a.db"), NULL);
    feed(db, "one");
    put(db, "GHSA-1", "CVE-2024-0001", "a", "1");
    pl_advisory_db_close(db);
    assert_int_equal(access(in_dir("a.db"), F_OK), -1);
}

static void test_no_database(void **state PL_UNUSED)
{
    struct pl_advisory_db *db;
    struct pl_err err = { 0 };
    assert_int_equal(pl_advisory_db_open(in_dir("absent.db"), &db, &err), PL_EABSENT);
    FILE *file = fopen(in_dir("text.db"), "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_int_equal(pl_advisory_db_open(in_dir("text.db"), &db, &err), PL_EFORMAT);
    assert_non_null(strstr(err.msg, "not an advisory database"));
    fclose(fopen(in_dir("empty.db"), "w"));
    assert_int_equal(pl_advisory_db_open(in_dir("empty.db"), &db, &err), PL_EFORMAT);
}

static void set_version(const char *path, int version)
{
    sqlite3 *sql;
    char text[64];
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    snprintf(text, sizeof(text), "PRAGMA user_version=%d", version);
    assert_int_equal(sqlite3_exec(sql, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
}

static void test_other_schema(void **state PL_UNUSED)
{
    struct pl_advisory_db *db;
    struct pl_err err = { 0 };
    build_two("a.db", "1.0.0", "2026-01-01T00:00:00Z");
    set_version(in_dir("a.db"), PL_SCHEMA_VERSION + 1);
    assert_int_equal(pl_advisory_db_open(in_dir("a.db"), &db, &err), PL_EFORMAT);
    assert_non_null(strstr(err.msg, "newer plimsoll"));
    set_version(in_dir("a.db"), 0);
    assert_int_equal(pl_advisory_db_open(in_dir("a.db"), &db, &err), PL_EFORMAT);
    assert_non_null(strstr(err.msg, "older plimsoll"));
}

/* Damage anywhere in the file is an error or a wrong answer, never a crash. */
static void test_damaged(void **state PL_UNUSED)
{
    struct pl_vuln_facts f;
    struct pl_arena a;
    struct seen s;
    struct pl_err err = { 0 };
    build_two("a.db", "1.0.0", "2026-01-01T00:00:00Z");
    pl_arena_init(&a, PL_MIB);
    for (int i = 0; i < 400; i++) {
        int fd = open(in_dir("a.db"), O_RDWR);
        off_t size = lseek(fd, 0, SEEK_END), at = 100 + (off_t)(i * 7919) % (size - 100);
        char was, now;
        assert_int_equal(pread(fd, &was, 1, at), 1);
        now = (char)(was ^ 0x55);
        assert_int_equal(pwrite(fd, &now, 1, at), 1);
        struct pl_advisory_db *db;
        if (pl_advisory_db_open(in_dir("a.db"), &db, &err) == PL_OK) {
            (void)!pl_advisory_db_show(db, PL_LIT("GHSA-1"), &a, &f, see, &s, &err);
            struct pl_package p = { .type = PL_LIT("npm"),
                                    .name = PL_LIT("a"),
                                    .version = PL_LIT("0.1.0") };
            struct pl_inventory inv = { .packages = &p, .n_packages = 1 };
            struct pl_report report = { 0 };
            (void)!pl_match_packages(db, &inv, &a, &report, &err);
            pl_advisory_db_close(db);
        }
        s = (struct seen){ 0 };
        pl_arena_reset(&a);
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
        close(fd);
    }
    pl_arena_done(&a);
}

static void test_intern(void **state PL_UNUSED)
{
    struct pl_intern in;
    struct pl_err err = { 0 };
    char text[32];
    bool made;
    pl_intern_init(&in, PL_MIB);
    for (unsigned i = 1; i <= 5000; i++) {
        snprintf(text, sizeof(text), "name-%u", i);
        assert_int_equal(pl_intern_put(&in, pl_span_str(text), &made, &err), i);
        assert_true(made);
    }
    assert_int_equal(pl_intern_put(&in, PL_LIT("name-77"), &made, &err), 77);
    assert_false(made);
    assert_int_equal(pl_intern_find(&in, PL_LIT("absent")), 0);
    assert_true(pl_span_eq(pl_intern_text(&in, 4999), PL_LIT("name-4999")));
    pl_intern_done(&in);
    pl_intern_init(&in, 100);
    while (pl_intern_put(&in, pl_span_str(text), NULL, &err))
        snprintf(text, sizeof(text), "name-%u", in.n);
    assert_int_equal(err.rc, PL_ELIMIT);
    pl_intern_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_show_and_search, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_input_same_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_file_keeps_previous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreadable_file_keeps_previous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uncommitted_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test(test_intern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
