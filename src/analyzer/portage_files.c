/* portage_files.c - which file belongs to which Gentoo package.
 *
 * A line of CONTENTS is "obj <path> <md5> <mtime>", "sym <path> -> <target> <mtime>" or
 * "dir <path>"; a path may hold blanks, so the sum is looked for from the right.
 * Spec: portage(5), /var/db/pkg/<category>/<package>/CONTENTS. */
#include "analyzer/packages.h"

/* The path of an obj line, and its sum. */
static bool obj_line(pl_span line, char *digest, pl_span *path)
{
    size_t time = pl_span_rchr(line, ' ');
    pl_span left = pl_span_sub(line, 0, time);
    size_t sum = pl_span_rchr(left, ' ');
    if (time == SIZE_MAX || sum == SIZE_MAX)
        return false;
    pl_span md5 = pl_span_from(left, sum + 1);
    if (md5.len != 32 || !pl_is_hex(md5))
        return false;
    snprintf(digest, 40, "md5:%.32s", md5.ptr);
    *path = pl_span_sub(left, 0, sum);
    return true;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    char buf[PL_PATH_ROOM], digest[40];
    pl_span rest = in->bytes, line, path;
    pl_span folder = pl_span_dirname(in->path); /* var/db/pkg/<category>/<package> */
    pl_span full = pl_span_from(folder, sizeof("var/db/pkg/") - 1), name, version;
    struct pl_owned o = { .type = PL_LIT("ebuild"),
                          .package = pl_portage_split(full, &name, &version) ? name : full };
    struct pl_broken broken = { 0 };
    for (size_t number = 1; pl_span_line(&rest, &line); number++) {
        o.digest = PL_SPAN_NONE;
        if (pl_span_skip_lit(&line, PL_LIT("obj "))) {
            if (!obj_line(line, digest, &path)) {
                pl_broken_add(&broken, "line %zu: no path and MD5 sum", number);
                continue;
            }
            o.digest = pl_span_of(digest, 36);
        } else if (pl_span_skip_lit(&line, PL_LIT("sym "))) {
            path = pl_span_sub(line, 0, pl_span_find(line, PL_LIT(" -> ")));
        } else {
            continue;
        }
        pl_rc rc = pl_clean_path(path, buf, &o.path) ? pl_sink_owned(out, &o, err) : PL_OK;
        if (rc)
            return rc;
    }
    pl_broken_report(&broken, in, out, "lines");
    return PL_OK;
}

const struct pl_analyzer pl_analyzer_portage_files = {
    .name = "portage_files",
    .what = "files of Gentoo packages",
    .spec = "portage(5), CONTENTS",
    .paths = (const char *const[]){ "var/db/pkg/*/*/CONTENTS", NULL },
    .revision = 1,
    .parse = parse,
};
