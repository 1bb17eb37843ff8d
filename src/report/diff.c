#include "report/diff.h"

#include <stdlib.h>

#include "base/map.h"
#include "report/words.h"

const struct pl_finding *pl_diff_finding(const struct pl_diff_item *i)
{
    return i->after ? i->after : i->before;
}

const struct pl_report *pl_diff_report(const struct pl_diff *d, const struct pl_diff_item *i)
{
    return i->after ? d->after : d->before;
}

static pl_span source_of(const struct pl_report *r, const struct pl_finding *f)
{
    const struct pl_package *p = pl_doc_package(r, f);
    return !p ? f->path : p->source_name.len ? p->source_name : p->name;
}

/* qsort() has no context of its own: what it needs stands in each entry. */
struct entry {
    struct pl_diff_item item;
    const struct pl_finding *f;
    pl_span source;
};

static int in_order(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    if (a->item.kind != b->item.kind)
        return (int)a->item.kind - (int)b->item.kind;
    if (a->f->layer != b->f->layer)
        return a->f->layer < b->f->layer ? -1 : 1;
    int order = pl_span_cmp(a->source, b->source);
    if (order)
        return order;
    if (a->f->severity != b->f->severity)
        return a->f->severity > b->f->severity ? -1 : 1;
    order = pl_span_cmp(a->f->id, b->f->id);
    return order ? order : pl_span_cmp(a->f->key, b->f->key);
}

static bool index_findings(const struct pl_report *r, struct pl_map *out)
{
    for (size_t i = 0; i < r->n_findings; i++) {
        void **place = pl_map_at(out, r->findings[i].key);
        if (!place)
            return false;
        *place = &r->findings[i];
    }
    return true;
}

static void compare(struct pl_diff_item *i)
{
    i->severity = i->before->severity != i->after->severity;
    i->status = i->before->status != i->after->status;
    i->fixed_version = !pl_span_eq(i->before->fixed_version, i->after->fixed_version);
    i->exploited = i->before->known_exploited != i->after->known_exploited;
    i->kind = PL_DIFF_CHANGED;
}

static bool changed(const struct pl_diff_item *i)
{
    return i->severity || i->status || i->fixed_version || i->exploited;
}

static struct entry *add(struct pl_arena *a, struct pl_vec *v, const struct pl_report *r,
                         const struct pl_finding *f)
{
    struct entry *e = pl_vec_push(a, v);
    if (e) {
        e->f = f;
        e->source = source_of(r, f);
    }
    return e;
}

static bool look_after(struct pl_diff *d, const struct pl_map *before, struct pl_arena *a,
                       struct pl_vec *v)
{
    for (size_t i = 0; i < d->after->n_findings; i++) {
        const struct pl_finding *f = &d->after->findings[i];
        struct pl_diff_item item = { .after = f, .kind = PL_DIFF_NEW };
        if (f->suppressed_by.len)
            continue;
        item.before = pl_map_get(before, f->key);
        if (item.before && item.before->suppressed_by.len)
            item.before = NULL;
        if (item.before)
            compare(&item);
        if (item.before && !changed(&item)) {
            d->n_same++;
            continue;
        }
        struct entry *e = add(a, v, d->after, f);
        if (!e)
            return false;
        e->item = item;
    }
    return true;
}

static bool look_before(struct pl_diff *d, const struct pl_map *after, struct pl_arena *a,
                        struct pl_vec *v)
{
    for (size_t i = 0; i < d->before->n_findings; i++) {
        const struct pl_finding *f = &d->before->findings[i];
        const struct pl_finding *now = pl_map_get(after, f->key);
        if (f->suppressed_by.len || (now && !now->suppressed_by.len))
            continue;
        struct entry *e = add(a, v, d->before, f);
        if (!e)
            return false;
        e->item = (struct pl_diff_item){ .before = f, .suppressed = now, .kind = PL_DIFF_GONE };
    }
    return true;
}

pl_rc pl_diff_make(const struct pl_report *before, const struct pl_report *after,
                   struct pl_arena *a, struct pl_diff *out, struct pl_err *err)
{
    PL_AUTO(map) struct pl_map old = { 0 };
    PL_AUTO(map) struct pl_map now = { 0 };
    struct pl_diff d = { .before = before, .after = after };
    struct pl_vec v = PL_VEC(struct entry);
    if (!index_findings(before, &old) || !index_findings(after, &now) ||
        !look_after(&d, &old, a, &v) || !look_before(&d, &now, a, &v))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    struct entry *entries = v.items;
    d.items = pl_arena_array(a, v.n + 1, sizeof(*d.items));
    if (!d.items)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (v.n)
        qsort(entries, v.n, sizeof(*entries), in_order);
    d.n = v.n;
    for (size_t i = 0; i < v.n; i++) {
        d.items[i] = entries[i].item;
        d.n_of[d.items[i].kind]++;
    }
    *out = d;
    return PL_OK;
}

bool pl_diff_new_at(const struct pl_diff *d, enum pl_severity at)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].kind == PL_DIFF_NEW && d->items[i].after->severity >= at)
            return true;
    return false;
}

size_t pl_diff_reserves(const struct pl_diff *d, struct pl_arena *a, pl_span out[3])
{
    size_t n = 0;
    const struct pl_database_info *x = &d->before->database, *y = &d->after->database;
    if (!pl_span_eq(x->digest, y->digest))
        out[n++] = pl_span_str(pl_arena_printf(
            a,
            "The two were judged by different databases (built %.*s and %.*s): what is new may "
            "only be newly known.",
            PL_FMT(x->built_at.len ? x->built_at : PL_LIT("never")),
            PL_FMT(y->built_at.len ? y->built_at : PL_LIT("never"))));
    if (!pl_words_whole(d->after))
        out[n++] = PL_LIT("Not all of the second was looked at: what is gone may only be unseen.");
    if (d->before->n_filtered || d->after->n_filtered)
        out[n++] = PL_LIT("Findings were filtered away before: they are in neither list.");
    return n;
}
