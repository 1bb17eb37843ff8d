/* dpkg_files.c - which file belongs to which Debian package, and with which digest.
 *
 * info/<package>[:arch].list names every path, folders too; info/<package>[:arch].md5sums has
 * digests of those that are regular files and no conffiles.
 * Spec: deb-md5sums(5); deb(5); dpkg(1), FILES. */
#include "analyzer/packages.h"

#include <ctype.h>

/* Old distroless builds write the file's name in base64. A Debian package name has no upper-case
 * letter and no "=", so what has one and decodes to a package name was encoded. */
static pl_span plain_name(pl_span name, char *buf, size_t room)
{
    bool odd = false;
    for (size_t i = 0; i < name.len; i++)
        odd |= isupper((unsigned char)name.ptr[i]) || name.ptr[i] == '=';
    size_t n = odd ? pl_base64(name, (uint8_t *)buf, room) : 0;
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)buf[i]) && !isdigit((unsigned char)buf[i]) &&
            !strchr("+-.", buf[i]))
            return name;
    return n ? pl_span_of(buf, n) : name;
}

/* "d41d8...  usr/share/doc/x"; binary mode has "*" before the path. */
static bool md5sums_line(pl_span line, char *digest, pl_span *path)
{
    pl_span md5 = pl_span_sub(line, 0, 32);
    if (line.len < 34 || !pl_is_hex(md5) || line.ptr[32] != ' ')
        return false;
    memcpy(digest, "md5:", 4);
    memcpy(digest + 4, md5.ptr, 32);
    *path = pl_span_from(line, 33);
    if (path->ptr[0] == ' ' || path->ptr[0] == '*')
        *path = pl_span_from(*path, 1);
    return true;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    char name[256], buf[PL_PATH_ROOM], digest[36];
    pl_span base = pl_span_basename(in->path), rest = in->bytes, line;
    bool sums = pl_span_ends(base, PL_LIT(".md5sums"));
    base = pl_span_sub(base, 0, pl_span_rchr(base, '.'));
    struct pl_owned o = { .type = PL_LIT("deb"), .package = plain_name(base, name, sizeof(name)) };
    struct pl_broken broken = { 0 };
    for (size_t number = 1; pl_span_line(&rest, &line); number++) {
        pl_span raw = line;
        if (line.len == 0)
            continue;
        if (sums && !md5sums_line(line, digest, &raw)) {
            pl_broken_add(&broken, "line %zu: no MD5 sum and path", number);
            continue;
        }
        o.digest = sums ? pl_span_of(digest, 36) : PL_SPAN_NONE;
        if (!pl_clean_path(raw, buf, &o.path))
            continue; /* "/." is the first line of every list */
        pl_rc rc = pl_sink_owned(out, &o, err);
        if (rc)
            return rc;
    }
    pl_broken_report(&broken, in, out, "lines");
    return PL_OK;
}

const struct pl_analyzer pl_analyzer_dpkg_files = {
    .name = "dpkg_files",
    .what = "files of Debian packages and their digests",
    .spec = "deb-md5sums(5); dpkg(1), FILES",
    .paths = (const char *const[]){ "var/lib/dpkg/info/*.list", "var/lib/dpkg/info/*.md5sums",
                                    "var/lib/dpkg/status.d/*.md5sums",
                                    "var/lib/dpkg/status.d/*.list", NULL },
    .revision = 1,
    .parse = parse,
};
