/* composer.c - PHP packages that Composer installed: vendor/composer/installed.json.
 *
 * Composer 2 writes {"packages": [...]}, Composer 1 the bare list. The folder "vendor" may have
 * another name (config vendor-dir), "composer" below it never.
 * Spec: Composer, Repository\FilesystemRepository; composer.json schema. */
#include "analyzer/apps.h"

static pl_rc put_one(const struct pl_input *in, struct pl_sink *out, pl_span package,
                     struct pl_broken *broken, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("composer"), .analyzer = PL_LIT("composer") };
    struct pl_members m;
    pl_span key, value;
    if (!pl_members_open(package, &m) || !m.object) {
        pl_broken_add(broken, "a package that is no object");
        return PL_OK;
    }
    while (pl_members_next(&m, &key, &value)) {
        if (pl_span_eq(key, PL_LIT("name")))
            p.name = pl_member_text(value, in->tmp);
        else if (pl_span_eq(key, PL_LIT("version")))
            p.version = pl_member_text(value, in->tmp);
        else if (pl_span_eq(key, PL_LIT("license")))
            p.licenses = pl_member_list(value, in->tmp);
    }
    return pl_put_app(in, out, &p, broken, err);
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_broken broken = { 0 };
    struct pl_members m;
    pl_span key, package;
    pl_rc rc = PL_OK;
    bool open = pl_members_open(in->bytes, &m);
    if (open && m.object)
        open = pl_members_open(pl_member(in->bytes, "packages"), &m);
    if (!open || m.object) {
        pl_sink_gap(out, in->path, "broken", "no list of packages");
        return PL_OK;
    }
    while (!rc && pl_members_next(&m, &key, &package))
        rc = put_one(in, out, package, &broken, err);
    if (m.broken)
        pl_broken_add(&broken, "the list of packages breaks off");
    pl_broken_report(&broken, in, out, "packages");
    return rc;
}

const struct pl_analyzer pl_analyzer_composer = {
    .application = true,
    .name = "composer",
    .what = "PHP packages installed by Composer",
    .spec = "Composer: vendor/composer/installed.json, versions 1 and 2",
    .paths = (const char *const[]){ "**/composer/installed.json", NULL },
    .max_bytes = 64 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
