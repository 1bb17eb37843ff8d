/* release.c - the small files that say which distribution this is, kept whole.
 *
 * A layer's pass cannot judge them: a later layer may replace one, os-release is often a symlink,
 * and old systems have only some of them. model/os.c judges, when all layers are known. */
#include "analyzer/packages.h"

static const struct {
    const char *path, *kind;
} files[] = {
    { "etc/os-release", "os-release" },
    { "usr/lib/os-release", "os-release" },
    { "etc/initrd-release", "os-release" },
    { "etc/lsb-release", "lsb-release" },
    { "etc/debian_version", "debian_version" },
    { "etc/alpine-release", "alpine-release" },
    { "etc/redhat-release", "redhat-release" },
    { "etc/centos-release", "centos-release" },
    { "etc/oracle-release", "oracle-release" },
    { "etc/rocky-release", "rocky-release" },
    { "etc/almalinux-release", "almalinux-release" },
    { "etc/fedora-release", "fedora-release" },
    { "etc/system-release", "system-release" },
    { "etc/system-release-cpe", "system-release-cpe" },
    { "etc/SuSE-release", "suse-release" },
    { "etc/arch-release", "arch-release" },
    { "etc/gentoo-release", "gentoo-release" },
    { "etc/photon-release", "photon-release" },
    { "etc/mariner-release", "mariner-release" },
    { "etc/azurelinux-release", "azurelinux-release" },
    { "etc/openEuler-release", "openeuler-release" },
    { "etc/anolis-release", "anolis-release" },
    { "etc/alinux-release", "alinux-release" },
    { "etc/tencentos-release", "tencentos-release" },
    { "etc/tlinux-release", "tencentos-release" },
    { "etc/opencloudos-release", "opencloudos-release" },
    { "etc/kylin-release", "kylin-release" },
    { "etc/.kyinfo", "kyinfo" },
    { "etc/uos-release", "uos-release" },
    { "etc/deepin-version", "deepin-version" },
    { "etc/openwrt_release", "openwrt-release" },
    { "etc/apk/repositories", "apk-repositories" },
    { "lib/apk/db/repositories", "apk-repositories" },
};

static const char *kind_of(pl_span path)
{
    for (size_t i = 0; i < PL_COUNT(files); i++)
        if (pl_span_eq(path, pl_span_str(files[i].path)))
            return files[i].kind;
    return NULL;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    const char *kind = kind_of(in->path);
    const struct pl_fact f = { .kind = pl_span_str(kind), .path = in->path, .bytes = in->bytes };
    return kind ? pl_sink_fact(out, &f, err) : PL_OK;
}

/* The same paths as in the table above; a test holds the two together. */
const struct pl_analyzer pl_analyzer_release = {
    .name = "release",
    .what = "which distribution and release this is",
    .spec = "os-release(5), and the files that distributions had before it",
    .paths =
        (const char *const[]){
            "etc/{os-release,initrd-release,lsb-release,debian_version,alpine-release,"
            "redhat-release,centos-release,oracle-release,rocky-release,almalinux-release,"
            "fedora-release,system-release,system-release-cpe,SuSE-release,arch-release,"
            "gentoo-release,photon-release,mariner-release,azurelinux-release,openEuler-release,"
            "anolis-release,alinux-release,tencentos-release,tlinux-release,opencloudos-release,"
            "kylin-release,.kyinfo,uos-release,deepin-version,openwrt_release}",
            "usr/lib/os-release", "etc/apk/repositories", "lib/apk/db/repositories", NULL },
    .max_bytes = 64 * PL_KIB,
    .revision = 1,
    .parse = parse,
};
