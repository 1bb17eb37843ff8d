/* pacman_files.c - which file belongs to which Arch Linux package: the "files" beside each desc.
 *
 * "%FILES%" lists paths, folders with a slash at the end; "%BACKUP%" has a path, a tab and the MD5
 * sum of settings files. Spec: alpm-files(5); libalpm, be_local.c. */
#include "analyzer/packages.h"

/* "var/lib/pacman/local/openssl-3.3.2-1/files": the name without version and release. */
static pl_span package_of(pl_span path)
{
    pl_span name = pl_span_basename(pl_span_dirname(path));
    for (int i = 0; i < 2; i++) {
        size_t dash = pl_span_rchr(name, '-');
        if (dash != SIZE_MAX && dash > 0)
            name = pl_span_sub(name, 0, dash);
    }
    return name;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    char buf[PL_PATH_ROOM], digest[40];
    struct pl_owned o = { .type = PL_LIT("alpm"), .package = package_of(in->path) };
    pl_span rest = in->bytes, line, section = PL_SPAN_NONE;
    while (pl_span_line(&rest, &line)) {
        if (pl_span_starts(line, PL_LIT("%")) && pl_span_ends(line, PL_LIT("%"))) {
            section = line;
            continue;
        }
        bool backup = pl_span_eq(section, PL_LIT("%BACKUP%"));
        size_t tab = backup ? pl_span_chr(line, '\t') : SIZE_MAX;
        pl_span md5 = tab == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(line, tab + 1);
        if ((!backup && !pl_span_eq(section, PL_LIT("%FILES%"))) ||
            pl_span_ends(line, PL_LIT("/")) ||
            !pl_clean_path(pl_span_sub(line, 0, tab), buf, &o.path))
            continue;
        o.digest = PL_SPAN_NONE;
        if (md5.len == 32 && pl_is_hex(md5)) {
            snprintf(digest, sizeof(digest), "md5:%.32s", md5.ptr);
            o.digest = pl_span_of(digest, 36);
        }
        pl_rc rc = pl_sink_owned(out, &o, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

const struct pl_analyzer pl_analyzer_pacman_files = {
    .name = "pacman_files",
    .what = "files of Arch Linux packages",
    .spec = "alpm-files(5); libalpm, be_local.c",
    .paths = (const char *const[]){ "var/lib/pacman/local/*/files", NULL },
    .revision = 1,
    .parse = parse,
};
