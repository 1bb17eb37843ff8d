/* A comparison as JSON, schema plimsoll.diff/1 (docs/formats.md). */
#include "model/purl.h"
#include "report/diff.h"

struct writer {
    struct pl_jsonw w;
    const struct pl_diff *d;
    pl_span *before_ids, *after_ids;
};

static void side(struct pl_jsonw *w, const char *key, const struct pl_report *r)
{
    const struct pl_image *i = pl_doc_image(r);
    size_t n = 0;
    for (size_t k = 0; k < r->n_findings; k++)
        n += r->findings[k].suppressed_by.len == 0;
    pl_jsonw_object(w, key);
    pl_jsonw_text_or_null(w, "reference", i->reference);
    pl_jsonw_text_or_null(w, "digest", pl_digest_span(&i->digest));
    pl_jsonw_text_or_null(w, "image_id", pl_digest_span(&i->image_id));
    pl_jsonw_text_or_null(w, "generated_at", r->generated_at);
    pl_jsonw_text_or_null(w, "database", r->database.digest);
    pl_jsonw_int(w, "findings", (int64_t)n);
    pl_jsonw_end_object(w);
}

static void layer(struct pl_jsonw *w, const struct pl_report *r, const struct pl_finding *f)
{
    const struct pl_layer *l = pl_doc_layer(r, f->layer);
    if (!l) {
        pl_jsonw_null(w, "layer");
        return;
    }
    pl_jsonw_object(w, "layer");
    pl_jsonw_int(w, "index", l->index);
    pl_jsonw_text_or_null(w, "digest", pl_digest_span(&l->digest));
    pl_jsonw_text_or_null(w, "diff_id", pl_digest_span(&l->diff_id));
    pl_jsonw_text_or_null(w, "created_by", l->created_by);
    pl_jsonw_end_object(w);
}

static void change(struct pl_jsonw *w, bool is, const char *field, pl_span before, pl_span after)
{
    if (!is)
        return;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "field", pl_span_str(field));
    pl_jsonw_text_or_null(w, "before", before);
    pl_jsonw_text_or_null(w, "after", after);
    pl_jsonw_end_object(w);
}

static void changes(struct pl_jsonw *w, const struct pl_diff_item *i)
{
    const struct pl_finding *x = i->before, *y = i->after;
    if (i->kind != PL_DIFF_CHANGED)
        return;
    pl_jsonw_array(w, "changes");
    change(w, i->severity, "severity", pl_span_str(pl_severity_text(x->severity)),
           /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what changed is in both */
           pl_span_str(pl_severity_text(y->severity)));
    change(w, i->status, "status", pl_span_str(pl_status_text(x->status)),
           pl_span_str(pl_status_text(y->status)));
    change(w, i->fixed_version, "fixed_version", x->fixed_version, y->fixed_version);
    change(w, i->exploited, "known_exploited",
           x->known_exploited ? PL_LIT("true") : PL_LIT("false"),
           y->known_exploited ? PL_LIT("true") : PL_LIT("false"));
    pl_jsonw_end_array(w);
}

/* Suppressed since: the word stands in the other report. */
static void gone_because(struct writer *j, const struct pl_diff_item *i)
{
    if (i->kind != PL_DIFF_GONE)
        return;
    if (i->suppressed) {
        pl_jsonw_object(&j->w, "suppressed");
        pl_jsonw_text(&j->w, "by", i->suppressed->suppressed_by);
        pl_jsonw_text_or_null(&j->w, "reason", i->suppressed->suppressed_reason);
        pl_jsonw_end_object(&j->w);
        return;
    }
    pl_jsonw_null(&j->w, "suppressed");
}

static void item(struct writer *j, const struct pl_diff_item *i)
{
    struct pl_jsonw *w = &j->w;
    const struct pl_finding *f = pl_diff_finding(i);
    const struct pl_report *r = pl_diff_report(j->d, i);
    const pl_span *ids = i->after ? j->after_ids : j->before_ids;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "key", f->key);
    pl_jsonw_text(w, "class", pl_span_str(pl_class_text(f->class_id)));
    pl_jsonw_text(w, "id", f->id);
    pl_jsonw_text_or_null(w, "title", f->title);
    pl_jsonw_text(w, "severity", pl_span_str(pl_severity_text(f->severity)));
    pl_jsonw_text(w, "priority", pl_span_str(pl_priority_text(f->priority)));
    pl_jsonw_text(w, "status", pl_span_str(pl_status_text(f->status)));
    pl_jsonw_text_or_null(w, "package", pl_doc_package(r, f) ? ids[f->package] : PL_SPAN_NONE);
    pl_jsonw_text_or_null(w, "installed_version", f->installed_version);
    pl_jsonw_text_or_null(w, "fixed_version", f->fixed_version);
    pl_jsonw_text_or_null(w, "path", f->path);
    layer(w, r, f);
    pl_jsonw_bool(w, "known_exploited", f->known_exploited);
    changes(w, i);
    gone_because(j, i);
    pl_jsonw_end_object(w);
}

static void list(struct writer *j, const char *key, enum pl_diff_kind kind)
{
    pl_jsonw_array(&j->w, key);
    for (size_t i = 0; i < j->d->n; i++)
        if (j->d->items[i].kind == kind)
            item(j, &j->d->items[i]);
    pl_jsonw_end_array(&j->w);
}

pl_rc pl_diff_json(const struct pl_diff *d, FILE *out, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct writer j = { .d = d };
    struct pl_jsonw *w = &j.w;
    pl_span said[3];
    pl_arena_init(&a, SIZE_MAX / 2);
    pl_jsonw_init(w, out, false);
    const struct pl_inventory *x = &d->before->inventory, *y = &d->after->inventory;
    j.before_ids = pl_package_ids(x->packages, x->n_packages, &a);
    j.after_ids = pl_package_ids(y->packages, y->n_packages, &a);
    if (!j.before_ids || !j.after_ids)
        return pl_fail(err, PL_ENOMEM, "JSON: out of memory");
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "schema", PL_LIT("plimsoll.diff/1"));
    side(w, "before", d->before);
    side(w, "after", d->after);
    list(&j, "new", PL_DIFF_NEW);
    list(&j, "gone", PL_DIFF_GONE);
    list(&j, "changed", PL_DIFF_CHANGED);
    pl_jsonw_object(w, "summary");
    pl_jsonw_int(w, "new", (int64_t)d->n_of[PL_DIFF_NEW]);
    pl_jsonw_int(w, "gone", (int64_t)d->n_of[PL_DIFF_GONE]);
    pl_jsonw_int(w, "changed", (int64_t)d->n_of[PL_DIFF_CHANGED]);
    pl_jsonw_int(w, "same", (int64_t)d->n_same);
    pl_jsonw_end_object(w);
    size_t n = pl_diff_reserves(d, &a, said);
    pl_jsonw_array(w, "notes");
    for (size_t i = 0; i < n; i++)
        pl_jsonw_text(w, NULL, said[i]);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
    return PL_OK;
}
