/* report_samples.h - made-up reports that look like real ones, for the tests of judge and report.
 * They pass through pl_judge(), as real ones do. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge/judge.h"
#include "report/format.h"

struct sample {
    struct pl_arena a;
    struct pl_image image;
    struct pl_vec layers, packages, findings, gaps, feeds;
    struct pl_report report;
};

static const struct pl_distro sample_debian = {
    .family = "debian",
    .name = "Debian",
    .package_type = "deb",
    .scheme = "deb",
    .by_source = true,
    .upgrade = "apt-get update && apt-get install -y --only-upgrade %s",
};
static const struct pl_distro sample_alpine = {
    .family = "alpine",
    .name = "Alpine",
    .package_type = "apk",
    .scheme = "apk",
    .by_source = true,
    .upgrade = "apk add --no-cache --upgrade %s",
};
static const struct pl_distro sample_rocky = {
    .family = "rocky",
    .name = "Rocky Linux",
    .package_type = "rpm",
    .scheme = "rpm",
    .upgrade = "dnf upgrade -y %s",
};
static const struct pl_release sample_bookworm = { "debian", "12", "bookworm", "2028-06-30", NULL };
static const struct pl_release sample_alpine39 = { "alpine", "3.9", NULL, "2020-11-01", NULL };

static inline void sample_digest(pl_digest *d, unsigned seed)
{
    char text[32];
    snprintf(text, sizeof(text), "sample %u", seed);
    pl_sha256(pl_span_str(text), d);
}

static inline void sample_layer(struct sample *s, const char *created_by, uint64_t size)
{
    struct pl_layer *l = pl_vec_push(&s->a, &s->layers);
    l->index = (unsigned)s->layers.n - 1;
    l->created_by = pl_span_str(created_by);
    l->empty = size == 0;
    l->size = size;
    if (size) {
        sample_digest(&l->digest, l->index * 2 + 100);
        sample_digest(&l->diff_id, l->index * 2 + 101);
    }
    s->image.size += size;
}

static inline struct pl_package *sample_package(struct sample *s, const char *type,
                                                const char *name, const char *version,
                                                const char *source, unsigned layer)
{
    struct pl_package *p = pl_vec_push(&s->a, &s->packages);
    bool deb = !strcmp(type, "deb"), apk = !strcmp(type, "apk");
    p->type = pl_span_str(type);
    p->name = pl_span_str(name);
    p->version = pl_span_str(version);
    p->arch = deb ? PL_LIT("amd64") : PL_LIT("x86_64");
    p->source_name = pl_span_str(source);
    p->layer = layer;
    p->path = apk   ? PL_LIT("lib/apk/db/installed")
              : deb ? PL_LIT("var/lib/dpkg/status")
                    : PL_LIT("var/lib/rpm/rpmdb.sqlite");
    return p;
}

/* On the package pushed last. fixed NULL: affected. */
static inline struct pl_finding *sample_vuln(struct sample *s, const char *id,
                                             enum pl_severity severity, const char *fixed)
{
    struct pl_finding *f = pl_vec_push(&s->a, &s->findings);
    f->class_id = PL_CLASS_OS_VULN;
    f->id = pl_span_str(id);
    f->severity = severity;
    f->severity_source = PL_LIT("nvd");
    f->package = (int64_t)s->packages.n - 1;
    f->layer = f->removed_in_layer = -1;
    f->epss = f->epss_percentile = -1;
    f->status = fixed ? PL_STATUS_FIXED : PL_STATUS_AFFECTED;
    f->fixed_version = pl_span_str(fixed);
    f->feed = PL_LIT("debian");
    return f;
}

static inline void sample_exploited(struct pl_finding *f, double epss, bool ransomware)
{
    f->known_exploited = true;
    f->ransomware = ransomware;
    f->epss = epss;
    f->epss_percentile = 0.99;
}

static inline void sample_gap(struct sample *s, const char *class_name, int32_t layer,
                              const char *path, const char *reason, const char *detail)
{
    struct pl_gap *g = pl_vec_push(&s->a, &s->gaps);
    *g = (struct pl_gap){ pl_span_str(class_name), layer, pl_span_str(path), pl_span_str(reason),
                          pl_span_str(detail) };
}

static inline void sample_feed(struct sample *s, const char *name, uint64_t records,
                               const char *published_at)
{
    struct pl_feed_info *f = pl_vec_push(&s->a, &s->feeds);
    *f = (struct pl_feed_info){ pl_span_str(name), records, pl_span_str(published_at) };
}

static inline void sample_init(struct sample *s, const char *reference)
{
    *s = (struct sample){ 0 };
    pl_arena_init(&s->a, 256 << 20);
    s->layers = PL_VEC(struct pl_layer);
    s->packages = PL_VEC(struct pl_package);
    s->findings = PL_VEC(struct pl_finding);
    s->gaps = PL_VEC(struct pl_gap);
    s->feeds = PL_VEC(struct pl_feed_info);
    s->image.reference = pl_span_str(reference);
    s->image.os = PL_LIT("linux");
    s->image.architecture = PL_LIT("amd64");
    s->image.created = PL_LIT("2026-02-11T08:30:00Z");
    sample_digest(&s->image.digest, 1);
    sample_digest(&s->image.image_id, 2);
    s->report.image = &s->image;
    s->report.generated_at = PL_LIT("2026-03-01T12:00:00Z");
    s->report.seconds = 0.4;
}

static inline void sample_os(struct sample *s, const struct pl_distro *d,
                             const struct pl_release *r, const char *version, const char *pretty)
{
    struct pl_os *os = &s->report.inventory.os;
    os->family = pl_span_str(d->family);
    os->version = pl_span_str(version);
    os->pretty_name = pl_span_str(pretty);
    os->distro = d;
    os->release = r;
}

static inline void sample_judged(struct sample *s, enum pl_coverage_state state, const char *by,
                                 const char *as_of, const char *detail)
{
    s->report.coverage[PL_CLASS_OS_VULN] =
        (struct pl_coverage){ PL_CLASS_OS_VULN, state, pl_span_str(by), pl_span_str(as_of),
                              pl_span_str(detail) };
    s->report.database.built_at = PL_LIT("2026-02-28T03:12:44Z");
    s->report.database.digest =
        PL_LIT("sha256:1111111111111111111111111111111111111111111111111111111111111111");
}

static inline void sample_finish(struct sample *s, const struct pl_judge_opts *o)
{
    struct pl_err err;
    static const struct pl_judge_opts plain;
    s->image.layers = s->layers.items;
    s->image.n_layers = s->layers.n;
    s->report.inventory.image = &s->image;
    s->report.inventory.packages = s->packages.items;
    s->report.inventory.n_packages = s->packages.n;
    s->report.findings = s->findings.items;
    s->report.n_findings = s->findings.n;
    s->report.gaps = s->gaps.items;
    s->report.n_gaps = s->gaps.n;
    s->report.database.feeds = s->feeds.items;
    s->report.database.n_feeds = s->feeds.n;
    assert_int_equal(pl_judge(&s->report, o ? o : &plain, &s->a, &err), PL_OK);
}

static inline void sample_done(struct sample *s) { pl_arena_done(&s->a); }

/* ---- a web shop on Debian 12: a bit of everything ---- */

static inline void sample_shop_layers(struct sample *s)
{
    static const pl_span entrypoint[] = { PL_LIT("/entrypoint.sh") };
    static const pl_span cmd[] = { PL_LIT("nginx"), PL_LIT("-g"), PL_LIT("daemon off;") };
    static const pl_span env[] = { PL_LIT("PATH=/usr/bin:/bin"), PL_LIT("TOKEN=not-for-reports") };
    static const pl_span ports[] = { PL_LIT("443/tcp"), PL_LIT("80/tcp") };
    static const struct pl_pair labels[] = { { PL_LIT("maintainer"), PL_LIT("shop team") } };
    struct pl_config *c = &s->image.config;
    c->user = PL_LIT("www-data");
    c->entrypoint = entrypoint, c->n_entrypoint = 1;
    c->cmd = cmd, c->n_cmd = 3;
    c->env = env, c->n_env = 2;
    c->exposed_ports = ports, c->n_exposed_ports = 2;
    c->labels = labels, c->n_labels = 1;
    sample_layer(s, "/bin/sh -c #(nop) ADD file:f8594cb2f1a6 in / ", 29150479);
    sample_layer(s, "/bin/sh -c #(nop)  CMD [\"bash\"]", 0);
    sample_layer(s,
                 "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends "
                 "nginx curl ca-certificates build-essential # buildkit",
                 181263221);
    sample_layer(s, "COPY shop.conf /etc/nginx/conf.d/ # buildkit", 1420);
    sample_layer(s, "|1 VERSION=1.4 /bin/sh -c make -C /srv install", 20480000);
}

static inline void sample_shop_openssl(struct sample *s)
{
    static const pl_span aliases[] = { PL_LIT("DSA-9001-1"), PL_LIT("CVE-2024-90001") };
    static const pl_span links[] = { PL_LIT("https://www.openssl.org/news/secadv.txt"),
                                     PL_LIT("https://security-tracker.debian.org/tracker/x") };
    static const struct pl_cvss scores[] = {
        { PL_LIT("nvd"), PL_LIT("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), 9.8 },
        { PL_LIT("debian"), PL_LIT(""), -1 },
    };
    static const char *const binaries[] = { "libssl3", "openssl" };
    const char *fixed = "3.0.13-1~deb12u1";
    for (size_t i = 0; i < 2; i++) {
        sample_package(s, "deb", binaries[i], "3.0.11-1~deb12u1", "openssl", 2);
        struct pl_finding *f = sample_vuln(s, "CVE-2024-90001", PL_SEVERITY_CRITICAL, fixed);
        f->aliases = aliases, f->n_aliases = 2;
        f->references = links, f->n_references = 2;
        f->cvss = scores, f->n_cvss = 2;
        f->title = PL_LIT("memory is written beyond its end while a certificate is checked");
        f->description = PL_LIT("A certificate with an odd policy writes beyond a buffer.\nServers "
                                "that ask for client certificates are open to it.");
        f->published = PL_LIT("2024-06-01T10:00:00Z");
        sample_exploited(f, 0.9412, true);
        sample_vuln(s, "CVE-2024-90002", PL_SEVERITY_HIGH, fixed)->epss = 0.031;
        sample_vuln(s, "CVE-2023-90003", PL_SEVERITY_MEDIUM, fixed);
        sample_vuln(s, "CVE-2023-90004", PL_SEVERITY_MEDIUM, fixed);
        sample_vuln(s, "CVE-2023-90005", PL_SEVERITY_LOW, fixed);
        sample_vuln(s, "CVE-2024-90006", PL_SEVERITY_LOW, fixed);
    }
}

static inline void sample_shop(struct sample *s)
{
    sample_init(s, "registry.example/shop/api:1.4");
    sample_os(s, &sample_debian, &sample_bookworm, "12", "Debian GNU/Linux 12 (bookworm)");
    sample_shop_layers(s);
    sample_package(s, "deb", "bash", "5.2.15-2+b2", "bash", 0)->source_version = PL_LIT("5.2.15-2");
    sample_package(s, "deb", "curl", "7.88.1-10+deb12u4", "curl", 2);
    struct pl_finding *f =
        sample_vuln(s, "CVE-2023-90010", PL_SEVERITY_CRITICAL, "7.88.1-10+deb12u5");
    f->title = PL_LIT("a long host name overflows a buffer while a SOCKS5 proxy is asked");
    f->epss = 0.26;
    sample_vuln(s, "CVE-2023-90011", PL_SEVERITY_LOW, "7.88.1-10+deb12u5");
    sample_package(s, "deb", "libc6", "2.36-9+deb12u3", "glibc", 0)->licenses = PL_LIT("LGPL-2.1");
    sample_vuln(s, "CVE-2023-90020", PL_SEVERITY_HIGH, "2.36-9+deb12u4")->epss = 0.72;
    sample_vuln(s, "CVE-2019-90021", PL_SEVERITY_NEGLIGIBLE, NULL)->note = PL_LIT("unimportant");
    sample_package(s, "deb", "libexpat1", "2.5.0-1", "expat", 2);
    sample_vuln(s, "CVE-2023-90030", PL_SEVERITY_HIGH, "2.5.0-1+deb12u1");
    sample_vuln(s, "CVE-2024-90031", PL_SEVERITY_MEDIUM, NULL);
    sample_shop_openssl(s);
    sample_package(s, "deb", "linux-libc-dev", "6.1.55-1", "linux", 2)->flags =
        PL_PACKAGE_KERNEL_HEADERS;
    sample_exploited(sample_vuln(s, "CVE-2024-90040", PL_SEVERITY_HIGH, "6.1.76-1"), 0.4, false);
    sample_vuln(s, "CVE-2024-90041", PL_SEVERITY_MEDIUM, "6.1.76-1");
    sample_package(s, "deb", "perl-base", "5.36.0-7", "perl", 0);
    sample_vuln(s, "CVE-2023-90050", PL_SEVERITY_HIGH, NULL)->status = PL_STATUS_FIX_DEFERRED;
    f = sample_vuln(s, "CVE-2011-90051", PL_SEVERITY_LOW, NULL);
    f->suppressed_by = PL_LIT("shop-vex.json");
    f->suppressed_reason = PL_LIT("vulnerable code is not in the execute path");
    sample_package(s, "deb", "zlib1g", "1:1.2.13.dfsg-1", "zlib", 0);
    sample_vuln(s, "CVE-2023-90060", PL_SEVERITY_CRITICAL, NULL)->status = PL_STATUS_WILL_NOT_FIX;
    sample_gap(s, "os-vuln", -1, "", "third-party",
               "docker-ce 25.0.3 is not built by Debian: no feed covers it");
    sample_gap(s, "", 4, "srv/backup.7z", "encrypted", "");
    sample_gap(s, "", 4, "srv/old/backup-2019.7z", "encrypted", "");
    sample_gap(s, "", 4, "opt/blob.bin", "limit", "over 1 GiB");
    sample_judged(s, PL_COVERAGE_PARTIAL, "Debian security tracker", "2026-02-27T00:00:00Z",
                  "1 package is not built by Debian");
    sample_feed(s, "alpine-secdb", 48211, "2026-02-28");
    sample_feed(s, "debian", 41877, "2026-02-27T00:00:00Z");
    sample_feed(s, "epss", 261034, "2026-02-28");
    sample_feed(s, "kev", 1301, "2026-02-28T14:00:00Z");
}

/* ---- a release that is over ---- */

static inline void sample_old_alpine(struct sample *s)
{
    static const char *const rows[][5] = {
        { "busybox", "1.29.3-r10", "busybox", "CVE-2018-20679", "1.30.1-r5" },
        { "libcrypto1.1", "1.1.1b-r1", "openssl", "CVE-2021-3711", "1.1.1l-r0" },
        { "libssl1.1", "1.1.1b-r1", "openssl", "CVE-2021-3711", "1.1.1l-r0" },
        { "musl", "1.1.20-r3", "musl", "CVE-2019-14697", "1.1.20-r5" },
        { "musl-utils", "1.1.20-r3", "musl", "CVE-2019-14697", "1.1.20-r5" },
    };
    sample_init(s, "docker-archive:alpine-3.9.2.tar");
    sample_os(s, &sample_alpine, &sample_alpine39, "3.9.2", "Alpine Linux v3.9");
    s->report.seconds = 0.02;
    sample_layer(s, "/bin/sh -c #(nop) ADD file:2a1fc9351afe35698 in / ", 2757034);
    for (size_t i = 0; i < PL_COUNT(rows); i++) {
        sample_package(s, "apk", rows[i][0], rows[i][1], rows[i][2], 0);
        sample_vuln(s, rows[i][3], i ? PL_SEVERITY_CRITICAL : PL_SEVERITY_HIGH, rows[i][4]);
    }
    sample_gap(s, "os-vuln", -1, "", "end-of-life",
               "Alpine 3.9 is past its end of life: its advisories end on 2020-11-01");
    sample_judged(s, PL_COVERAGE_END_OF_LIFE, "Alpine secdb", "2020-11-01", "");
    s->report.database.shipped = true;
    s->report.database.built_at = PL_LIT("2025-05-02T00:00:00Z");
    sample_feed(s, "alpine-secdb", 213, "2025-05-01");
}

/* ---- reports with little in them ---- */

static inline void sample_clean(struct sample *s)
{
    sample_init(s, "shop/base:3.20");
    sample_os(s, &sample_alpine, NULL, "3.20.3", "Alpine Linux v3.20");
    sample_layer(s, "ADD alpine-minirootfs.tar.gz / # buildkit", 3623807);
    sample_package(s, "apk", "musl", "1.2.5-r0", "musl", 0);
    sample_package(s, "apk", "zlib", "1.3.1-r1", "zlib", 0);
    sample_judged(s, PL_COVERAGE_ASSESSED, "Alpine secdb", "2026-02-28", "");
    sample_feed(s, "alpine-secdb", 48211, "2026-02-28");
}

static inline void sample_partial(struct sample *s)
{
    sample_clean(s);
    sample_layer(s, "COPY data /srv # buildkit", 55);
    sample_layer(s, "COPY more /srv # buildkit", 66);
    sample_gap(s, "", 1, "", "broken", "gzip: the stream ends early");
    sample_gap(s, "", 2, "", "crashed", "the child that read it crashed (signal 11)");
    s->report.coverage[PL_CLASS_OS_VULN].state = PL_COVERAGE_PARTIAL;
}

static inline void sample_unsupported(struct sample *s)
{
    sample_init(s, "rootfs:/mnt/appliance");
    s->image.digest = s->image.image_id = (pl_digest){ 0 };
    s->image.os = s->image.architecture = s->image.created = PL_SPAN_NONE;
    s->report.inventory.os = (struct pl_os){ .family = PL_LIT("foolinux"), .version = PL_LIT("3") };
    sample_layer(s, "", 1000);
    sample_package(s, "deb", "base-files", "3foo1", "", 0);
    sample_gap(s, "os-vuln", -1, "", "no-advisories",
               "foolinux 3: no feed that this database has speaks of it");
    sample_judged(s, PL_COVERAGE_UNSUPPORTED, "", "", "");
}

static inline void sample_scratch(struct sample *s)
{
    sample_init(s, "shop/static:1");
    sample_layer(s, "COPY shop / # buildkit", 8000000);
    sample_judged(s, PL_COVERAGE_ASSESSED, "no distribution", "2026-02-28", "");
    s->report.database = (struct pl_database_info){ 0 };
}

/* ---- rpm: epochs, modules, one package twice ---- */

static inline void sample_rpm(struct sample *s)
{
    sample_init(s, "rocky/app@sha256:0123");
    sample_os(s, &sample_rocky, NULL, "9.3", "Rocky Linux 9.3 (Blue Onyx)");
    s->image.base_name = PL_LIT("docker.io/library/rockylinux:9");
    sample_layer(s, "RUN dnf install -y nodejs", 90000000);
    sample_package(s, "rpm", "bind-libs", "32:9.16.23-11.el9", "bind", 0)->source_version =
        PL_LIT("32:9.16.23-11.el9");
    sample_vuln(s, "CVE-2023-90070", PL_SEVERITY_HIGH, "32:9.16.23-14.el9_3.4")->epss = 0.2;
    for (int i = 0; i < 2; i++) {
        sample_package(s, "rpm", "kernel-core", "5.14.0-362.8.1.el9", "kernel", 0);
        sample_vuln(s, "CVE-2023-90071", PL_SEVERITY_MEDIUM, "5.14.0-362.18.1.el9");
    }
    struct pl_package *p =
        sample_package(s, "rpm", "nodejs", "1:18.17.1-1.module+el9", "nodejs", 0);
    p->module = PL_LIT("nodejs:18:9020020230825081254:rhel9");
    p->owner = PL_LIT("rpm/nodejs");
    sample_vuln(s, "CVE-2023-90072", PL_SEVERITY_UNKNOWN, "1:18.18.2-2.module+el9");
    sample_judged(s, PL_COVERAGE_ASSESSED, "Rocky updateinfo", "2026-02-28", "");
}

/* ---- text that somebody chose to break the screen ---- */

static inline void sample_hostile(struct sample *s)
{
    sample_init(s, "evil\033]0;owned\a/\xe2\x80\xae"
                   "image:\xff\xfe\n1");
    sample_os(s, &sample_debian, NULL, "12\033[2J", "Debian \033[31mfine\033[0m");
    sample_layer(s, "RUN echo \"\\033[1A\" \033[1A\033[2K Safe to sail\n\n\n# comment", 1);
    sample_layer(s, "COPY \xe6\x95\xb0\xe6\x8d\xae\xe5\xba\x93 /srv/\xe6\x95\xb0\xe6\x8d\xae", 2);
    sample_package(s, "deb", "\xe6\x95\xb0\xe6\x8d\xae\xe5\xba\x93\xe5\xb7\xa5\xe5\x85\xb7",
                   "1.0\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "", 1);
    sample_vuln(s, "CVE-2024-1 \r\nSafe to sail", PL_SEVERITY_CRITICAL, "2.0");
    sample_package(s, "deb", "x; rm -rf ~ #", "1`id`", "", 0);
    sample_vuln(s, "CVE-2024-2", PL_SEVERITY_CRITICAL, "2$(id)");
    sample_package(s, "deb", "--allow-unauthenticated", "1", "", 0);
    sample_vuln(s, "CVE-2024-3", PL_SEVERITY_CRITICAL, "2");
    sample_package(
        s, "deb", "a-name-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and",
        "1.0-a-version-that-goes-on-and-on-and-on-and-on-and-on-and-on", "", 0);
    sample_vuln(s, "CVE-2024-4", PL_SEVERITY_HIGH,
                "1.1-a-version-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and");
    sample_gap(
        s, "", 0,
        "srv/\033[2J/a/very/long/path/that/nobody/wants/to/see/in/full/because/it/goes/on/and/"
        "on/and/on/to/the/end/file.7z",
        "broken", "\xe2\x81\xa6turned\xe2\x81\xa9 around");
    sample_judged(s, PL_COVERAGE_PARTIAL, "Debian\033 tracker", "2026-13-45", "");
}

/* ---- five thousand findings ---- */

static inline void sample_large(struct sample *s)
{
    sample_init(s, "shop/kitchen-sink:latest");
    sample_os(s, &sample_debian, &sample_bookworm, "12", "Debian GNU/Linux 12 (bookworm)");
    sample_layer(s, "ADD rootfs.tar.xz /", 812345678);
    for (unsigned i = 0; i < 250; i++) {
        char *name = pl_arena_printf(&s->a, "package-%03u", i);
        sample_package(s, "deb", name, "1.0-1", name, 0);
        for (unsigned k = 0; k < 20; k++) {
            char *id = pl_arena_printf(&s->a, "CVE-2024-%u", 10000 + i * 20 + k);
            enum pl_severity severity = (i + k) % 11 == 0  ? PL_SEVERITY_CRITICAL
                                        : (i + k) % 3 == 0 ? PL_SEVERITY_MEDIUM
                                                           : PL_SEVERITY_LOW;
            sample_vuln(s, id, i % 7 == 0 ? PL_SEVERITY_LOW : severity, i % 3 ? "1.0-2" : NULL);
        }
    }
    for (unsigned i = 0; i < 300; i++)
        sample_gap(s, "", 0, pl_arena_printf(&s->a, "srv/archive-%03u.7z", i), "encrypted", "");
    sample_judged(s, PL_COVERAGE_PARTIAL, "Debian security tracker", "2024-02-27", "");
}

/* tests/golden/NAME against text, byte for byte. PLIMSOLL_RENEW_GOLDEN=1 writes it anew. */
static inline void golden(const char *name, const char *text, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), PL_SOURCE_ROOT "/tests/golden/%s", name);
    bool renew = getenv("PLIMSOLL_RENEW_GOLDEN") != NULL;
    FILE *f = fopen(path, renew ? "wb" : "rb");
    if (!f)
        fail_msg("%s is not there: PLIMSOLL_RENEW_GOLDEN=1 writes it", path);
    if (renew) {
        assert_int_equal(fwrite(text, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
        return;
    }
    char *want = calloc(1, size + 2);
    size_t n = fread(want, 1, size + 1, f), at = 0, line = 1;
    fclose(f);
    for (; at < n && at < size && want[at] == text[at]; at++)
        line += text[at] == '\n';
    if (n != size || at != n)
        fail_msg("%s differs from line %zu on (PLIMSOLL_RENEW_GOLDEN=1 renews it)", path, line);
    free(want);
}
