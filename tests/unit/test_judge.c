/* What is done about a finding: key, priority, fix, verdict, filters. */
#include "report_samples.h"

static const struct pl_finding *find(const struct sample *s, const char *id)
{
    for (size_t i = 0; i < s->report.n_findings; i++)
        if (pl_span_eq(s->report.findings[i].id, pl_span_str(id)))
            return &s->report.findings[i];
    fail_msg("no finding %s", id);
    return NULL;
}

static void says(pl_span text, const char *part)
{
    if (pl_span_find(text, pl_span_str(part)) == SIZE_MAX)
        fail_msg("\"%.*s\" does not say \"%s\"", PL_FMT(text), part);
}

/* One finding on an otherwise empty image, judged. docs/priority.md, rule by rule. */
static void priorities(void **state)
{
    (void)state;
    static const struct {
        enum pl_severity severity;
        enum pl_status status;
        double epss;
        bool kev, headers;
        enum pl_priority want;
    } cases[] = {
        { PL_SEVERITY_CRITICAL, PL_STATUS_FIXED, 0.9, true, true, PL_PRIORITY_LOW },
        { PL_SEVERITY_NEGLIGIBLE, PL_STATUS_FIXED, 0.9, false, false, PL_PRIORITY_LOW },
        { PL_SEVERITY_CRITICAL, PL_STATUS_WILL_NOT_FIX, 0.9, false, false, PL_PRIORITY_LOW },
        { PL_SEVERITY_LOW, PL_STATUS_WILL_NOT_FIX, 0.9, true, false, PL_PRIORITY_HIGH },
        { PL_SEVERITY_LOW, PL_STATUS_AFFECTED, -1, true, false, PL_PRIORITY_HIGH },
        { PL_SEVERITY_CRITICAL, PL_STATUS_FIXED, -1, false, false, PL_PRIORITY_HIGH },
        { PL_SEVERITY_CRITICAL, PL_STATUS_AFFECTED, -1, false, false, PL_PRIORITY_MEDIUM },
        { PL_SEVERITY_HIGH, PL_STATUS_FIXED, 0.1, false, false, PL_PRIORITY_HIGH },
        { PL_SEVERITY_HIGH, PL_STATUS_FIXED, 0.09, false, false, PL_PRIORITY_MEDIUM },
        { PL_SEVERITY_HIGH, PL_STATUS_AFFECTED, 0.5, false, false, PL_PRIORITY_MEDIUM },
        { PL_SEVERITY_MEDIUM, PL_STATUS_AFFECTED, 0.5, false, false, PL_PRIORITY_MEDIUM },
        { PL_SEVERITY_MEDIUM, PL_STATUS_FIXED, -1, false, false, PL_PRIORITY_LOW },
        { PL_SEVERITY_UNKNOWN, PL_STATUS_FIXED, -1, false, false, PL_PRIORITY_MEDIUM },
        { PL_SEVERITY_UNKNOWN, PL_STATUS_AFFECTED, -1, false, false, PL_PRIORITY_LOW },
    };
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        struct sample s;
        sample_init(&s, "x");
        sample_os(&s, &sample_debian, NULL, "12", "");
        sample_layer(&s, "x", 1);
        if (sample_package(&s, "deb", "p", "1", "", 0) && cases[i].headers)
            ((struct pl_package *)s.packages.items)->flags = PL_PACKAGE_KERNEL_HEADERS;
        struct pl_finding *f = sample_vuln(&s, "CVE-1", cases[i].severity, "2");
        f->status = cases[i].status;
        f->epss = cases[i].epss;
        f->known_exploited = cases[i].kev;
        sample_finish(&s, NULL);
        if (s.report.findings[0].priority != cases[i].want)
            fail_msg("case %zu: %s (%.*s)", i, pl_priority_text(s.report.findings[0].priority),
                     PL_FMT(s.report.findings[0].priority_reason));
        sample_done(&s);
    }
}

static void fixes(void **state)
{
    (void)state;
    struct sample s;
    sample_shop(&s);
    sample_finish(&s, NULL);
    const struct pl_finding *f = find(&s, "CVE-2024-90001");
    assert_true(pl_span_eq(f->fix.command, PL_LIT("apt-get update && apt-get install -y "
                                                  "--only-upgrade libssl3 openssl")));
    assert_true(pl_span_eq(f->fix.version, PL_LIT("3.0.13-1~deb12u1")));
    says(f->cause, "libssl3 3.0.11-1~deb12u1 is older than 3.0.13-1~deb12u1");
    assert_int_equal(f->n_aliases, 1); /* without its own id */
    assert_int_equal(f->layer, 2);
    f = find(&s, "CVE-2024-90040");
    says(f->fix.caution, "kernel's headers");
    f = find(&s, "CVE-2023-90060");
    assert_int_equal(f->fix.command.len, 0);
    says(f->fix.description, "will not fix");
    sample_done(&s);
}

static void cautions(void **state)
{
    (void)state;
    struct sample s;
    static const struct pl_release stretch = { "debian", "9", "stretch", "2020-07-18",
                                               "2022-06-30" };
    sample_init(&s, "x");
    sample_os(&s, &sample_debian, &stretch, "9", "Debian 9");
    sample_layer(&s, "x", 1);
    sample_package(&s, "deb", "p", "1", "", 0);
    sample_vuln(&s, "CVE-1", PL_SEVERITY_HIGH, "2");
    sample_finish(&s, NULL);
    says(s.report.findings[0].fix.caution, "out of support since 2020-07-18");
    says(s.report.findings[0].fix.caution, "archive.debian.org");
    sample_done(&s);

    sample_init(&s, "x");
    sample_os(&s, &sample_debian, &sample_bookworm, "12", "Distroless");
    sample_layer(&s, "x", 1);
    sample_package(&s, "deb", "p", "1", "", 0)->path = PL_LIT("var/lib/dpkg/status.d/p");
    sample_vuln(&s, "CVE-1", PL_SEVERITY_HIGH, "2");
    sample_finish(&s, NULL);
    assert_int_equal(s.report.findings[0].fix.command.len, 0);
    says(s.report.findings[0].fix.description, "Rebuild the image from a newer base");
    sample_done(&s);
}

/* What people paste holds nothing that an image's maker could have meant for their shell. */
static void hostile_names_make_no_command(void **state)
{
    (void)state;
    static const char *const names[] = { "x; rm -rf ~", "$(id)", "`id`", "-o",
                                         "a b",         "",      "a'b",  "a\nb" };
    for (size_t i = 0; i < PL_COUNT(names); i++) {
        struct sample s;
        sample_init(&s, "x");
        sample_os(&s, &sample_debian, NULL, "12", "");
        sample_layer(&s, "x", 1);
        sample_package(&s, "deb", names[i], "1", "", 0);
        sample_vuln(&s, "CVE-1", PL_SEVERITY_HIGH, "2");
        sample_finish(&s, NULL);
        assert_int_equal(s.report.findings[0].fix.command.len, 0);
        sample_done(&s);
    }
}

static void foreign_architectures_are_named(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s, "x");
    sample_os(&s, &sample_debian, NULL, "12", "");
    sample_layer(&s, "x", 1);
    sample_package(&s, "deb", "libc6", "1", "glibc", 0);
    sample_vuln(&s, "CVE-1", PL_SEVERITY_HIGH, "2");
    sample_package(&s, "deb", "libc6", "1", "glibc", 0)->arch = PL_LIT("i386");
    sample_vuln(&s, "CVE-1", PL_SEVERITY_HIGH, "2");
    sample_finish(&s, NULL);
    says(s.report.findings[0].fix.command, "--only-upgrade libc6:amd64 libc6:i386");
    sample_done(&s);
}

static void keys_hold(void **state)
{
    (void)state;
    struct sample a, b;
    sample_shop(&a);
    sample_shop(&b);
    /* the same flaws on a newer build of the same packages, in another layer */
    for (size_t i = 0; i < b.packages.n; i++) {
        struct pl_package *p = (struct pl_package *)b.packages.items + i;
        p->version = p->source_version = PL_LIT("9");
        p->layer = 4;
    }
    sample_finish(&a, NULL);
    sample_finish(&b, NULL);
    for (size_t i = 0; i < a.report.n_findings; i++) {
        assert_true(pl_span_eq(a.report.findings[i].key, b.report.findings[i].key));
        assert_int_equal(a.report.findings[i].key.len, 16);
        for (size_t k = 0; k < i; k++)
            assert_false(pl_span_eq(a.report.findings[i].key, a.report.findings[k].key));
    }
    sample_done(&a);
    sample_done(&b);
    /* two versions of one package side by side are two findings */
    sample_rpm(&a);
    sample_finish(&a, NULL);
    for (size_t i = 0; i < a.report.n_findings; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(pl_span_eq(a.report.findings[i].key, a.report.findings[k].key));
    sample_done(&a);
}

static void order(void **state)
{
    (void)state;
    struct sample s;
    sample_shop(&s);
    sample_finish(&s, NULL);
    for (size_t i = 1; i < s.report.n_findings; i++) {
        const struct pl_finding *a = &s.report.findings[i - 1], *b = &s.report.findings[i];
        assert_true(a->severity >= b->severity);
        if (a->severity == b->severity)
            assert_true(pl_span_cmp(a->id, b->id) <= 0);
    }
    for (size_t i = 1; i < s.report.n_gaps; i++)
        assert_true(pl_span_cmp(s.report.gaps[i - 1].class_name, s.report.gaps[i].class_name) <= 0);
    sample_done(&s);
}

static void verdicts(void **state)
{
    (void)state;
    static const struct {
        struct pl_judge_opts o;
        bool allowed;
        const char *reason;
    } cases[] = {
        { { 0 }, true, NULL },
        { { .fail_on_set = true, .fail_on = PL_SEVERITY_CRITICAL }, false, "4 critical" },
        { { .fail_on_set = true, .fail_on = PL_SEVERITY_HIGH }, false, "4 critical, 6 high" },
        /* one of the four critical has no fix */
        { { .fail_on_set = true, .fail_on = PL_SEVERITY_CRITICAL, .ignore_unfixed = true },
          false,
          "3 critical" },
        /* how somebody looks does not change what is allowed */
        { { .fail_on_set = true,
            .fail_on = PL_SEVERITY_CRITICAL,
            .severities = 1u << PL_SEVERITY_LOW },
          false,
          "4 critical (4 of them left out" },
    };
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        struct sample s;
        sample_shop(&s);
        sample_finish(&s, &cases[i].o);
        assert_int_equal(s.report.verdict.allowed, cases[i].allowed);
        assert_int_equal(s.report.verdict.n_reasons, cases[i].reason != NULL);
        if (cases[i].reason)
            says(s.report.verdict.reasons[0], cases[i].reason);
        sample_done(&s);
    }
    struct sample s; /* what is suppressed does not count, nor does what is below */
    sample_clean(&s);
    sample_vuln(&s, "CVE-1", PL_SEVERITY_CRITICAL, "2")->suppressed_by = PL_LIT("vex");
    sample_vuln(&s, "CVE-2", PL_SEVERITY_MEDIUM, "2");
    sample_finish(&s, &(struct pl_judge_opts){ .fail_on_set = true, .fail_on = PL_SEVERITY_HIGH });
    assert_true(s.report.verdict.allowed);
    says(s.report.verdict.policy, "fail-on high");
    sample_done(&s);
}

static void filters_count(void **state)
{
    (void)state;
    struct sample s;
    sample_shop(&s);
    sample_finish(&s, &(struct pl_judge_opts){ .ignore_unfixed = true,
                                               .severities = 1u << PL_SEVERITY_HIGH |
                                                             1u << PL_SEVERITY_CRITICAL });
    assert_int_equal(s.report.n_findings + s.report.n_filtered, s.findings.n);
    says(s.report.severity_filter, "--severity critical,high --ignore-unfixed");
    for (size_t i = 0; i < s.report.n_findings; i++) {
        assert_int_equal(s.report.findings[i].status, PL_STATUS_FIXED);
        assert_true(s.report.findings[i].severity >= PL_SEVERITY_HIGH);
    }
    sample_done(&s);
}

/* A class that nobody judged is never shown as assessed. */
static void silence_is_not_coverage(void **state)
{
    (void)state;
    struct sample s;
    sample_clean(&s);
    sample_finish(&s, NULL);
    assert_int_equal(s.report.coverage[PL_CLASS_OS_VULN].state, PL_COVERAGE_ASSESSED);
    assert_int_equal(s.report.coverage[PL_CLASS_MALWARE].state, PL_COVERAGE_SKIPPED);
    sample_done(&s);
}

static void a_full_arena_is_an_error(void **state)
{
    (void)state;
    for (size_t room = 0; room < 64 << 10; room += 1024) {
        struct sample s;
        struct pl_err err = { 0 };
        struct pl_arena keep;
        static const struct pl_judge_opts o;
        sample_shop(&s);
        s.image.layers = s.layers.items, s.image.n_layers = s.layers.n;
        s.report.inventory.packages = s.packages.items;
        s.report.inventory.n_packages = s.packages.n;
        s.report.findings = s.findings.items, s.report.n_findings = s.findings.n;
        pl_arena_init(&keep, room);
        pl_rc rc = pl_judge(&s.report, &o, &keep, &err);
        assert_true(rc == PL_OK || rc == PL_ELIMIT);
        assert_true((rc != PL_OK) == (err.msg[0] != '\0'));
        pl_arena_done(&keep);
        sample_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priorities),
        cmocka_unit_test(fixes),
        cmocka_unit_test(cautions),
        cmocka_unit_test(hostile_names_make_no_command),
        cmocka_unit_test(foreign_architectures_are_named),
        cmocka_unit_test(keys_hold),
        cmocka_unit_test(order),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(filters_count),
        cmocka_unit_test(silence_is_not_coverage),
        cmocka_unit_test(a_full_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
