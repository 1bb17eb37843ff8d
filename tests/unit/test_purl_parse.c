/* Package URLs as others write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "model/purl.h"

static pl_span ours(const char *s) { return pl_span_str(s); }

static void parts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *type, *space, *name, *version, *full;
    } cases[] = {
        { "pkg:deb/debian/libc6@2.31-13?arch=amd64", "deb", "debian", "libc6", "2.31-13", "libc6" },
        { "pkg:DEB/debian/zlib1g@1%3A1.2.11", "deb", "debian", "zlib1g", "1:1.2.11", "zlib1g" },
        { "pkg:npm/%40babel/core@7.0.0", "npm", "@babel", "core", "7.0.0", "@babel/core" },
        { "pkg:npm/@babel/core@7.0.0", "npm", "@babel", "core", "7.0.0", "@babel/core" },
        { "pkg:npm/@babel/core", "npm", "@babel", "core", "", "@babel/core" },
        { "pkg:maven/org.x/y@1", "maven", "org.x", "y", "1", "org.x:y" },
        { "pkg:golang/github.com/a/b@v1.2.3#sub", "golang", "github.com/a", "b", "v1.2.3",
          "github.com/a/b" },
        { "pkg:oci/api@sha256:abcd?tag=1", "oci", "", "api", "sha256:abcd", "api" },
        { "pkg://pypi/Django@3.2", "pypi", "", "Django", "3.2", "Django" },
        { "pkg:cargo/x@1.0+2", "cargo", "", "x", "1.0+2", "x" },
        { " pkg:gem/x ", "gem", "", "x", "", "x" },
    };
    struct pl_arena a;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        struct pl_purl p;
        if (!pl_purl_parse(ours(cases[i].text), &a, &p))
            fail_msg("%s is not read", cases[i].text);
        if (!pl_span_eq(p.type, ours(cases[i].type)) ||
            !pl_span_eq(p.space, ours(cases[i].space)) ||
            !pl_span_eq(p.name, ours(cases[i].name)) ||
            !pl_span_eq(p.version, ours(cases[i].version)) ||
            !pl_span_eq(pl_purl_full_name(&p, &a), ours(cases[i].full)))
            fail_msg("%s: %.*s %.*s %.*s %.*s", cases[i].text, PL_FMT(p.type), PL_FMT(p.space),
                     PL_FMT(p.name), PL_FMT(p.version));
    }
    pl_arena_done(&a);
}

static void broken(void **state)
{
    (void)state;
    static const char *const texts[] = { "",          "npm/x",           "pkg:",        "pkg:npm",
                                         "pkg:npm/",  "pkg:npm/a%2",     "pkg:npm/%zz", "pkg:/x",
                                         "pkg:a/%00", "pkg:npm/a%0ab@1", "pkg:npm//" };
    struct pl_arena a;
    struct pl_purl p;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(texts); i++)
        if (pl_purl_parse(ours(texts[i]), &a, &p))
            fail_msg("\"%s\" is read as a package URL", texts[i]);
    pl_arena_done(&a);
}

static void upstream(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *version;
    } cases[] = {
        { "pkg:deb/debian/x@1?upstream=y", "y", "" },
        { "pkg:deb/debian/x@1?upstream=y%402-1", "y", "2-1" },
        { "pkg:rpm/c/x@1?upstream=open-ssl-1.1.1k-6.el8.src.rpm", "open-ssl", "1.1.1k-6.el8" },
        { "pkg:rpm/c/x@1?upstream=x.src.rpm", "x.src.rpm", "" },
        { "pkg:rpm/c/x@1", "", "" },
    };
    struct pl_arena a;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        struct pl_purl p;
        pl_span name, version;
        assert_true(pl_purl_parse(ours(cases[i].text), &a, &p));
        pl_purl_upstream(&p, &name, &version);
        if (!pl_span_eq(name, ours(cases[i].name)) || !pl_span_eq(version, ours(cases[i].version)))
            fail_msg("%s: %.*s %.*s", cases[i].text, PL_FMT(name), PL_FMT(version));
    }
    pl_arena_done(&a);
}

/* What pl_purl() writes means the package it was written of. */
static void meaning(void **state)
{
    (void)state;
    static const struct {
        const char *text, *type, *name, *version, *arch;
        bool means;
    } cases[] = {
        { "pkg:rpm/redhat/openssl", "rpm", "openssl", "1:1.1.1k-6.el8", "x86_64", true },
        { "pkg:rpm/redhat/openssl@1.1.1k-6.el8", "rpm", "openssl", "1:1.1.1k-6.el8", "x86_64",
          true },
        { "pkg:rpm/redhat/openssl@1.1.1k-6.el8?epoch=2", "rpm", "openssl", "1:1.1.1k-6.el8", "",
          false },
        { "pkg:rpm/redhat/openssl?arch=aarch64", "rpm", "openssl", "1", "x86_64", false },
        { "pkg:rpm/suse/openssl", "rpm", "openssl", "1", "x86_64", false },
        { "pkg:rpm/openssl", "rpm", "openssl", "1", "x86_64", true },
        { "pkg:deb/debian/openssl", "rpm", "openssl", "1", "", false },
        { "pkg:pypi/my-package", "pypi", "My_Package", "1", "", true },
        { "pkg:golang/stdlib@1.20.1", "golang", "stdlib", "v1.20.1", "", true },
        { "pkg:maven/g/a@1", "maven", "g:a", "1", "", true },
        { "pkg:maven/g/a@1", "maven", "g:a", "1.0", "", false },
    };
    const struct pl_os os = { .family = PL_LIT("rhel"), .version = PL_LIT("8.4") };
    struct pl_arena a;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        struct pl_purl p;
        struct pl_package package = { .type = ours(cases[i].type),
                                      .name = ours(cases[i].name),
                                      .version = ours(cases[i].version),
                                      .arch = ours(cases[i].arch) };
        assert_true(pl_purl_parse(ours(cases[i].text), &a, &p));
        if (pl_purl_means(&p, &package, &os, &a) != cases[i].means)
            fail_msg("case %zu: %s", i, cases[i].text);
        PL_AUTO(buf) struct pl_buf b = { 0 };
        pl_purl(&package, &os, &b);
        assert_true(pl_purl_parse(pl_buf_span(&b), &a, &p));
        assert_true(pl_purl_means(&p, &package, &os, &a));
    }
    pl_arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(broken),
        cmocka_unit_test(upstream),
        cmocka_unit_test(meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
