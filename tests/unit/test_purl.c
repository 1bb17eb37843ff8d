/* Package URLs and the ids inside a report. */
#include "report_samples.h"

#include "model/purl.h"

struct row {
    const char *type, *name, *version, *arch, *source, *source_version, *module;
    const char *family, *release;
    const char *want;
};

static void urls(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "deb", "libc6", "2.36-9+deb12u4", "amd64", "glibc", "2.36-9+deb12u4", "", "debian", "12",
          "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12&upstream=glibc" },
        { "deb", "zlib1g", "1:1.2.13.dfsg-1", "arm64", "zlib", "", "", "ubuntu", "24.04",
          "pkg:deb/ubuntu/zlib1g@1:1.2.13.dfsg-1?arch=arm64&distro=ubuntu-24.04&upstream=zlib" },
        { "deb", "bash", "5.2.15-2+b2", "amd64", "bash", "5.2.15-2", "", "debian", "12",
          "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12" },
        { "deb", "libx", "1+b1", "amd64", "x", "1~rc1", "", "debian", "",
          "pkg:deb/debian/libx@1%2Bb1?arch=amd64&distro=debian&upstream=x%401~rc1" },
        { "apk", "musl", "1.2.5-r0", "x86_64", "musl", "", "", "alpine", "3.20.3",
          "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3" },
        { "rpm", "bind-libs", "32:9.16.23-11.el9", "x86_64", "", "", "", "rhel", "9.3",
          "pkg:rpm/redhat/bind-libs@9.16.23-11.el9?arch=x86_64&distro=rhel-9.3&epoch=32" },
        { "rpm", "NetworkManager", "1.40-1", "x86_64", "", "", "nodejs:18:1:c", "sles", "15.5",
          "pkg:rpm/suse/NetworkManager@1.40-1?arch=x86_64&distro=sles-15.5&modularitylabel=nodejs:"
          "18:1:c" },
        { "npm", "@angular/core", "16.0.0", "", "", "", "", "", "",
          "pkg:npm/%40angular/core@16.0.0" },
        { "golang", "github.com/Azure/go-autorest", "v14.2.0+incompatible", "", "", "", "", "", "",
          "pkg:golang/github.com/azure/go-autorest@v14.2.0%2Bincompatible" },
        { "maven", "org.apache.logging.log4j:log4j-core", "2.14.1", "", "", "", "", "", "",
          "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1" },
        { "pypi", "Django_Rest", "3.0", "", "", "", "", "", "", "pkg:pypi/django-rest@3.0" },
        { "generic", "x y/z?#@", "", "", "", "", "", "", "", "pkg:generic/x%20y%2Fz%3F%23%40" },
        { "deb", "a\xff\n", "1", "", "", "", "", "debian", "12",
          "pkg:deb/debian/a%FF%0A@1?distro=debian-12" },
    };
    for (size_t i = 0; i < PL_COUNT(rows); i++) {
        const struct row *r = &rows[i];
        PL_AUTO(buf) struct pl_buf b = { 0 };
        struct pl_package p = { .type = pl_span_str(r->type),
                                .name = pl_span_str(r->name),
                                .version = pl_span_str(r->version),
                                .arch = pl_span_str(r->arch),
                                .source_name = pl_span_str(r->source),
                                .source_version = pl_span_str(r->source_version),
                                .module = pl_span_str(r->module) };
        struct pl_os os = { .family = pl_span_str(r->family), .version = pl_span_str(r->release) };
        pl_purl(&p, &os, &b);
        if (!pl_span_eq(pl_buf_span(&b), pl_span_str(r->want)))
            fail_msg("%.*s, not %s", PL_FMT(pl_buf_span(&b)), r->want);
    }
}

static void ids_are_unique(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s, "x");
    sample_package(&s, "deb", "libc6", "2.36-9+deb12u4", "", 0);
    for (int i = 0; i < 3000; i++)
        sample_package(&s, "npm", "lodash", "4.17.20", "", 0)->path =
            i < 2 ? PL_LIT("a/package.json") : PL_LIT("b/package.json");
    pl_span *ids = pl_package_ids(s.packages.items, s.packages.n, &s.a);
    assert_true(pl_span_eq(ids[0], PL_LIT("deb/libc6/2.36-9+deb12u4/amd64")));
    assert_true(pl_span_eq(ids[1], PL_LIT("npm/lodash/4.17.20/x86_64")));
    assert_true(pl_span_eq(ids[2], PL_LIT("npm/lodash/4.17.20/x86_64#a/package.json")));
    for (size_t i = 0; i < s.packages.n; i += 37)
        for (size_t k = 0; k < s.packages.n; k++)
            assert_true(i == k || !pl_span_eq(ids[i], ids[k]));
    sample_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(urls), cmocka_unit_test(ids_are_unique) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
