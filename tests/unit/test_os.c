#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "model/distro.h"
#include "model/layer_report.h"

struct want {
    const char *kind, *path, *text;    /* the release file that is there */
    const char *kind2, *path2, *text2; /* and a second one, or NULL */
    const char *family, *version, *stream, *variant, *end_of_life; /* NULL: not looked at */
};

#define OS "os-release", "etc/os-release"
#define ONE NULL, NULL, NULL
#define FILE_OF(kind, name) kind, "etc/" name

/* clang-format off: a row a system, so that one more is one line */
static const struct want wants[] = {
    /* Red Hat and rebuilds */
    { FILE_OF("redhat-release", "redhat-release"),
      "Red Hat Enterprise Linux AS release 4 (Nahant Update 9)\n", ONE, "rhel", "4", "rhel:4", "",
      "2012-02-29" },
    { FILE_OF("redhat-release", "redhat-release"),
      "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", ONE, "rhel", "6.10", "rhel:6",
      "", "2020-11-30" },
    { OS, "NAME=\"Red Hat Enterprise Linux Server\"\nID=\"rhel\"\nVERSION_ID=\"7.9\"\n", ONE,
      "rhel", "7.9", "rhel:7", "", "2024-06-30" },
    { OS, "ID=\"rhel\"\nVERSION_ID=\"10.0\"\n", ONE, "rhel", "10.0", "rhel:10", "", "2035-05-31" },
    { FILE_OF("centos-release", "centos-release"), "CentOS release 5.11 (Final)\n",
      FILE_OF("redhat-release", "redhat-release"), "CentOS release 5.11 (Final)\n", "centos",
      "5.11", "rhel:5", "", "2017-03-31" },
    { FILE_OF("redhat-release", "redhat-release"), "CentOS release 6.10 (Final)\n", ONE, "centos",
      "6.10", "rhel:6", "", "2020-11-30" },
    { OS,
      "NAME=\"CentOS Linux\"\nID=\"centos\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 "
      "(Core)\"\n",
      FILE_OF("centos-release", "centos-release"), "CentOS Linux release 7.9.2009 (Core)\n",
      "centos", "7.9.2009", "rhel:7", "", "2024-06-30" },
    { OS, "ID=centos\nVERSION_ID=8\nPRETTY_NAME=\"CentOS Linux 8\"\n", ONE, "centos", "8", "rhel:8",
      "", "2021-12-31" },
    { OS, "ID=centos\nVERSION_ID=8\nPRETTY_NAME=\"CentOS Stream 8\"\n", ONE, "centos", "8",
      "rhel:8", "stream", "2024-05-31" },
    { OS, "ID=centos\nVERSION_ID=\"9\"\nPRETTY_NAME=\"CentOS Stream 9\"\n", ONE, "centos", "9",
      "rhel:9", "stream", "2027-05-31" },
    { OS, "ID=centos\nVERSION_ID=\"10\"\nPRETTY_NAME=\"CentOS Stream 10 (Coughlan)\"\n", ONE,
      "centos", "10", "rhel:10", "stream", "2030-05-31" },
    { OS, "ID=almalinux\nVERSION_ID=9.4\n", ONE, "almalinux", "9.4", "almalinux:9", "",
      "2032-05-31" },
    { OS, "ID=\"rocky\"\nVERSION_ID=\"8.9\"\n", ONE, "rocky", "8.9", "rocky:8", "", "2029-05-31" },
    { FILE_OF("redhat-release", "redhat-release"),
      "Red Hat Enterprise Linux Server release 5.11 (Tikanga)\n",
      FILE_OF("oracle-release", "oracle-release"), "Oracle Linux Server release 5.11\n", "ol",
      "5.11", "ol:5", "", "2017-06-30" },
    { OS, "ID=\"ol\"\nVERSION_ID=\"8.10\"\n", FILE_OF("redhat-release", "redhat-release"),
      "Red Hat Enterprise Linux release 8.10 (Ootpa)\n", "ol", "8.10", "ol:8", "", "2029-07-31" },
    { FILE_OF("redhat-release", "redhat-release"), "Scientific Linux release 7.9 (Nitrogen)\n", ONE,
      "scientific", "7.9", "rhel:7", "", "2024-06-30" },
    { FILE_OF("fedora-release", "fedora-release"), "Fedora release 20 (Heisenbug)\n", ONE, "fedora",
      "20", "fedora:20", "", "2015-06-23" },
    { OS, "ID=fedora\nVERSION_ID=40\nVARIANT_ID=container\n", ONE, "fedora", "40", "fedora:40",
      "container", "2025-05-13" },
    { FILE_OF("system-release", "system-release"), "Amazon Linux AMI release 2018.03\n", ONE,
      "amzn", "2018.03", "amzn:1", "", "2020-12-31" },
    { OS, "ID=\"amzn\"\nVERSION_ID=\"2016.09\"\n", ONE, "amzn", "2016.09", "amzn:1", "",
      "2020-12-31" },
    { OS, "ID=\"amzn\"\nVERSION_ID=\"2\"\n", ONE, "amzn", "2", "amzn:2", "", "2026-06-30" },
    { OS, "ID=\"amzn\"\nVERSION_ID=\"2022\"\n", ONE, "amzn", "2022", "amzn:2022", "", NULL },
    { FILE_OF("system-release", "system-release"),
      "Amazon Linux release 2023.6.20241010 (Amazon Linux)\n", ONE, "amzn", "2023.6.20241010",
      "amzn:2023", "", "2029-06-30" },
    /* SUSE */
    { FILE_OF("suse-release", "SuSE-release"),
      "SUSE Linux Enterprise Server 10 (x86_64)\nVERSION = 10\nPATCHLEVEL = 4\n", ONE, "sles",
      "10.4", "sles:10.4", "", "2013-07-31" },
    { FILE_OF("suse-release", "SuSE-release"),
      "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 0\n", ONE, "sles", "11",
      "sles:11", "", "2010-12-31" },
    { OS, "ID=\"sles\"\nVERSION_ID=\"12.5\"\n", ONE, "sles", "12.5", "sles:12.5", "",
      "2024-10-31" },
    { OS, "ID=\"sles\"\nVERSION_ID=\"15\"\n", ONE, "sles", "15", "sles:15", "", "2019-12-31" },
    { OS, "ID=\"sled\"\nVERSION_ID=\"15.5\"\n", ONE, "sles", "15.5", "sles:15.5", "",
      "2024-12-31" },
    { OS, "ID=\"sles\"\nVERSION_ID=\"16.0\"\n", ONE, "sles", "16.0", "sles:16.0", "",
      "2027-11-30" },
    { OS, "ID=\"sle-micro\"\nVERSION_ID=\"5.5\"\n", ONE, "sle-micro", "5.5", "sle-micro:5.5", "",
      "2027-10-31" },
    { OS, "ID=\"sl-micro\"\nVERSION_ID=\"6.0\"\n", ONE, "sle-micro", "6.0", "sle-micro:6.0", "",
      "2028-06-30" },
    { FILE_OF("suse-release", "SuSE-release"), "SUSE LINUX 10.0 (i586) OSS\nVERSION = 10.0\n", ONE,
      "opensuse", "10.0", "opensuse:10.0", "", "2007-11-30" },
    { OS, "ID=opensuse\nVERSION_ID=\"13.2\"\n", ONE, "opensuse", "13.2", "opensuse:13.2", "",
      "2017-01-17" },
    { OS, "ID=opensuse\nVERSION_ID=\"42.3\"\n", ONE, "opensuse-leap", "42.3", "opensuse-leap:42.3",
      "", "2019-07-01" },
    { OS, "ID=\"opensuse-leap\"\nVERSION_ID=\"15.3\"\n", ONE, "opensuse-leap", "15.3",
      "opensuse-leap:15.3", "", "2022-12-31" },
    { OS, "ID=\"opensuse-leap\"\nVERSION_ID=\"16.0\"\n", ONE, "opensuse-leap", "16.0",
      "opensuse-leap:16.0", "", "2027-10-31" },
    { OS, "ID=\"opensuse-tumbleweed\"\nVERSION_ID=\"20240606\"\n", ONE, "opensuse-tumbleweed",
      "20240606", "opensuse-tumbleweed", "", NULL },
    /* Debian and Ubuntu */
    { FILE_OF("debian_version", "debian_version"), "6.0.10\n", ONE, "debian", "6.0.10", "debian:6",
      "", "2016-02-29" },
    { OS,
      "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12 "
      "(bookworm)\"\n",
      FILE_OF("debian_version", "debian_version"), "12.4\n", "debian", "12.4", "debian:12", "",
      "2028-06-30" },
    { OS, "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux forky/sid\"\n",
      FILE_OF("debian_version", "debian_version"), "forky/sid\n", "debian", "14", "debian:14", "",
      NULL },
    { OS, "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\nVERSION_CODENAME=trixie\n", ONE,
      "debian", "13", "debian:13", "", "2030-06-30" },
    { OS, "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux sid\"\n", ONE, "debian", "sid", "debian:sid",
      "", NULL },
    { OS,
      "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\nVERSION_ID=\"12\"\n",
      ONE, "debian", "12", "debian:12", "distroless", NULL },
    { OS, "ID=raspbian\nVERSION_ID=\"11\"\n", ONE, "raspbian", "11", "debian:11", "",
      "2026-08-31" },
    { FILE_OF("lsb-release", "lsb-release"),
      "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_CODENAME=lucid\n",
      FILE_OF("debian_version", "debian_version"), "squeeze/sid\n", "ubuntu", "10.04",
      "ubuntu:10.04", "", "2015-04-30" },
    { OS, "ID=ubuntu\nVERSION_ID=\"20.04\"\n", FILE_OF("debian_version", "debian_version"),
      "bullseye/sid\n", "ubuntu", "20.04", "ubuntu:20.04", "", "2025-05-29" },
    { OS, "ID=ubuntu\nVERSION_ID=\"16.04\"\n", "ubuntu-advantage",
      "var/lib/ubuntu-advantage/status.json",
      "{\"attached\": true, \"services\": [{\"name\": \"esm-infra\", \"status\": \"enabled\"}]}",
      "ubuntu", "16.04", "ubuntu:16.04", "esm", "2021-04-30" },
    { OS, "ID=ubuntu\nVERSION_ID=\"26.04\"\n", ONE, "ubuntu", "26.04", "ubuntu:26.04", "",
      "2031-05-29" },
    { OS, "ID=echo\nVERSION_ID=\"1\"\n", ONE, "echo", "1", "echo", "", NULL },
    /* Alpine and its kin */
    { FILE_OF("alpine-release", "alpine-release"), "2.3.6\n", ONE, "alpine", "2.3.6", "alpine:2.3",
      "", "2013-11-01" },
    { OS, "ID=alpine\nVERSION_ID=3.20.3\n", FILE_OF("alpine-release", "alpine-release"), "3.20.3\n",
      "alpine", "3.20.3", "alpine:3.20", "", "2026-04-01" },
    { OS, "ID=alpine\nVERSION_ID=3.20.0_rc1\n", ONE, "alpine", "3.20.0_rc1", "alpine:3.20", "",
      NULL },
    { OS, "ID=alpine\nVERSION_ID=3.22.0_alpha20250108\n", ONE, "alpine", "3.22.0_alpha20250108",
      "alpine:edge", "", NULL },
    { FILE_OF("alpine-release", "alpine-release"), "20230329\n", ONE, "alpine", "20230329",
      "alpine:edge", "", NULL },
    { OS, "ID=wolfi\nVERSION_ID=\"20230201\"\n", ONE, "wolfi", "20230201", "wolfi", "", NULL },
    { OS, "ID=chainguard\nVERSION_ID=\"20230214\"\n", ONE, "chainguard", "20230214", "chainguard",
      "", NULL },
    { OS, "ID=minimos\n", ONE, "minimos", "", "minimos", "", NULL },
    /* others */
    { OS, "ID=photon\nVERSION_ID=3.0\n", ONE, "photon", "3.0", "photon:3.0", "", "2025-10-02" },
    { OS, "ID=mariner\nVERSION_ID=\"2.0\"\nVERSION=\"2.0.20230721\"\n", ONE, "mariner", "2.0",
      "mariner:2.0", "", "2025-07-31" },
    { OS, "ID=azurelinux\nVERSION_ID=\"3.0\"\n", ONE, "azurelinux", "3.0", "azurelinux:3.0", "",
      NULL },
    { OS, "ID=bottlerocket\nVERSION_ID=1.20.0\n", ONE, "bottlerocket", "1.20.0", "bottlerocket", "",
      NULL },
    { OS,
      "NAME=\"openEuler\"\nID=\"openEuler\"\nVERSION=\"22.03 (LTS-SP1)\"\nVERSION_ID=\"22.03\"\n",
      ONE, "openeuler", "22.03-LTS-SP1", "openeuler:22.03-LTS-SP1", "", NULL },
    { OS, "ID=\"openEuler\"\nVERSION=\"20.03 (LTS)\"\nVERSION_ID=\"20.03\"\n", ONE, "openeuler",
      "20.03-LTS", "openeuler:20.03-LTS", "", NULL },
    { FILE_OF("openeuler-release", "openEuler-release"), "openEuler release 20.03 (LTS-SP3)\n", ONE,
      "openeuler", "20.03-LTS-SP3", "openeuler:20.03-LTS-SP3", "", NULL },
    { OS, "ID=\"openEuler\"\nVERSION=\"23.09\"\nVERSION_ID=\"23.09\"\n", ONE, "openeuler", "23.09",
      "openeuler:23.09", "", NULL },
    { OS, "ID=\"anolis\"\nVERSION_ID=\"8.8\"\n", ONE, "anolis", "8.8", "anolis:8", "", NULL },
    { OS, "ID=\"alinux\"\nVERSION_ID=\"2.1903\"\n", ONE, "alinux", "2.1903", "alinux:2", "",
      "2024-03-31" },
    { FILE_OF("system-release", "system-release"),
      "Alibaba Cloud Linux (Aliyun Linux) release 2.1903 LTS (Hunting Beagle)\n", ONE, "alinux",
      "2.1903", "alinux:2", "", NULL },
    { OS, "ID=\"tencentos\"\nVERSION_ID=\"3.1\"\n", ONE, "tencentos", "3.1", "tencentos:3", "",
      NULL },
    { FILE_OF("redhat-release", "redhat-release"), "Tencent tlinux release 2.2 (Final)\n", ONE,
      "tencentos", "2.2", "tencentos:2", "", NULL },
    { OS, "ID=\"opencloudos\"\nVERSION_ID=\"9.0\"\n", ONE, "opencloudos", "9.0", "opencloudos:9",
      "", NULL },
    { OS, "ID=\"kylin\"\nVERSION_ID=\"V10\"\n", ONE, "kylin", "V10", "kylin:V10", "", NULL },
    { FILE_OF("kylin-release", "kylin-release"),
      "Kylin Linux Advanced Server release V10 (Lance)\n", ONE, "kylin", "V10", "kylin:V10", "",
      NULL },
    { OS, "ID=arch\n", ONE, "arch", "", "arch", "", NULL },
    { FILE_OF("arch-release", "arch-release"), "", ONE, "arch", "", "arch", "", NULL },
    { OS, "ID='gentoo'\nVERSION_ID='2.15'\n", ONE, "gentoo", "2.15", "gentoo", "", NULL },
    { OS, "ID=\"rhcos\"\nVERSION_ID=\"4.14\"\n", ONE, "rhcos", "4.14", "rhcos:4.14", "", NULL },
    { OS, "ID=\"openwrt\"\nVERSION_ID=\"23.05.3\"\n", ONE, "openwrt", "23.05.3", "openwrt:23.05.3",
      "", NULL },
    /* a family we do not know keeps its name and has no stream */
    { OS, "ID=Plan9ish\nVERSION_ID=4\n", ONE, "plan9ish", "4", "", "", NULL },
    /* shell quoting, comments, the last assignment, CRLF, junk */
    { OS, "# ID=fedora\r\nID=fedora\r\nID='debian' # really\r\nVERSION_ID=\"1\\\"2\"\r\n", ONE,
      "debian", "1\"2", "debian:1", "", NULL },
    { OS, "ID=debian\nVERSION_ID=\"../../x y\"\n", ONE, "debian", "../../x y", "", "", NULL },
    { OS, "no equals sign", ONE, "", "", "", "", NULL },
};
/* clang-format on */

static void same(const struct want *w, const char *what, pl_span got, const char *want)
{
    if (want && !pl_span_eq(got, pl_span_str(want)))
        fail_msg("%s %s: %s is \"%.*s\", wanted \"%s\"", w->path, w->text, what, PL_FMT(got), want);
}

static struct pl_fact fact_of(const char *kind, const char *path, const char *text)
{
    return (struct pl_fact){
        .kind = pl_span_str(kind), .path = pl_span_str(path), .bytes = pl_span_str(text), .layer = 3
    };
}

static void check(const struct want *w)
{
    struct pl_fact facts[2] = { fact_of(w->kind, w->path, w->text) };
    struct pl_arena a;
    struct pl_os os;
    if (w->kind2)
        facts[1] = fact_of(w->kind2, w->path2, w->text2);
    pl_arena_init(&a, PL_MIB);
    assert_int_equal(pl_os_detect(facts, w->kind2 ? 2 : 1, &a, &os), PL_OK);
    same(w, "family", os.family, w->family);
    same(w, "version", os.version, w->version);
    same(w, "stream", os.stream, w->stream);
    same(w, "variant", os.variant, w->variant);
    if (w->end_of_life)
        same(w, "end of life", os.release ? pl_span_str(os.release->end_of_life) : PL_SPAN_NONE,
             w->end_of_life);
    assert_int_equal(os.layer, os.family.len ? 3 : -1);
    pl_arena_done(&a);
}

static void every_system(void **state)
{
    (void)state;
    for (size_t i = 0; i < PL_COUNT(wants); i++)
        check(&wants[i]);
}

static void nothing_there(void **state)
{
    (void)state;
    struct pl_arena a;
    struct pl_os os;
    pl_arena_init(&a, PL_MIB);
    assert_int_equal(pl_os_detect(NULL, 0, &a, &os), PL_OK);
    assert_int_equal(os.family.len, 0);
    assert_null(os.distro);
    pl_arena_done(&a);
}

static void etc_before_usr_lib(void **state)
{
    (void)state;
    const struct pl_fact facts[] = {
        fact_of("os-release", "usr/lib/os-release", "ID=fedora\nVERSION_ID=40\n"),
        fact_of("os-release", "etc/os-release", "ID=debian\nVERSION_ID=12\n"),
    };
    struct pl_arena a;
    struct pl_os os;
    pl_arena_init(&a, PL_MIB);
    assert_int_equal(pl_os_detect(facts, 2, &a, &os), PL_OK);
    assert_true(pl_span_eq(os.stream, PL_LIT("debian:12")));
    assert_true(pl_span_eq(os.path, PL_LIT("etc/os-release")));
    assert_int_equal(pl_os_detect(facts, 1, &a, &os), PL_OK);
    assert_true(pl_span_eq(os.stream, PL_LIT("fedora:40")));
    pl_arena_done(&a);
}

static void a_full_arena_is_said(void **state)
{
    (void)state;
    const struct pl_fact fact =
        fact_of("os-release", "etc/os-release", "ID=debian\nVERSION_ID=12\n");
    struct pl_arena a;
    struct pl_os os = { .layer = 7 };
    pl_arena_init(&a, 0);
    assert_int_equal(pl_os_detect(&fact, 1, &a, &os), PL_ELIMIT);
    assert_int_equal(os.layer, 7);
    pl_arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_system),
        cmocka_unit_test(nothing_there),
        cmocka_unit_test(etc_before_usr_lib),
        cmocka_unit_test(a_full_arena_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
