/* The JSON report, byte for byte against tests/golden/, and what programs rely on. */
#include "report_samples.h"

#include "base/json.h"

typedef void (*maker)(struct sample *);

static char *render(const struct pl_report *const *reports, size_t n, bool several, size_t *size)
{
    char *text = NULL;
    struct pl_err err;
    FILE *out = open_memstream(&text, size);
    const struct pl_format *f = pl_format_find(PL_LIT("json"));
    const struct pl_format_opts o = { .several = several };
    assert_non_null(f);
    assert_int_equal(f->write(reports, n, &o, out, &err), PL_OK);
    fclose(out);
    return text;
}

/* The program's own version is no part of the golden files. */
static void hide_version(char *text, size_t *size)
{
    const char *ours = "\"version\": \"" PL_VERSION "\"", *neutral = "\"version\": \"0\"";
    char *at = strstr(text, ours);
    assert_non_null(at);
    memcpy(at, neutral, strlen(neutral));
    memmove(at + strlen(neutral), at + strlen(ours),
            *size - (size_t)(at - text) - strlen(ours) + 1);
    *size -= strlen(ours) - strlen(neutral);
}

static char *make_json(maker make, size_t *size)
{
    struct sample s;
    make(&s);
    sample_finish(&s, NULL);
    const struct pl_report *r = &s.report;
    char *text = render(&r, 1, false, size);
    /* Neither the clock nor the machine's speed may show. */
    s.report.seconds = 77.125;
    size_t again;
    char *second = render(&r, 1, false, &again);
    assert_string_equal(text, second);
    free(second);
    sample_done(&s);
    return text;
}

static void whole_reports(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        maker make;
    } all[] = {
        { "shop.json", sample_shop },       { "old-alpine.json", sample_old_alpine },
        { "clean.json", sample_clean },     { "partial.json", sample_partial },
        { "rpm.json", sample_rpm },         { "unsupported.json", sample_unsupported },
        { "scratch.json", sample_scratch }, { "hostile.json", sample_hostile },
    };
    for (size_t i = 0; i < PL_COUNT(all); i++) {
        size_t size;
        char *text = make_json(all[i].make, &size);
        hide_version(text, &size);
        golden(all[i].name, text, size);
        free(text);
    }
}

static void several_make_an_array(void **state)
{
    (void)state;
    struct sample s, t;
    sample_clean(&s);
    sample_finish(&s, NULL);
    sample_shop(&t);
    sample_finish(&t, NULL);
    const struct pl_report *both[] = { &s.report, &t.report };
    for (size_t n = 0; n <= 2; n++) {
        PL_AUTO(json) json_t *root = NULL;
        struct pl_err err;
        size_t size;
        char *text = render(both, n, true, &size);
        assert_int_equal(pl_json_parse(pl_span_of(text, size), &root, &err), PL_OK);
        assert_true(json_is_array(root));
        assert_int_equal(json_array_size(root), n);
        free(text);
    }
    sample_done(&s);
    sample_done(&t);
}

static void findings_name_one_package(void **state)
{
    (void)state;
    struct pl_err err;
    size_t size, i, k;
    PL_AUTO(json) json_t *root = NULL;
    char *text = make_json(sample_rpm, &size);
    assert_int_equal(pl_json_parse(pl_span_of(text, size), &root, &err), PL_OK);
    const json_t *f, *p;
    json_array_foreach(pl_json_array(root, "findings"), i, f)
    {
        size_t named = 0;
        json_array_foreach(pl_json_array(root, "packages"), k, p) named +=
            pl_span_eq(pl_json_text(p, "id"), pl_json_text(f, "package"));
        assert_int_equal(named, 1);
    }
    assert_true(i > 3);
    free(text);
}

static void values_of_env_stay(void **state)
{
    (void)state;
    size_t size;
    char *text = make_json(sample_shop, &size);
    assert_non_null(strstr(text, "TOKEN"));
    assert_null(strstr(text, "not-for-reports"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_reports),
        cmocka_unit_test(several_make_an_array),
        cmocka_unit_test(findings_name_one_package),
        cmocka_unit_test(values_of_env_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
