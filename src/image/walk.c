#include "image/walk_impl.h"

#include <stdio.h>

bool pl_path_clean(pl_span raw, size_t limit, char out[PL_PATH_ROOM], size_t *len)
{
    size_t n = 0, room = limit < PL_PATH_ROOM ? limit : PL_PATH_ROOM;
    pl_span part;
    raw = pl_span_sub(raw, 0, pl_span_chr(raw, '\0'));
    while (pl_span_split(&raw, '/', &part)) {
        if (part.len == 0 || pl_span_eq(part, PL_LIT(".")))
            continue;
        if (pl_span_eq(part, PL_LIT(".."))) {
            size_t slash = pl_span_rchr(pl_span_of(out, n), '/');
            n = slash == SIZE_MAX ? 0 : slash;
            continue;
        }
        size_t need = part.len + (n ? 1 : 0);
        if (need > room - n) {
            *len = n;
            return false;
        }
        if (n)
            out[n++] = '/';
        memcpy(out + n, part.ptr, part.len);
        n += part.len;
    }
    *len = n;
    return true;
}

pl_rc pl_walk_count(struct pl_walk *w, struct pl_err *err)
{
    if (w->n_entries++ < w->limits->layer_entries)
        return PL_OK;
    return pl_fail(err, PL_ELIMIT, "more than %zu entries", w->limits->layer_entries);
}

void pl_walk_set_flaw(struct pl_walk *w, const char *reason, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->flaw, sizeof(w->flaw), fmt, ap);
    va_end(ap);
    w->flaw_reason = reason;
}

pl_rc pl_walk_next(struct pl_walk *w, const struct pl_entry **out, struct pl_err *err)
{
    w->flaw_reason = NULL;
    return w->ops->next(w, out, err);
}

const char *pl_walk_flaw(const struct pl_walk *w, const char **reason)
{
    if (!w->flaw_reason)
        return NULL;
    *reason = w->flaw_reason;
    return w->flaw;
}

pl_rc pl_walk_read(struct pl_walk *w, pl_span *out, struct pl_err *err)
{
    return w->ops->read(w, out, err);
}

pl_rc pl_walk_finish(struct pl_walk *w, struct pl_layer_totals *out, struct pl_err *err)
{
    return w->ops->finish(w, out, err);
}

uint64_t pl_walk_position(const struct pl_walk *w) { return w->ops->position(w); }

void pl_walk_watch(struct pl_walk *w, _Atomic uint64_t *position) { w->ops->watch(w, position); }

void pl_walk_close(struct pl_walk *w)
{
    if (w)
        w->ops->close(w);
}
