/* The tables hold together, and docs/distributions.md is what they say (PLIMSOLL_RENEW=1 writes it
 * anew; build-aux/distributions does that). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/distro.h"
#include "version/version.h"

static const struct pl_distro *family(const char *name)
{
    return pl_distro_find(pl_span_str(name));
}

static bool is_date(const char *s)
{
    if (strlen(s) != 10)
        return false;
    for (int i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? s[i] != '-' : !isdigit((unsigned char)s[i]))
            return false;
    return true;
}

static void families(void **state)
{
    (void)state;
    for (size_t i = 0; i < pl_n_distros; i++) {
        const struct pl_distro *d = &pl_distros[i];
        assert_ptr_equal(family(d->family), d);
        assert_non_null(d->name);
        if (d->advisories_of)
            assert_non_null(family(d->advisories_of));
        if (d->scheme[0] && strcmp(d->scheme, "generic") != 0)
            assert_non_null(pl_scheme_find(pl_span_str(d->scheme)));
    }
    assert_ptr_equal(family("sled"), family("sles"));
    assert_ptr_equal(family("openEuler"), family("openeuler"));
    assert_null(family("no-such"));
}

static void releases(void **state)
{
    (void)state;
    for (size_t i = 0; i < pl_n_releases; i++) {
        const struct pl_release *r = &pl_releases[i];
        if (!family(r->family) || strcmp(family(r->family)->family, r->family) != 0)
            fail_msg("%s:%s is of no family", r->family, r->release);
        if (r->end_of_life)
            assert_true(is_date(r->end_of_life));
        if (r->extended)
            assert_true(is_date(r->extended));
        if (r->end_of_life && r->extended && strcmp(r->extended, r->end_of_life) < 0)
            fail_msg("%s:%s ends before its extended end", r->family, r->release);
        assert_ptr_equal(pl_release_find(family(r->family), pl_span_str(r->release)), r);
    }
}

static void streams(void **state)
{
    (void)state;
    static const char *const want[][3] = {
        { "debian", "12.4", "debian:12" },
        { "debian", "sid", "debian:sid" },
        { "ubuntu", "20.04", "ubuntu:20.04" },
        { "centos", "8", "rhel:8" },
        { "amzn", "2018.03", "amzn:1" },
        { "amzn", "2023", "amzn:2023" },
        { "sles", "15.5", "sles:15.5" },
        { "sled", "15.5", "sles:15.5" },
        { "alpine", "3.20.3", "alpine:3.20" },
        { "alpine", "edge", "alpine:edge" },
        { "wolfi", "", "wolfi" },
        { "photon", "3.0", "photon:3.0" },
        { "kylin", "V10", "kylin:V10" },
        { "openeuler", "22.03-LTS-SP1", "openeuler:22.03-LTS-SP1" },
        { "alinux", "2.1903", "alinux:2" },
        { "debian", "", NULL },
        { "debian", "a b", NULL },
        { "openeuler", "1;drop table", NULL },
    };
    char got[64];
    for (size_t i = 0; i < PL_COUNT(want); i++) {
        bool ok = pl_distro_stream(family(want[i][0]), pl_span_str(want[i][1]), got, sizeof(got));
        assert_int_equal(ok, want[i][2] != NULL);
        if (ok)
            assert_string_equal(got, want[i][2]);
    }
    assert_false(pl_distro_stream(family("debian"), PL_LIT("12"), got, 9));
    assert_true(pl_distro_stream(family("debian"), PL_LIT("12"), got, 10));
}

static void upgrades(void **state)
{
    (void)state;
    assert_string_equal(pl_distro_upgrade(family("rhel"), PL_LIT("7.9")), "yum update -y %s");
    assert_string_equal(pl_distro_upgrade(family("rhel"), PL_LIT("8")), "dnf upgrade -y %s");
    assert_string_equal(pl_distro_upgrade(family("amzn"), PL_LIT("2")), "yum update -y %s");
    assert_string_equal(pl_distro_upgrade(family("amzn"), PL_LIT("2018.03")), "yum update -y %s");
    assert_string_equal(pl_distro_upgrade(family("amzn"), PL_LIT("2023")), "dnf upgrade -y %s");
    assert_string_equal(pl_distro_upgrade(family("alpine"), PL_LIT("3.20")),
                        "apk add --no-cache --upgrade %s");
}

static void third_parties(void **state)
{
    (void)state;
    const struct pl_distro *rhel = family("rhel"), *debian = family("debian");
    assert_false(pl_distro_third_party(rhel, PL_LIT("Red Hat, Inc.")));
    assert_true(pl_distro_third_party(rhel, PL_LIT("Fedora Project")));
    assert_false(pl_distro_third_party(rhel, PL_SPAN_NONE));
    assert_false(pl_distro_third_party(rhel, PL_LIT("(none)")));
    assert_true(pl_distro_third_party(debian, PL_LIT("Docker <support@docker.com>")));
    assert_false(pl_distro_third_party(debian, PL_LIT("Marco d'Itri <md@linux.it>")));
    assert_false(pl_distro_third_party(family("alpine"), PL_LIT("Any One <any@one>")));
}

/* ---- the page ---- */

static void print_release(FILE *f, const struct pl_release *r)
{
    fprintf(f, "| %s | %s | %s | %s |\n", r->release, r->codename ? r->codename : "",
            r->end_of_life ? r->end_of_life : "", r->extended ? r->extended : "");
}

static void print_family(FILE *f, const struct pl_distro *d)
{
    bool head = false;
    for (size_t i = 0; i < pl_n_releases; i++) {
        if (strcmp(pl_releases[i].family, d->family) != 0)
            continue;
        if (!head)
            fprintf(f,
                    "\n### %s\n\n| release | codename | support ends | extended until |\n"
                    "| --- | --- | --- | --- |\n",
                    d->name);
        head = true;
        print_release(f, &pl_releases[i]);
    }
}

static void print_page(FILE *f)
{
    fputs("# Distributions\n\n"
          "Made from `src/model/distro.def` and `src/model/release.def` by "
          "`build-aux/distributions`.\n\n"
          "A family without advisories is detected and its packages are listed; the report says "
          "that\nnobody judged them.\n\n"
          "| family | os-release ID | packages | advisories | judged as |\n"
          "| --- | --- | --- | --- | --- |\n",
          f);
    for (size_t i = 0; i < pl_n_distros; i++) {
        const struct pl_distro *d = &pl_distros[i];
        fprintf(f, "| %s | %s%s%s | %s | %s | %s |\n", d->name, d->family, d->also ? " " : "",
                d->also ? d->also : "", d->package_type, d->feeds ? d->feeds : "",
                d->advisories_of ? d->advisories_of : "");
    }
    fputs("\n## Releases and how long they are supported\n\n"
          "Dates are the last day. An empty one is not set, or not known to us.\n",
          f);
    for (size_t i = 0; i < pl_n_distros; i++)
        print_family(f, &pl_distros[i]);
}

static void page_is_up_to_date(void **state)
{
    (void)state;
    const char *path = PL_SOURCE_ROOT "/docs/distributions.md";
    char *want = NULL, got[65536];
    size_t size;
    FILE *f = open_memstream(&want, &size);
    print_page(f);
    fclose(f);
    if (getenv("PLIMSOLL_RENEW")) {
        f = fopen(path, "w");
        assert_non_null(f);
        fputs(want, f);
        fclose(f);
    }
    f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(got, 1, sizeof(got) - 1, f);
    fclose(f);
    got[n] = '\0';
    if (strcmp(got, want) != 0)
        fail_msg("docs/distributions.md is not what the tables say: run build-aux/distributions");
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families),      cmocka_unit_test(releases),
        cmocka_unit_test(streams),       cmocka_unit_test(upgrades),
        cmocka_unit_test(third_parties), cmocka_unit_test(page_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
