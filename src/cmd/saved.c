#include "cmd/saved.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

static pl_rc read_all(FILE *f, struct pl_buf *b, struct pl_err *err)
{
    size_t got;
    do {
        if (!pl_buf_reserve(b, 1 << 16))
            return pl_fail(err, PL_ELIMIT, "larger than 1 GiB");
        errno = 0;
        got = fread(b->ptr + b->len, 1, b->room - b->len, f);
        b->len += got;
    } while (got);
    return ferror(f) ? pl_fail_errno(err, PL_EIO, errno ? errno : EIO, "cannot be read") : PL_OK;
}

pl_rc pl_saved_read(const char *file, struct pl_arena *keep, struct pl_report_set *out,
                    struct pl_err *err)
{
    PL_AUTO(file) FILE *opened = NULL;
    PL_AUTO(buf) struct pl_buf b = { .ceiling = PL_REPORT_FILE_BYTES };
    bool standard = !strcmp(file, "-");
    if (!standard)
        opened = fopen(file, "re");
    if (!standard && !opened)
        return pl_fail_errno(err, errno == ENOENT ? PL_EABSENT : PL_EIO, errno, "%s", file);
    pl_rc rc = read_all(standard ? stdin : opened, &b, err);
    if (!rc)
        rc = pl_reports_parse(pl_buf_span(&b), keep, out, err);
    if (rc)
        pl_wrap(err, "%s", standard ? "standard input" : file);
    return rc;
}

/* Our own key stands within the first bytes of what we write; somebody may have sorted or packed
 * the members since, so that any JSON is tried that is no document of another kind. */
bool pl_saved_looks(const char *file)
{
    PL_AUTO(file) FILE *f = NULL;
    char head[512];
    if (!strcmp(file, "-"))
        return true;
    f = fopen(file, "re");
    size_t n = f ? fread(head, 1, sizeof(head), f) : 0;
    pl_span s = pl_span_trim(pl_span_of(head, n));
    if (!s.len || (s.ptr[0] != '{' && s.ptr[0] != '['))
        return false;
    return pl_span_find(s, PL_LIT("\"bomFormat\"")) == SIZE_MAX &&
           pl_span_find(s, PL_LIT("\"spdxVersion\"")) == SIZE_MAX;
}
