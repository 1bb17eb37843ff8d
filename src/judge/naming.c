#include "judge/naming.h"

#include "base/buf.h"
#include "model/purl.h"

const struct pl_package *pl_package_of(const struct pl_report *r, const struct pl_finding *f)
{
    return f->package >= 0 && (uint64_t)f->package < r->inventory.n_packages
               ? &r->inventory.packages[f->package]
               : NULL;
}

bool pl_named_by_id(const struct pl_finding *f, pl_span id)
{
    if (pl_span_eq_nocase(f->id, id))
        return true;
    for (size_t i = 0; i < f->n_aliases; i++)
        if (pl_span_eq_nocase(f->aliases[i], id))
            return true;
    return false;
}

/* A "?" begins qualifiers in a package URL and is one byte in a glob: the part before it is
 * compared as a glob, what is behind it byte for byte. */
static bool purl_fits(pl_span purl, pl_span glob)
{
    size_t question = pl_span_chr(glob, '?'), ours = pl_span_chr(purl, '?');
    pl_span head = pl_span_sub(purl, 0, ours), tail = PL_SPAN_NONE;
    if (ours != SIZE_MAX)
        tail = pl_span_from(purl, ours + 1);
    if (question != SIZE_MAX) {
        pl_span part, rest = pl_span_from(glob, question + 1);
        while (pl_span_split(&rest, '&', &part)) {
            pl_span have, all = tail;
            bool found = false;
            while (!found && pl_span_split(&all, '&', &have))
                found = pl_span_eq(have, part);
            if (!found)
                return false;
        }
        glob = pl_span_sub(glob, 0, question);
    }
    if (pl_span_rchr(glob, '@') == SIZE_MAX || pl_span_rchr(glob, '@') < pl_span_rchr(glob, '/'))
        head = pl_span_sub(head, 0, pl_span_rchr(head, '@'));
    return pl_glob_match(glob, head);
}

bool pl_named_by_package(const struct pl_package *p, const struct pl_os *os, pl_span glob)
{
    if (!p)
        return false;
    if (!pl_span_starts(glob, PL_LIT("pkg:")))
        return pl_glob_match(glob, p->name) ||
               (p->source_name.len && pl_glob_match(glob, p->source_name));
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_purl(p, os, &b);
    return !b.failed && purl_fits(pl_buf_span(&b), glob);
}

bool pl_named_by_path(const struct pl_finding *f, const struct pl_package *p, pl_span glob)
{
    pl_span path = f->path.len ? f->path : p ? p->path : PL_SPAN_NONE;
    while (glob.len && glob.ptr[0] == '/')
        glob = pl_span_from(glob, 1);
    while (path.len && path.ptr[0] == '/')
        path = pl_span_from(path, 1);
    return path.len && pl_glob_match(glob, path);
}
