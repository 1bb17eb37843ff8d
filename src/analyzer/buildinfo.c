/* buildinfo.c - what says which repositories and channels an image was built from, kept whole.
 *
 * Red Hat's content manifests name the repositories (and so which advisories speak of the image);
 * Ubuntu's status says whether extended maintenance is attached; module files say which stream of
 * a package is enabled. */
#include "analyzer/packages.h"

static pl_span kind_of(pl_span path)
{
    if (pl_span_ends(path, PL_LIT(".module")))
        return PL_LIT("dnf-module");
    if (pl_span_starts(path, PL_LIT("var/lib/ubuntu-advantage/")))
        return PL_LIT("ubuntu-advantage");
    if (pl_span_ends(path, PL_LIT("/labels.json")))
        return PL_LIT("build-labels");
    return PL_LIT("content-manifest");
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    const struct pl_fact f = { .kind = kind_of(in->path), .path = in->path, .bytes = in->bytes };
    return pl_sink_fact(out, &f, err);
}

const struct pl_analyzer pl_analyzer_buildinfo = {
    .name = "buildinfo",
    .what = "repositories and channels an image was built from",
    .spec = "Red Hat content manifests; pro(1) status.json; modules.d of dnf",
    .paths = (const char *const[]){ "root/buildinfo/content_manifests/*.json",
                                    "root/buildinfo/labels.json", "usr/share/buildinfo/*.json",
                                    "var/lib/ubuntu-advantage/status.json",
                                    "etc/dnf/modules.d/*.module", NULL },
    .max_bytes = PL_MIB,
    .revision = 1,
    .parse = parse,
};
