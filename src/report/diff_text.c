/* A comparison for people, in the manner of the table: what was compared, the sum in one sentence,
 * then NEW, GONE and CHANGED by layer and package. */
#include <inttypes.h>

#include "report/diff.h"
#include "report/table.h"
#include "report/words.h"

enum { MOST_ROWS = 40 }; /* of one section, until --verbose */

struct screen {
    struct pl_page page;
    const struct pl_diff *d;
    const struct pl_format_opts *o;
    struct pl_arena *a;
    unsigned ids, outcome; /* columns where those begin */
};

static pl_span safe(struct screen *s, pl_span raw)
{
    return pl_layout_text(s->a, raw, s->page.unicode);
}

static void side(struct screen *s, const char *name, const struct pl_report *r)
{
    struct pl_page *p = &s->page;
    const struct pl_image *i = pl_doc_image(r);
    size_t n = 0;
    for (size_t k = 0; k < r->n_findings; k++)
        n += r->findings[k].suppressed_by.len == 0;
    const char *rest =
        pl_arena_printf(s->a, "%.*s, %zu finding%s", PL_FMT(pl_span_sub(r->generated_at, 0, 10)), n,
                        n == 1 ? "" : "s");
    pl_span said = safe(s, pl_span_str(rest));
    unsigned room = p->columns > pl_layout_width(said) + 8 + 3
                        ? p->columns - pl_layout_width(said) - 8 - 3
                        : 20;
    pl_page_put(p, PL_TONE_DIM, pl_span_str(name));
    pl_page_pad(p, 8);
    pl_page_put(p, PL_TONE_BOLD, pl_layout_middle(s->a, safe(s, i->reference), room, p->unicode));
    pl_page_pad(p, p->at + 3);
    pl_page_put(p, PL_TONE_PLAIN, said);
    pl_page_line(p);
}

static void say_severities(const struct pl_diff *d, enum pl_diff_kind kind, struct pl_buf *b)
{
    size_t by[PL_SEVERITY_CRITICAL + 1] = { 0 };
    const char *gap = " (";
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].kind == kind)
            by[pl_diff_finding(&d->items[i])->severity]++;
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        if (by[s]) {
            pl_buf_printf(b, "%s%zu %s", gap, by[s],
                          s == PL_SEVERITY_UNKNOWN ? "not rated"
                                                   : pl_severity_text((enum pl_severity)s));
            gap = ", ";
        }
    if (*gap == ',')
        pl_buf_char(b, ')');
}

static void sum(struct screen *s)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const struct pl_diff *d = s->d;
    pl_span said[3];
    pl_buf_printf(&b, "%zu new", d->n_of[PL_DIFF_NEW]);
    say_severities(d, PL_DIFF_NEW, &b);
    pl_buf_printf(&b, ", %zu gone", d->n_of[PL_DIFF_GONE]);
    say_severities(d, PL_DIFF_GONE, &b);
    pl_buf_printf(&b, ", %zu changed, %zu the same.", d->n_of[PL_DIFF_CHANGED], d->n_same);
    enum pl_tone tone = pl_diff_new_at(d, PL_SEVERITY_HIGH) ? PL_TONE_CRITICAL
                        : d->n_of[PL_DIFF_NEW]              ? PL_TONE_BOLD
                                                            : PL_TONE_GOOD;
    pl_page_wrap(&s->page, tone, 0, "", safe(s, pl_buf_span(&b)));
    pl_page_line(&s->page);
    size_t n = pl_diff_reserves(d, s->a, said);
    for (size_t i = 0; i < n; i++) {
        pl_page_wrap(&s->page, PL_TONE_MEDIUM, 0, "", safe(s, said[i]));
        pl_page_line(&s->page);
    }
}

/* ---- rows ---- */

static pl_span name_of(struct screen *s, const struct pl_diff_item *i)
{
    const struct pl_report *r = pl_diff_report(s->d, i);
    const struct pl_finding *f = pl_diff_finding(i);
    const struct pl_package *p = pl_doc_package(r, f);
    return safe(s, p ? pl_doc_package_text(p, s->a) : pl_doc_path(r, f));
}

/* "medium to critical", "now fixed in 1.2", "now exploited". */
static pl_span change_of(struct screen *s, const struct pl_diff_item *i)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const struct pl_finding *x = i->before, *y = i->after;
    if (i->severity)
        pl_buf_printf(&b, ", was %s", pl_severity_text(x->severity));
    if (i->exploited)
        pl_buf_printf(&b, ", %s", y->known_exploited ? "now exploited" : "no longer exploited");
    if (i->fixed_version && y->fixed_version.len)
        pl_buf_printf(&b, ", now mended in %.*s", PL_FMT(y->fixed_version));
    else if (i->fixed_version)
        pl_buf_printf(&b, ", no longer mended in %.*s", PL_FMT(x->fixed_version));
    else if (i->status)
        pl_buf_printf(&b, ", %s, was %s", pl_status_text(y->status), pl_status_text(x->status));
    return safe(s, pl_span_from(pl_buf_span(&b), 2));
}

static pl_span outcome_of(struct screen *s, const struct pl_diff_item *i)
{
    const struct pl_finding *f = pl_diff_finding(i);
    if (i->kind == PL_DIFF_CHANGED)
        return change_of(s, i);
    if (f->fixed_version.len)
        return safe(s, f->fixed_version);
    return pl_span_str(f->status == PL_STATUS_AFFECTED ? "no fix yet" : pl_status_text(f->status));
}

static void row(struct screen *s, const struct pl_diff_item *i)
{
    struct pl_page *p = &s->page;
    const struct pl_finding *f = pl_diff_finding(i);
    const char *id =
        pl_arena_printf(s->a, "%.*s%s", PL_FMT(f->id), f->known_exploited ? " exploited" : "");
    pl_page_pad(p, 2);
    pl_page_put(p, pl_table_tone(f->severity),
                pl_span_str(f->severity == PL_SEVERITY_UNKNOWN ? "not rated"
                                                               : pl_severity_text(f->severity)));
    pl_page_pad(p, PL_TABLE_TEXT);
    pl_page_put(p, PL_TONE_PLAIN,
                pl_layout_middle(s->a, name_of(s, i), s->ids - PL_TABLE_TEXT - 2, p->unicode));
    pl_page_pad(p, s->ids);
    pl_page_put(p, f->known_exploited ? PL_TONE_BOLD : PL_TONE_PLAIN,
                pl_layout_end(s->a, safe(s, pl_span_str(id)), s->outcome - s->ids - 2, p->unicode));
    pl_page_pad(p, s->outcome);
    pl_page_put(p, PL_TONE_PLAIN,
                pl_layout_end(s->a, outcome_of(s, i), p->columns - p->at, p->unicode));
    pl_page_line(p);
}

static void layer_line(struct screen *s, const struct pl_report *r, int32_t index)
{
    struct pl_page *p = &s->page;
    const struct pl_layer *l = pl_doc_layer(r, index);
    pl_span by = l ? safe(s, pl_words_command(s->a, l->created_by)) : PL_SPAN_NONE;
    const char *said = index < 0 ? "no layer in particular"
                                 : pl_arena_printf(s->a, "layer %d  %.*s", index, PL_FMT(by));
    pl_page_pad(p, 2);
    pl_page_put(p, PL_TONE_DIM, pl_layout_end(s->a, pl_span_str(said), p->columns - 2, p->unicode));
    pl_page_line(p);
}

static void measure(struct screen *s, enum pl_diff_kind kind)
{
    unsigned room = s->page.columns - PL_TABLE_TEXT, name = 8, id = 14;
    for (size_t i = 0; i < s->d->n; i++) {
        const struct pl_diff_item *k = &s->d->items[i];
        if (k->kind != kind)
            continue;
        const struct pl_finding *f = pl_diff_finding(k);
        unsigned w = pl_layout_width(name_of(s, k));
        name = w > name ? w : name;
        w = pl_layout_width(safe(s, f->id)) + (f->known_exploited ? 10 : 0);
        id = w > id ? w : id;
    }
    name = name < room * 2 / 5 ? name : room * 2 / 5;
    id = id < room * 3 / 8 ? id : room * 3 / 8;
    s->ids = PL_TABLE_TEXT + name + 2;
    s->outcome = s->ids + id + 2;
}

static void section(struct screen *s, enum pl_diff_kind kind, const char *title)
{
    struct pl_page *p = &s->page;
    size_t n = s->d->n_of[kind], shown = 0;
    size_t most = s->o->verbose || n <= MOST_ROWS + 2 ? n : MOST_ROWS;
    int64_t layer = INT64_MIN;
    if (!n)
        return;
    measure(s, kind);
    pl_page_line(p);
    pl_page_put(p, PL_TONE_BOLD, pl_span_str(title));
    pl_page_line(p);
    for (size_t i = 0; i < s->d->n && shown < most; i++) {
        const struct pl_diff_item *k = &s->d->items[i];
        if (k->kind != kind)
            continue;
        if (pl_diff_finding(k)->layer != layer) {
            layer = pl_diff_finding(k)->layer;
            layer_line(s, pl_diff_report(s->d, k), (int32_t)layer);
        }
        row(s, k);
        shown++;
    }
    if (shown < n) {
        pl_page_pad(p, 2);
        pl_page_printf(p, PL_TONE_DIM, "and %zu more: --verbose", n - shown);
        pl_page_line(p);
    }
}

pl_rc pl_diff_text(const struct pl_diff *d, const struct pl_format_opts *o, FILE *out,
                   struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, SIZE_MAX / 2);
    unsigned columns = o->columns ? o->columns : 100;
    struct screen s = { .page = { .out = out,
                                  .scratch = &a,
                                  .columns = columns < 40 ? 40 : columns,
                                  .colour = o->colour,
                                  .unicode = o->unicode },
                        .d = d,
                        .o = o,
                        .a = &a };
    (void)err;
    side(&s, "before", d->before);
    side(&s, "after", d->after);
    sum(&s);
    section(&s, PL_DIFF_NEW, "NEW");
    section(&s, PL_DIFF_GONE, "GONE");
    section(&s, PL_DIFF_CHANGED, "CHANGED");
    return PL_OK;
}
