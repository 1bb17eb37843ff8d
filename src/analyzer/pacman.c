/* pacman.c - Arch Linux packages: one desc file each, "%FIELD%", its values a line each, a blank
 * line. Spec: libalpm, lib/libalpm/be_local.c; alpm-desc. */
#include "analyzer/packages.h"

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("alpm"),
                            .path = in->path,
                            .analyzer = PL_LIT("pacman") };
    const struct {
        pl_span name;
        pl_span *to;
    } fields[] = {
        { PL_LIT("%NAME%"), &p.name },        { PL_LIT("%VERSION%"), &p.version },
        { PL_LIT("%BASE%"), &p.source_name }, { PL_LIT("%ARCH%"), &p.arch },
        { PL_LIT("%PACKAGER%"), &p.vendor },  { PL_LIT("%LICENSE%"), &p.licenses },
    };
    pl_span rest = in->bytes, line, *to = NULL;
    while (pl_span_line(&rest, &line)) {
        if (to && line.len)
            *to = line; /* the first of several values is enough */
        to = NULL;
        for (size_t i = 0; i < PL_COUNT(fields); i++)
            if (pl_span_eq(line, fields[i].name))
                to = fields[i].to;
    }
    if (!p.name.len || !p.version.len) {
        pl_sink_gap(out, in->path, "broken", "a package without %%NAME%% or %%VERSION%%");
        return pl_put_database(in, out, "pacman", 0, err);
    }
    if (pl_is_kernel_headers(p.name))
        p.flags |= PL_PACKAGE_KERNEL_HEADERS;
    pl_rc rc = pl_sink_package(out, &p, err);
    return rc ? rc : pl_put_database(in, out, "pacman", 1, err);
}

const struct pl_analyzer pl_analyzer_pacman = {
    .name = "pacman",
    .what = "Arch Linux packages",
    .spec = "alpm-desc(5); libalpm, be_local.c",
    .paths = (const char *const[]){ "var/lib/pacman/local/*/desc", NULL },
    .revision = 1,
    .parse = parse,
};
