/* test_match.c - every tests/cases/match/NAME.json: advisories and an inventory go in, and exactly
 * the expected findings come out. Of an expected finding only the fields that it names are
 * compared; package and id of all of them make the set that must be equal. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "advisory/advisory_db.h"
#include "base/json.h"

enum { MAX = 64 };

static struct pl_arena arena;

static pl_span *texts(const json_t *o, const char *key, size_t *n)
{
    const json_t *list = pl_json_array(o, key);
    *n = json_array_size(list);
    pl_span *out = pl_arena_array(&arena, *n, sizeof(*out));
    for (size_t i = 0; i < *n; i++)
        out[i] = pl_json_span(json_array_get(list, i));
    return out;
}

static const struct pl_range *ranges(const json_t *o, size_t *n)
{
    const json_t *list = pl_json_array(o, "ranges");
    *n = json_array_size(list);
    struct pl_range *out = pl_arena_array(&arena, *n + 1, sizeof(*out));
    for (size_t i = 0; i < *n; i++) {
        const json_t *r = json_array_get(list, i);
        out[i] = (struct pl_range){ pl_json_text(r, "introduced"), pl_json_text(r, "fixed"),
                                    pl_json_text(r, "last_affected"), pl_json_text(r, "limit"),
                                    pl_json_bool(r, "introduced_excluded") };
    }
    if (pl_json_text(o, "fixed").len) /* the short form */
        out[(*n)++].fixed = pl_json_text(o, "fixed");
    return out;
}

static struct pl_affected affected(const json_t *o)
{
    struct pl_affected a = {
        .stream = pl_json_text(o, "stream"),
        .package = pl_json_text(o, "package"),
        .of_source = pl_json_bool(o, "source"),
        .scheme = pl_json_text(o, "scheme"),
        .arch = pl_json_text(o, "arch"),
        .module = pl_json_text(o, "module"),
        .channel = pl_json_text(o, "channel"),
        .note = pl_json_text(o, "note"),
        .severity = pl_severity_parse(pl_json_text(o, "severity")),
    };
    if (pl_json_text(o, "status").len)
        assert_true(pl_status_parse(pl_json_text(o, "status"), &a.status));
    a.ranges = ranges(o, &a.n_ranges);
    a.versions = texts(o, "versions", &a.n_versions);
    return a;
}

static const struct pl_cvss *cvss(const json_t *o, size_t *n)
{
    const json_t *list = pl_json_array(o, "cvss");
    *n = json_array_size(list);
    struct pl_cvss *out = pl_arena_array(&arena, *n, sizeof(*out));
    for (size_t i = 0; i < *n; i++) {
        const json_t *c = json_array_get(list, i);
        out[i] = (struct pl_cvss){ pl_json_text(c, "source"), pl_json_text(c, "vector"),
                                   pl_json_number(c, "score", -1) };
    }
    return out;
}

static void feed_advisory(struct pl_advisory_sink *s, const json_t *o)
{
    struct pl_affected rows[MAX];
    struct pl_vuln_ref refs[MAX];
    struct pl_err err = { 0 };
    const json_t *list = pl_json_array(o, "affected");
    struct pl_advisory a = {
        .id = pl_json_text(o, "id"),
        .title = pl_json_text(o, "title"),
        .withdrawn = pl_json_bool(o, "withdrawn"),
        .malicious = pl_json_bool(o, "malicious"),
        .severity = pl_severity_parse(pl_json_text(o, "severity")),
    };
    a.aliases = texts(o, "aliases", &a.n_aliases);
    a.references = texts(o, "references", &a.n_references);
    a.cvss = cvss(o, &a.n_cvss);
    pl_span *ids = texts(o, "vulns", &a.n_vulns);
    for (size_t i = 0; i < a.n_vulns; i++)
        refs[i] = (struct pl_vuln_ref){ ids[i], PL_SEVERITY_UNKNOWN };
    a.vulns = refs;
    a.n_affected = json_array_size(list);
    for (size_t i = 0; i < a.n_affected; i++)
        rows[i] = affected(json_array_get(list, i));
    a.affected = rows;
    if (s->advisory(s, &a, &err))
        fail_msg("%s", err.msg);
}

static void feed_facts(struct pl_advisory_sink *s, const json_t *o)
{
    struct pl_err err = { 0 };
    struct pl_vuln_facts f = {
        .id = pl_json_text(o, "id"),
        .title = pl_json_text(o, "title"),
        .epss = pl_json_number(o, "epss", -1),
        .epss_percentile = -1,
        .known_exploited = pl_json_bool(o, "known_exploited"),
        .ransomware = pl_json_bool(o, "ransomware"),
        .severity = pl_severity_parse(pl_json_text(o, "severity")),
    };
    f.references = texts(o, "references", &f.n_references);
    f.cvss = cvss(o, &f.n_cvss);
    if (s->vuln(s, &f, &err))
        fail_msg("%s", err.msg);
}

static void build(const json_t *root, const char *path)
{
    struct pl_advisory_db *db;
    struct pl_err err = { 0 };
    const json_t *feeds = pl_json_array(root, "feeds");
    if (pl_advisory_db_create(path, NULL, &db, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < json_array_size(feeds); i++) {
        const json_t *f = json_array_get(feeds, i);
        const char *name = json_string_value(json_object_get(f, "name"));
        unsigned rank = (unsigned)pl_json_number(f, "rank", 10);
        struct pl_advisory_sink *s = pl_advisory_db_sink(db);
        size_t n;
        if (pl_advisory_db_feed(db, name, name, rank, name, &err))
            fail_msg("%s", err.msg);
        pl_span *covers = texts(f, "covers", &n);
        for (size_t k = 0; k < n; k++)
            s->covers(s, covers[k]);
        if (pl_json_text(f, "published").len)
            s->published(s, pl_json_text(f, "published"));
        for (size_t k = 0; k < json_array_size(pl_json_array(f, "advisories")); k++)
            feed_advisory(s, json_array_get(pl_json_array(f, "advisories"), k));
        for (size_t k = 0; k < json_array_size(pl_json_array(f, "facts")); k++)
            feed_facts(s, json_array_get(pl_json_array(f, "facts"), k));
    }
    if (pl_advisory_db_commit(db, "2026-01-01T00:00:00Z", &err))
        fail_msg("%s", err.msg);
    pl_advisory_db_close(db);
}

static struct pl_distro distro;
static struct pl_release release;

static void inventory(const json_t *root, struct pl_inventory *inv)
{
    const json_t *os = pl_json_object(root, "os"), *list = pl_json_array(root, "packages");
    distro = (struct pl_distro){
        .family = "test",
        .name = "Test Linux",
        .feeds = "the test's feed",
        .package_type = json_string_value(json_object_get(os, "type")),
        .vendors = json_string_value(json_object_get(os, "vendors")),
    };
    release =
        (struct pl_release){ .end_of_life = json_string_value(json_object_get(os, "end_of_life")) };
    *inv = (struct pl_inventory){ .all_layers_read = true };
    if (os)
        inv->os = (struct pl_os){ .family = PL_LIT("test"),
                                  .version = pl_json_text(os, "version"),
                                  .distro = &distro,
                                  .release = &release,
                                  .stream = pl_json_text(os, "stream") };
    inv->n_packages = json_array_size(list);
    inv->packages = pl_arena_array(&arena, inv->n_packages, sizeof(*inv->packages));
    for (size_t i = 0; i < inv->n_packages; i++) {
        const json_t *p = json_array_get(list, i);
        inv->packages[i] = (struct pl_package){
            .type =
                pl_json_text(p, "type").len ? pl_json_text(p, "type") : pl_json_text(os, "type"),
            .name = pl_json_text(p, "name"),
            .version = pl_json_text(p, "version"),
            .arch = pl_json_text(p, "arch"),
            .source_name = pl_json_text(p, "source"),
            .source_version = pl_json_text(p, "source_version"),
            .module = pl_json_text(p, "module"),
            .vendor = pl_json_text(p, "vendor"),
            .owner = pl_json_text(p, "owner"),
            .flags = pl_json_bool(p, "kernel_headers") ? PL_PACKAGE_KERNEL_HEADERS : 0,
        };
    }
}

static void check_text(const char *what, pl_span got, const json_t *want, const char *key)
{
    if (json_object_get(want, key) && !pl_span_eq(got, pl_json_text(want, key)))
        fail_msg("%s: %s is \"%.*s\", not \"%.*s\"", what, key, PL_FMT(got),
                 PL_FMT(pl_json_text(want, key)));
}

static void check_list(const char *what, const pl_span *got, size_t n_got, const json_t *want,
                       const char *key)
{
    size_t n;
    const pl_span *list = texts(want, key, &n);
    if (!json_object_get(want, key))
        return;
    bool same = n == n_got;
    for (size_t i = 0; same && i < n; i++)
        same = pl_span_eq(got[i], list[i]);
    for (size_t i = 0; !same && i < n_got; i++)
        print_message("%s: got %.*s\n", key, PL_FMT(got[i]));
    if (!same)
        fail_msg("%s: %s differ", what, key);
}

static const struct pl_finding *find(const struct pl_report *r, const struct pl_inventory *inv,
                                     const json_t *want)
{
    for (size_t i = 0; i < r->n_findings; i++)
        if (pl_span_eq(r->findings[i].id, pl_json_text(want, "id")) &&
            pl_span_eq(inv->packages[r->findings[i].package].name, pl_json_text(want, "package")) &&
            (!json_object_get(want, "version") ||
             pl_span_eq(r->findings[i].installed_version, pl_json_text(want, "version"))))
            return &r->findings[i];
    return NULL;
}

static void check_finding(const struct pl_finding *f, const json_t *want)
{
    char what[200];
    snprintf(what, sizeof(what), "%.*s", PL_FMT(f->id));
    check_text(what, pl_span_str(pl_class_text(f->class_id)), want, "class");
    check_text(what, pl_span_str(pl_status_text(f->status)), want, "status");
    check_text(what, pl_span_str(pl_severity_text(f->severity)), want, "severity");
    check_text(what, f->severity_source, want, "severity_source");
    check_text(what, f->fixed_version, want, "fixed");
    check_text(what, f->fix.version, want, "mend");
    check_text(what, f->cause, want, "cause");
    check_text(what, f->note, want, "note");
    check_text(what, f->title, want, "title");
    check_text(what, f->feed, want, "feed");
    check_text(what, f->fix.caution, want, "caution");
    check_list(what, f->aliases, f->n_aliases, want, "aliases");
    check_list(what, f->references, f->n_references, want, "references");
    if (json_object_get(want, "n_cvss"))
        assert_int_equal(f->n_cvss, (int)pl_json_number(want, "n_cvss", -1));
    if (json_object_get(want, "epss"))
        assert_int_equal((int)(f->epss * 1000), (int)(pl_json_number(want, "epss", -1) * 1000));
    if (json_object_get(want, "known_exploited"))
        assert_int_equal(f->known_exploited, pl_json_bool(want, "known_exploited"));
}

static void check(const json_t *root, const struct pl_report *r, const struct pl_inventory *inv)
{
    const json_t *want = pl_json_array(root, "findings"), *gaps = pl_json_array(root, "gaps");
    for (size_t i = 0; i < json_array_size(want); i++) {
        const json_t *w = json_array_get(want, i);
        const struct pl_finding *f = find(r, inv, w);
        if (!f)
            fail_msg("missed: %.*s on %.*s", PL_FMT(pl_json_text(w, "id")),
                     PL_FMT(pl_json_text(w, "package")));
        check_finding(f, w);
    }
    for (size_t i = 0; i < r->n_findings && r->n_findings != json_array_size(want); i++)
        print_message("got %.*s on %.*s\n", PL_FMT(r->findings[i].id),
                      PL_FMT(inv->packages[r->findings[i].package].name));
    assert_int_equal(r->n_findings, json_array_size(want));
    for (size_t i = 0; i < r->n_gaps && r->n_gaps != json_array_size(gaps); i++)
        print_message("gap %.*s: %.*s\n", PL_FMT(r->gaps[i].reason), PL_FMT(r->gaps[i].detail));
    assert_int_equal(r->n_gaps, json_array_size(gaps));
    for (size_t i = 0; i < r->n_gaps; i++) {
        check_text("gap", r->gaps[i].reason, json_array_get(gaps, i), "reason");
        check_text("gap", r->gaps[i].detail, json_array_get(gaps, i), "detail");
    }
    const struct pl_coverage *c = &r->coverage[PL_CLASS_OS_VULN];
    check_text("coverage", pl_span_str(pl_coverage_text(c->state)), root, "coverage");
    check_text("coverage", c->by, root, "by");
    check_text("coverage", c->as_of, root, "as_of");
    c = &r->coverage[PL_CLASS_APP_VULN];
    check_text("app-vuln", pl_span_str(pl_coverage_text(c->state)), root, "app_coverage");
    check_text("app-vuln", c->by, root, "app_by");
    check_text("app-vuln", c->as_of, root, "app_as_of");
    check_text("app-vuln", c->detail, root, "app_detail");
}

static void run_case(const char *file)
{
    char path[4096], db_path[] = "/tmp/plimsoll-match-XXXXXX";
    json_error_t e;
    struct pl_advisory_db *db;
    struct pl_inventory inv;
    struct pl_report report = { .generated_at = PL_LIT("2026-01-01T00:00:00Z") };
    struct pl_err err = { 0 };
    snprintf(path, sizeof(path), "%s/tests/cases/match/%s", PL_SOURCE_ROOT, file);
    json_t *root = json_load_file(path, 0, &e);
    if (!root)
        fail_msg("%s: line %d: %s", file, e.line, e.text);
    close(mkstemp(db_path));
    pl_arena_init(&arena, 256 * PL_MIB);
    build(root, db_path);
    inventory(root, &inv);
    if (pl_advisory_db_open(db_path, &db, &err) ||
        pl_match_packages(db, &inv, &arena, &report, &err))
        fail_msg("%s: %s", file, err.msg);
    pl_advisory_db_close(db); /* the findings must not need it */
    unlink(db_path);
    check(root, &report, &inv);
    pl_arena_done(&arena);
    json_decref(root);
}

static void test_case(void **state) { run_case(*state); }

int main(void)
{
    static struct CMUnitTest tests[256];
    size_t n = 0;
    DIR *d = opendir(PL_SOURCE_ROOT "/tests/cases/match");
    for (struct dirent *e; d && n < PL_COUNT(tests) && (e = readdir(d));)
        if (strstr(e->d_name, ".json"))
            tests[n++] = (struct CMUnitTest){ .name = strdup(e->d_name), .test_func = test_case };
    for (size_t i = 0; i < n; i++)
        tests[i].initial_state = (void *)(uintptr_t)tests[i].name;
    if (d)
        closedir(d);
    int failed = n == 0 ? 1 : _cmocka_run_group_tests("match", tests, n, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)tests[i].name);
    return failed;
}
