/* bitnami.c - components of Bitnami images: /opt/bitnami/NAME/.spdx-NAME.spdx, and for images from
 * before 2023 /opt/bitnami/.bitnami_components.json.
 *
 * The SPDX file also lists what is linked into a component (Go modules, gems); those have files of
 * their own that say so, and only packages of type bitnami are taken from here.
 * Spec: SPDX 2.3, JSON; Package URL type bitnami; bitnami/vulndb. */
#include "analyzer/apps.h"

/* "pkg:bitnami/postgresql@16.2.0-5?arch=amd64&distro=debian-12" */
static bool is_component(pl_span purl, struct pl_package *p)
{
    if (!pl_span_skip_lit(&purl, PL_LIT("pkg:bitnami/")))
        return false;
    purl = pl_span_sub(purl, 0, pl_span_chr(purl, '?'));
    size_t at = pl_span_rchr(purl, '@');
    if (at == SIZE_MAX)
        return false;
    p->name = pl_span_sub(purl, 0, at);
    p->version = pl_span_from(purl, at + 1);
    return true;
}

static bool names_component(pl_span package, struct pl_arena *a, struct pl_package *p)
{
    struct pl_members m;
    pl_span key, ref;
    if (!pl_members_open(pl_member(package, "externalRefs"), &m) || m.object)
        return false;
    while (pl_members_next(&m, &key, &ref))
        if (is_component(pl_member_text(pl_member(ref, "referenceLocator"), a), p))
            return true;
    return false;
}

static pl_rc parse_spdx(const struct pl_input *in, struct pl_sink *out, struct pl_broken *broken,
                        struct pl_err *err)
{
    struct pl_members m;
    pl_span key, package;
    pl_rc rc = PL_OK;
    if (!pl_members_open(pl_member(in->bytes, "packages"), &m) || m.object) {
        pl_broken_add(broken, "no list of packages");
        return PL_OK;
    }
    while (!rc && pl_members_next(&m, &key, &package)) {
        struct pl_package p = { .type = PL_LIT("bitnami"), .analyzer = PL_LIT("bitnami") };
        if (!names_component(package, in->tmp, &p))
            continue;
        /* In words, where the package URL has %2B. */
        pl_span written = pl_member_text(pl_member(package, "versionInfo"), in->tmp);
        p.version = written.len ? written : p.version;
        rc = pl_put_app(in, out, &p, broken, err);
    }
    return rc;
}

/* {"apache": {"arch": "amd64", "distro": "debian-10", "type": "NAMI", "version": "2.4.46-4"}} */
static pl_rc parse_components(const struct pl_input *in, struct pl_sink *out,
                              struct pl_broken *broken, struct pl_err *err)
{
    struct pl_members m;
    pl_span key, value;
    pl_rc rc = PL_OK;
    if (!pl_members_open(in->bytes, &m) || !m.object) {
        pl_broken_add(broken, "not a JSON object");
        return PL_OK;
    }
    while (!rc && pl_members_next(&m, &key, &value)) {
        struct pl_package p = { .type = PL_LIT("bitnami"), .analyzer = PL_LIT("bitnami") };
        p.name = key;
        p.version = pl_member_text(pl_member(value, "version"), in->tmp);
        rc = pl_put_app(in, out, &p, broken, err);
    }
    return rc;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_broken broken = { 0 };
    bool spdx = pl_span_ends(in->path, PL_LIT(".spdx"));
    pl_rc rc = spdx ? parse_spdx(in, out, &broken, err) : parse_components(in, out, &broken, err);
    pl_broken_report(&broken, in, out, "components");
    return rc;
}

const struct pl_analyzer pl_analyzer_bitnami = {
    .application = true,
    .name = "bitnami",
    .what = "components of Bitnami images",
    .spec = "SPDX 2.3; Package URL type bitnami; .bitnami_components.json",
    .paths = (const char *const[]){ "opt/bitnami/*/.spdx-*.spdx",
                                    "opt/bitnami/.bitnami_components.json", NULL },
    .revision = 1,
    .parse = parse,
};
