/* The report for somebody who has one minute: what was scanned; the verdict in one sentence; what
 * to do first and the command that does it; the rest, worst first; what was not looked at; who
 * judged, and how old that knowledge is. */
#include "report/table.h"

#include "report/words.h"

pl_span pl_table_text(struct pl_table *t, pl_span raw)
{
    return pl_layout_text(t->a, raw, t->page.unicode);
}

void pl_table_title(struct pl_table *t, const char *title)
{
    pl_page_line(&t->page);
    pl_page_put(&t->page, PL_TONE_BOLD, pl_span_str(title));
}

enum pl_tone pl_table_tone(enum pl_severity s)
{
    switch (s) {
    case PL_SEVERITY_CRITICAL: return PL_TONE_CRITICAL;
    case PL_SEVERITY_HIGH: return PL_TONE_HIGH;
    case PL_SEVERITY_MEDIUM: return PL_TONE_MEDIUM;
    case PL_SEVERITY_LOW: return PL_TONE_LOW;
    default: return PL_TONE_DIM;
    }
}

/* ---- the line on top ---- */

static void part(struct pl_table *t, enum pl_tone tone, pl_span text)
{
    struct pl_page *p = &t->page;
    if (text.len == 0)
        return;
    if (p->at && p->at + 3 + pl_layout_width(text) > p->columns) {
        pl_page_line(p);
        pl_page_pad(p, 2);
    } else if (p->at) {
        pl_page_pad(p, p->at + 3);
    }
    pl_page_put(p, tone, pl_layout_middle(t->a, text, p->columns - p->at, p->unicode));
}

static pl_span platform_text(struct pl_table *t, const struct pl_image *i)
{
    if (!i->os.len || !i->architecture.len)
        return PL_SPAN_NONE;
    const char *text =
        pl_arena_printf(t->a, "%.*s/%.*s%s%.*s", PL_FMT(i->os), PL_FMT(i->architecture),
                        i->variant.len ? "/" : "", PL_FMT(i->variant));
    return pl_table_text(t, pl_span_str(text));
}

static pl_span os_text(struct pl_table *t)
{
    const struct pl_os *o = &t->report->inventory.os;
    if (o->pretty_name.len)
        return pl_table_text(t, o->pretty_name);
    if (!o->family.len)
        return PL_LIT("no known distribution");
    const char *text = pl_arena_printf(t->a, "%.*s %.*s", PL_FMT(o->family), PL_FMT(o->version));
    return pl_table_text(t, pl_span_str(text));
}

static pl_span life_text(struct pl_table *t)
{
    const struct pl_release *r = t->report->inventory.os.release;
    int64_t end, now;
    if (!r || !pl_words_days(pl_span_str(r->end_of_life), &end) ||
        !pl_words_days(t->report->generated_at, &now))
        return PL_SPAN_NONE;
    if (end >= now && end - now > 180)
        return PL_SPAN_NONE;
    return pl_span_str(pl_arena_printf(
        t->a, end < now ? "end of life since %s" : "end of life on %s", r->end_of_life));
}

static pl_span layers_text(struct pl_table *t, const struct pl_image *i)
{
    uint64_t n = 0;
    for (size_t k = 0; k < i->n_layers; k++)
        n += !i->layers[k].empty;
    pl_span layers = pl_words_count(t->a, n, "layer", "layers");
    if (!i->size)
        return layers;
    return pl_span_str(
        pl_arena_printf(t->a, "%.*s, %.*s", PL_FMT(layers), PL_FMT(pl_words_size(t->a, i->size))));
}

static void header(struct pl_table *t)
{
    static const struct pl_image none;
    const struct pl_image *i = t->report->image ? t->report->image : &none;
    const pl_digest *d = pl_digest_set(&i->digest) ? &i->digest : &i->image_id;
    part(t, PL_TONE_BOLD, pl_table_text(t, i->reference));
    part(t, PL_TONE_PLAIN, platform_text(t, i));
    part(t, PL_TONE_PLAIN, os_text(t));
    part(t, PL_TONE_MEDIUM, life_text(t));
    part(t, PL_TONE_DIM, pl_layout_fit(pl_digest_span(d), 19));
    part(t, PL_TONE_PLAIN, layers_text(t, i));
    part(t, PL_TONE_PLAIN,
         pl_words_count(t->a, t->report->inventory.n_packages, "package", "packages"));
    if (t->report->seconds > 0)
        part(t, PL_TONE_DIM,
             pl_span_str(pl_arena_printf(t->a, t->report->seconds < 0.1 ? "%.2f s" : "%.1f s",
                                         t->report->seconds)));
    pl_page_line(&t->page);
}

static void verdict(struct pl_table *t)
{
    static const enum pl_tone tones[] = { PL_TONE_GOOD, PL_TONE_BOLD, PL_TONE_CRITICAL };
    pl_span text = pl_table_text(t, pl_words_verdict(t->a, t->report, &t->groups));
    /* The first sentence is the answer; what follows is its footnotes. */
    size_t end = pl_span_find(text, PL_LIT(". "));
    pl_span first = end == SIZE_MAX ? text : pl_span_sub(text, 0, end + 1);
    pl_page_wrap(&t->page, tones[pl_words_alarm(t->report, &t->groups)], 0, "", first);
    if (end != SIZE_MAX)
        pl_page_wrap(&t->page, PL_TONE_PLAIN, 0, "", pl_span_from(text, end + 2));
    pl_page_line(&t->page);
}

static pl_rc one(const struct pl_report *r, const struct pl_format_opts *o, FILE *out,
                 struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, SIZE_MAX / 2);
    unsigned columns = o->columns ? o->columns : 100;
    struct pl_table t = { .page = { .out = out,
                                    .scratch = &a,
                                    .columns = columns < 40 ? 40 : columns,
                                    .colour = o->colour,
                                    .unicode = o->unicode },
                          .report = r,
                          .opts = o,
                          .a = &a };
    if (!pl_groups_make(r, &a, &t.groups))
        return pl_fail(err, PL_ENOMEM, "table: out of memory");
    header(&t);
    verdict(&t);
    pl_table_findings(&t);
    pl_table_unseen(&t);
    pl_table_judges(&t);
    return PL_OK;
}

static pl_rc write_table(const struct pl_report *const *reports, size_t n,
                         const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            fputs("\n\n", out);
        pl_rc rc = one(reports[i], o, out, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

const struct pl_format pl_format_table = {
    .name = "table",
    .what = "for people: what to do first, in one minute",
    .spec = "plimsoll-scan(1), THE TABLE",
    .media_type = "text/plain",
    .write = write_table,
};
