/* The formats for other tools, byte for byte against tests/golden/; a saved report read back; two
 * reports side by side. That their consumers take them is tests/e2e/formats.py's to say. */
#include "report_samples.h"

#include "report/diff.h"
#include "report/document.h"
#include "report/read_json.h"

typedef void (*maker)(struct sample *);

static char *render(const char *format, const struct pl_report *const *reports, size_t n,
                    bool several, size_t *size)
{
    char *text = NULL;
    struct pl_err err;
    FILE *out = open_memstream(&text, size);
    const struct pl_format *f = pl_format_find(pl_span_str(format));
    const struct pl_format_opts o = { .several = several, .unicode = true };
    assert_non_null(f);
    assert_int_equal(f->write(reports, n, &o, out, &err), PL_OK);
    fclose(out);
    return text;
}

static const struct {
    const char *name, *ending;
} formats[] = {
    { "sarif", "sarif" }, { "cyclonedx", "cdx.json" }, { "spdx", "spdx.json" },
    { "junit", "xml" },   { "gitlab", "gitlab.json" }, { "csv", "csv" },
    { "html", "html" },   { "markdown", "md" },
};
static const struct {
    const char *name;
    maker make;
} samples[] = {
    { "shop", sample_shop },
    { "rpm", sample_rpm },
    { "hostile", sample_hostile },
    { "clean", sample_clean },
    { "partial", sample_partial },
    { "scratch", sample_scratch },
    { "unsupported", sample_unsupported },
    { "old-alpine", sample_old_alpine },
};

/* The program's own version is no part of the golden files, nor are the page's style and script. */
static void golden_document(const char *name, const char *text, size_t size)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span rest = pl_span_of(text, size);
    size_t body = pl_span_find(rest, PL_LIT("<body>"));
    if (body != SIZE_MAX)
        rest = pl_span_from(pl_span_sub(rest, 0, pl_span_find(rest, PL_LIT("<footer>"))), body);
    for (;;) {
        size_t at = pl_span_find(rest, PL_LIT(PL_VERSION));
        pl_buf_add(&b, pl_span_sub(rest, 0, at == SIZE_MAX ? rest.len : at));
        if (at == SIZE_MAX)
            break;
        pl_buf_char(&b, '0');
        rest = pl_span_from(rest, at + strlen(PL_VERSION));
    }
    golden(name, b.ptr, b.len);
}

/* Small folders are read: two samples a format are kept, the rest only has to be written. */
static void whole_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < PL_COUNT(formats); i++)
        for (size_t k = 0; k < PL_COUNT(samples); k++) {
            struct sample s;
            char name[64];
            size_t size;
            samples[k].make(&s);
            sample_finish(&s, NULL);
            const struct pl_report *r = &s.report;
            char *text = render(formats[i].name, &r, 1, false, &size);
            assert_true(size > 0);
            snprintf(name, sizeof(name), "formats/%s.%s", samples[k].name, formats[i].ending);
            if (k == 0 || k == 2)
                golden_document(name, text, size);
            /* Neither the clock nor the machine's speed may show. */
            s.report.seconds = 77.125;
            size_t again;
            char *second = render(formats[i].name, &r, 1, false, &again);
            assert_int_equal(size, again);
            assert_memory_equal(text, second, size);
            free(second);
            free(text);
            sample_done(&s);
        }
}

static void formats_of_one_image_refuse_two(void **state)
{
    (void)state;
    static const char *const refuse[] = { "cyclonedx", "spdx", "gitlab" };
    static const char *const take[] = {
        "json", "sarif", "junit", "csv", "html", "markdown", "table"
    };
    struct pl_err err = { 0 };
    struct sample s, t;
    sample_clean(&s);
    sample_finish(&s, NULL);
    sample_shop(&t);
    sample_finish(&t, NULL);
    const struct pl_report *both[] = { &s.report, &t.report };
    for (size_t i = 0; i < PL_COUNT(refuse); i++) {
        const struct pl_format *f = pl_format_find(pl_span_str(refuse[i]));
        const struct pl_format_opts o = { 0 };
        FILE *null = fopen("/dev/null", "w");
        assert_int_equal(f->write(both, 2, &o, null, &err), PL_EUSAGE);
        fclose(null);
        assert_non_null(strstr(err.msg, "=FILE"));
        assert_non_null(strstr(err.msg, refuse[i]));
    }
    for (size_t i = 0; i < PL_COUNT(take); i++) {
        size_t size;
        char *text = render(take[i], both, 2, true, &size);
        assert_non_null(strstr(text, "shop"));
        free(text);
    }
    sample_done(&s);
    sample_done(&t);
}

static void the_worst_results_are_kept(void **state)
{
    (void)state;
    struct sample s;
    size_t size;
    sample_large(&s);
    for (int i = 0; i < 300; i++) /* beyond the 5,000 that a run holds */
        sample_vuln(&s, pl_arena_printf(&s.a, "CVE-2025-%d", 10000 + i), PL_SEVERITY_NEGLIGIBLE,
                    NULL);
    sample_finish(&s, NULL);
    const struct pl_report *r = &s.report;
    char *text = render("sarif", &r, 1, false, &size);
    assert_non_null(strstr(text, "300 findings are not in this run"));
    assert_null(strstr(text, "CVE-2025-10000"));
    free(text);
    sample_done(&s);
}

/* ---- reading back ---- */

static void json_comes_back_byte_for_byte(void **state)
{
    (void)state;
    for (size_t k = 0; k < PL_COUNT(samples); k++) {
        PL_AUTO(arena) struct pl_arena a;
        struct pl_report_set set;
        struct pl_err err = { 0 };
        struct sample s;
        size_t size, again;
        samples[k].make(&s);
        if (s.packages.n) {
            struct pl_package *p = s.packages.items;
            p[0].vendor = PL_LIT("A <a@example>");
            p[0].repository = PL_LIT("edge");
            p[0].flags = PL_PACKAGE_RUNTIME | PL_PACKAGE_THIRD_PARTY | PL_PACKAGE_PARTIAL;
        }
        s.report.inventory.os.codename = PL_LIT("sid");
        sample_finish(&s, NULL);
        s.report.n_filtered = 3;
        s.report.severity_filter = PL_LIT("--severity high");
        const struct pl_report *r = &s.report;
        char *text = render("json", &r, 1, false, &size);
        pl_arena_init(&a, 64 << 20);
        if (pl_reports_parse(pl_span_of(text, size), &a, &set, &err))
            fail_msg("%s: %s", samples[k].name, err.msg);
        assert_false(set.list);
        r = &set.items[0];
        char *second = render("json", &r, 1, false, &again);
        assert_string_equal(text, second);
        free(text);
        free(second);
        sample_done(&s);
    }
}

static void wrong_reports_are_named(void **state)
{
    (void)state;
#define HEAD "{\"schema\":\"plimsoll.report/1\","
    static const char *const cases[][2] = {
        { "", "JSON" },
        { "7", "no report" },
        { "[7]", "report 1: no report" },
        { "{}", "schema" },
        { "{\"schema\":\"plimsoll.report/2\"}", "schema" },
        { HEAD "\"packages\":{}}", "packages: wants to be an array" },
        { HEAD "\"packages\":[{\"type\":\"deb\"}]}", "packages[0]: a package wants" },
        { HEAD "\"findings\":[{\"class\":\"os-vuln\",\"severity\":\"grave\"}]}",
          "findings[0].severity: is no word" },
        { HEAD "\"findings\":[{}]}", "findings[0].class: is not there" },
        { HEAD "\"findings\":[{\"class\":\"os-vuln\",\"package\":\"x\"}]}",
          "findings[0].package: is not among" },
        { HEAD "\"findings\":[{\"class\":\"os-vuln\",\"epss\":7}]}", "findings[0].epss" },
        { HEAD "\"image\":{\"digest\":\"sha256:1\"}}", "image.digest: is no digest" },
        { HEAD "\"image\":{\"layers\":[{\"index\":4}]}}", "image.layers[0].index" },
        { HEAD "\"verdict\":{\"allowed\":1}}", "verdict.allowed" },
    };
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        PL_AUTO(arena) struct pl_arena a;
        struct pl_report_set set;
        struct pl_err err = { 0 };
        pl_arena_init(&a, PL_MIB);
        if (!pl_reports_parse(pl_span_str(cases[i][0]), &a, &set, &err))
            fail_msg("%s was taken", cases[i][0]);
        if (!strstr(err.msg, cases[i][1]))
            fail_msg("%s: %s, not %s", cases[i][0], err.msg, cases[i][1]);
    }
}

/* A report that says little claims little. */
static void what_is_missing_is_not_known(void **state)
{
    (void)state;
    PL_AUTO(arena) struct pl_arena a;
    struct pl_report_set set;
    struct pl_err err;
    pl_arena_init(&a, PL_MIB);
    pl_span text = PL_LIT("[" HEAD "\"later\":{\"a\":[1]}}," HEAD "\"image\":null}]");
    assert_int_equal(pl_reports_parse(text, &a, &set, &err), PL_OK);
    assert_int_equal(set.n, 2);
    assert_true(set.list);
    for (int c = 0; c < PL_N_CLASSES; c++)
        assert_int_equal(set.items[0].coverage[c].state, PL_COVERAGE_SKIPPED);
    assert_false(set.items[0].verdict.allowed);
}

static void a_full_arena_is_a_limit(void **state)
{
    (void)state;
    struct sample s;
    size_t size;
    sample_shop(&s);
    sample_finish(&s, NULL);
    const struct pl_report *r = &s.report;
    char *text = render("json", &r, 1, false, &size);
    for (size_t room = 0; room < 60000; room += 997) {
        PL_AUTO(arena) struct pl_arena a;
        struct pl_report_set set;
        struct pl_err err = { 0 };
        pl_arena_init(&a, room);
        pl_rc rc = pl_reports_parse(pl_span_of(text, size), &a, &set, &err);
        assert_true(rc == PL_OK || rc == PL_ELIMIT);
    }
    free(text);
    sample_done(&s);
}

/* ---- small parts ---- */

static void markup_is_escaped(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_markup_add(&b, PL_LIT("<a b=\"c\" d='e'>&\x01\x1b\n\xff\xef\xbf\xbe\xc0\x80"
                             "\xe6\x95\xb0"));
    pl_buf_char(&b, '\0');
    assert_string_equal(b.ptr, "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\n\xef\xbf\xbd"
                               "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                               "\xe6\x95\xb0");
}

static void licences(void **state)
{
    (void)state;
    static const char *const known[] = { "MIT", "MIT OR Apache-2.0", "(MIT AND ISC) OR Zlib",
                                         "GPL-2.0-only WITH Classpath-exception-2.0" };
    static const char *const unknown[] = { "",
                                           "GPL",
                                           "MIT OR",
                                           "OR MIT",
                                           "MIT ISC",
                                           "(MIT",
                                           "MIT)",
                                           "MIT AND (ISC",
                                           "MIT/X11",
                                           "see the file COPYING",
                                           "MIT WITH MIT",
                                           "MIT (AND) ISC" };
    for (size_t i = 0; i < PL_COUNT(known); i++)
        if (!pl_license_known(pl_span_str(known[i])))
            fail_msg("%s is known", known[i]);
    for (size_t i = 0; i < PL_COUNT(unknown); i++)
        if (pl_license_known(pl_span_str(unknown[i])))
            fail_msg("%s is not known", unknown[i]);
}

static void links(void **state)
{
    (void)state;
    assert_true(pl_doc_is_link(PL_LIT("https://a.example/x?y=1#z")));
    static const char *const no[] = { "javascript:alert(1)",
                                      "https://a.example/\"onclick=",
                                      "https://a.example/ x",
                                      "ftp://a.example",
                                      "https://",
                                      "https://a.example/<x>" };
    for (size_t i = 0; i < PL_COUNT(no); i++)
        assert_false(pl_doc_is_link(pl_span_str(no[i])));
}

static void uuids_stay(void **state)
{
    (void)state;
    char a[37], b[37];
    pl_doc_uuid(PL_LIT("x"), a);
    pl_doc_uuid(PL_LIT("x"), b);
    assert_string_equal(a, b);
    pl_doc_uuid(PL_LIT("y"), b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '8');
    assert_non_null(strchr("89ab", a[19]));
}

/* ---- two reports ---- */

static void finish_diff(struct sample *before, struct sample *after)
{
    sample_shop(before);
    sample_shop(after);
    after->image.reference = PL_LIT("registry.example/shop/api:1.5");
    after->report.generated_at = PL_LIT("2026-03-08T12:00:00Z");
    struct pl_finding *f = after->findings.items;
    f[0].severity = PL_SEVERITY_MEDIUM;               /* curl: less grave */
    f[1].fixed_version = PL_LIT("7.88.1-10+deb12u9"); /* and a later fix */
    f[2].suppressed_by = PL_LIT("ignore.yaml");       /* glibc */
    sample_package(after, "deb", "nginx", "1.22.1-9", "nginx", 3);
    sample_exploited(sample_vuln(after, "CVE-2025-90001", PL_SEVERITY_CRITICAL, "1.22.1-10"), 0.5,
                     false);
    f = sample_vuln(after, "CVE-2025-90002", PL_SEVERITY_LOW, NULL);
    sample_finish(before, NULL);
    sample_finish(after, NULL);
}

static void diffs(void **state)
{
    (void)state;
    struct sample before, after;
    struct pl_diff d;
    struct pl_err err;
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, 16 << 20);
    finish_diff(&before, &after);
    assert_int_equal(pl_diff_make(&before.report, &after.report, &a, &d, &err), PL_OK);
    assert_int_equal(d.n_of[PL_DIFF_NEW], 2);
    assert_int_equal(d.n_of[PL_DIFF_GONE], 1);
    assert_int_equal(d.n_of[PL_DIFF_CHANGED], 2);
    assert_true(pl_diff_new_at(&d, PL_SEVERITY_CRITICAL));
    for (unsigned columns = 80; columns <= 100; columns += 20) {
        char name[64], *text = NULL;
        size_t size;
        const struct pl_format_opts o = { .columns = columns, .unicode = true };
        FILE *out = open_memstream(&text, &size);
        assert_int_equal(pl_diff_text(&d, &o, out, &err), PL_OK);
        fclose(out);
        snprintf(name, sizeof(name), "formats/diff.%u.txt", columns);
        golden(name, text, size);
        free(text);
    }
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(pl_diff_json(&d, out, &err), PL_OK);
    fclose(out);
    golden("formats/diff.json", text, size);
    free(text);
    /* The other way round: what was new is gone, what is suppressed no more is new. */
    assert_int_equal(pl_diff_make(&after.report, &before.report, &a, &d, &err), PL_OK);
    assert_int_equal(d.n_of[PL_DIFF_NEW], 1);
    assert_int_equal(d.n_of[PL_DIFF_GONE], 2);
    assert_false(pl_diff_new_at(&d, PL_SEVERITY_CRITICAL));
    /* With itself: nothing. */
    assert_int_equal(pl_diff_make(&after.report, &after.report, &a, &d, &err), PL_OK);
    assert_int_equal(d.n, 0);
    sample_done(&before);
    sample_done(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_documents),
        cmocka_unit_test(formats_of_one_image_refuse_two),
        cmocka_unit_test(the_worst_results_are_kept),
        cmocka_unit_test(json_comes_back_byte_for_byte),
        cmocka_unit_test(wrong_reports_are_named),
        cmocka_unit_test(what_is_missing_is_not_known),
        cmocka_unit_test(a_full_arena_is_a_limit),
        cmocka_unit_test(markup_is_escaped),
        cmocka_unit_test(licences),
        cmocka_unit_test(links),
        cmocka_unit_test(uuids_stay),
        cmocka_unit_test(diffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
