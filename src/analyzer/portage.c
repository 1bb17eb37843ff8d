/* portage.c - Gentoo packages: var/db/pkg/<category>/<name>-<version>/PF says the last part.
 * Spec: Package Manager Specification, "Names and versions"; the folder is Portage's vdb. */
#include "analyzer/packages.h"

#include <ctype.h>

static bool is_revision(pl_span s)
{
    if (s.len < 2 || s.ptr[0] != 'r')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!isdigit((unsigned char)s.ptr[i]))
            return false;
    return true;
}

/* "gtk+-2.24.33-r3" apart at the last "-" whose right side is a version. */
bool pl_portage_split(pl_span pf, pl_span *name, pl_span *version)
{
    size_t dash = pl_span_rchr(pf, '-');
    if (dash != SIZE_MAX && is_revision(pl_span_from(pf, dash + 1)))
        dash = pl_span_rchr(pl_span_sub(pf, 0, dash), '-');
    if (dash == SIZE_MAX || dash == 0 || dash + 1 >= pf.len ||
        !isdigit((unsigned char)pf.ptr[dash + 1]))
        return false;
    *name = pl_span_sub(pf, 0, dash);
    *version = pl_span_from(pf, dash + 1);
    return true;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    pl_span pf = pl_span_trim(in->bytes), name;
    pl_span category = pl_span_basename(pl_span_dirname(pl_span_dirname(in->path)));
    struct pl_package p = { .type = PL_LIT("ebuild"),
                            .path = in->path,
                            .analyzer = PL_LIT("portage") };
    if (pl_span_chr(pf, '\n') != SIZE_MAX || !pl_portage_split(pf, &name, &p.version)) {
        pl_sink_gap(out, in->path, "broken", "not of the form name-version");
        return pl_put_database(in, out, "portage", 0, err);
    }
    char *full = pl_arena_alloc(in->tmp, category.len + 1 + name.len);
    if (!full)
        return pl_fail(err, PL_ELIMIT, "portage: no memory for a name");
    memcpy(full, category.ptr, category.len);
    full[category.len] = '/';
    memcpy(full + category.len + 1, name.ptr, name.len);
    p.name = pl_span_of(full, category.len + 1 + name.len);
    if (pl_span_eq(p.name, PL_LIT("sys-kernel/linux-headers")))
        p.flags |= PL_PACKAGE_KERNEL_HEADERS;
    pl_rc rc = pl_sink_package(out, &p, err);
    return rc ? rc : pl_put_database(in, out, "portage", 1, err);
}

const struct pl_analyzer pl_analyzer_portage = {
    .name = "portage",
    .what = "Gentoo packages",
    .spec = "Package Manager Specification; portage(5), /var/db/pkg",
    .paths = (const char *const[]){ "var/db/pkg/*/*/PF", NULL },
    .max_bytes = 64 * PL_KIB,
    .revision = 1,
    .parse = parse,
};
