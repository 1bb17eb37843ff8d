#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "report/table.h"
#include "report/words.h"

enum { GAP_ITEMS = 4, TEXT = 16 }; /* TEXT: column where a ledger's entries begin */

static void entry(struct pl_table *t, const char *label, pl_span escaped)
{
    pl_page_pad(&t->page, 2);
    pl_page_put(&t->page, PL_TONE_PLAIN, pl_span_str(label));
    pl_page_pad(&t->page, t->page.at < TEXT - 1 ? TEXT : t->page.at + 1);
    pl_page_wrap(&t->page, PL_TONE_PLAIN, TEXT, "", escaped);
    pl_page_line(&t->page);
}

/* ---- NOT LOOKED AT ---- */

/* model/layer_report.h lists the words; an unknown one speaks for itself. */
static const char *reason_words(struct pl_table *t, pl_span reason)
{
    static const char *const words[][2] = {
        { "limit", "over a limit" },          { "unknown-format", "unknown kind" },
        { "no-advisories", "no advisories" }, { "third-party", "third party" },
        { "end-of-life", "end of life" },     { "timeout", "out of time" },
        { "few-advisories", "few records" },
    };
    for (size_t i = 0; i < PL_COUNT(words); i++)
        if (pl_span_eq(reason, pl_span_str(words[i][0])))
            return words[i][1];
    const char *text = pl_arena_str(t->a, pl_table_text(t, reason));
    return text ? text : "";
}

static int by_reason(const void *x, const void *y)
{
    const struct pl_gap *a = *(const struct pl_gap *const *)x;
    const struct pl_gap *b = *(const struct pl_gap *const *)y;
    int order = pl_span_cmp(a->reason, b->reason);
    return order ? order : (a > b) - (a < b);
}

static void say_gap(struct pl_table *t, const struct pl_gap *g, bool with_detail, struct pl_buf *b)
{
    if (g->path.len) {
        pl_span path = pl_table_text(t, g->path);
        unsigned room = t->page.columns > TEXT + 24 ? t->page.columns - TEXT - 2 : 24;
        pl_buf_printf(b, "/%.*s", PL_FMT(pl_layout_middle(t->a, path, room, t->page.unicode)));
    } else if (g->layer >= 0) {
        pl_buf_printf(b, "layer %d", g->layer);
    }
    pl_span detail = pl_table_text(t, g->detail);
    if (!with_detail || !detail.len)
        return;
    pl_buf_printf(b, g->path.len ? " (%.*s)" : g->layer >= 0 ? ": %.*s" : "%.*s", PL_FMT(detail));
}

/* Gaps of one reason, as one entry: "/srv/a.7z, /srv/b.zip and 12 more". */
static void gap_group(struct pl_table *t, const struct pl_gap *const *gaps, size_t n)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    size_t shown = t->opts->verbose || n <= GAP_ITEMS + 1 ? n : GAP_ITEMS;
    bool same = n > 1;
    for (size_t i = 1; i < n; i++)
        same = same && pl_span_eq(gaps[i]->detail, gaps[0]->detail);
    same = same && (gaps[0]->path.len || gaps[0]->layer >= 0);
    const char *gap = "";
    for (size_t i = 0; i < shown; i++) {
        /* Two classes may have the same gap: once is enough for a person. */
        if (i && gaps[i]->layer < 0 && !gaps[i]->path.len &&
            pl_span_eq(gaps[i]->detail, gaps[i - 1]->detail))
            continue;
        pl_buf_printf(&b, "%s", gap);
        size_t before = b.len;
        say_gap(t, gaps[i], !same, &b);
        gap = b.len > before ? "; " : "";
    }
    if (shown < n)
        pl_buf_printf(&b, " and %zu more%s", n - shown, n > 20 ? ": --verbose" : "");
    if (same && gaps[0]->detail.len)
        pl_buf_printf(&b, " (%.*s)", PL_FMT(pl_table_text(t, gaps[0]->detail)));
    entry(t, reason_words(t, gaps[0]->reason), pl_buf_span(&b));
}

static void gap_groups(struct pl_table *t)
{
    const struct pl_report *r = t->report;
    const struct pl_gap **sorted = pl_arena_array(t->a, r->n_gaps + 1, sizeof(*sorted));
    if (!sorted)
        return;
    for (size_t i = 0; i < r->n_gaps; i++)
        sorted[i] = &r->gaps[i];
    if (r->n_gaps)
        qsort(sorted, r->n_gaps, sizeof(*sorted), by_reason);
    for (size_t i = 0, end; i < r->n_gaps; i = end) {
        for (end = i + 1; end < r->n_gaps && pl_span_eq(sorted[end]->reason, sorted[i]->reason);)
            end++;
        gap_group(t, sorted + i, end - i);
    }
}

/* Classes that nobody judged: said, so that nobody takes silence for an answer. */
static pl_span skipped_classes(struct pl_table *t)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span kept = { 0 };
    for (int c = 0; c < PL_N_CLASSES; c++)
        if (t->report->coverage[c].state == PL_COVERAGE_SKIPPED)
            pl_buf_printf(&b, "%s%s", b.len ? ", " : "", pl_class_text((enum pl_class)c));
    return pl_arena_copy(t->a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}

/* A class that was judged in part, or could not be, in its own words. */
static void doubtful_classes(struct pl_table *t)
{
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &t->report->coverage[c];
        if (k->state == PL_COVERAGE_ASSESSED || k->state == PL_COVERAGE_SKIPPED || !k->detail.len)
            continue;
        bool said = false; /* by a gap already */
        for (size_t i = 0; i < t->report->n_gaps; i++)
            said = said || pl_span_eq(t->report->gaps[i].detail, k->detail);
        if (!said)
            entry(t, pl_class_text((enum pl_class)c), pl_table_text(t, k->detail));
    }
}

void pl_table_unseen(struct pl_table *t)
{
    pl_span skipped = skipped_classes(t);
    bool doubt = false;
    for (int c = 0; c < PL_N_CLASSES; c++)
        doubt = doubt || (t->report->coverage[c].state != PL_COVERAGE_ASSESSED &&
                          t->report->coverage[c].state != PL_COVERAGE_SKIPPED &&
                          t->report->coverage[c].detail.len);
    if (!t->report->n_gaps && !skipped.len && !doubt)
        return;
    pl_table_title(t, "NOT LOOKED AT");
    pl_page_line(&t->page);
    gap_groups(t);
    doubtful_classes(t);
    if (skipped.len)
        entry(t, "not judged", skipped);
}

/* ---- JUDGED BY ---- */

static void say_age(struct pl_table *t, pl_span date, struct pl_buf *b)
{
    pl_span age = pl_words_age(t->a, date, t->report->generated_at);
    if (age.len)
        pl_buf_printf(b, " of %.*s", PL_FMT(age));
    else if (date.len)
        pl_buf_printf(b, " of %.*s", PL_FMT(pl_table_text(t, date)));
    else
        pl_buf_printf(b, " of unknown date");
}

static void judges(struct pl_table *t, struct pl_buf *b)
{
    const struct pl_report *r = t->report;
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &r->coverage[c];
        if (k->state == PL_COVERAGE_SKIPPED || !k->by.len)
            continue;
        bool said = c > 0 && pl_span_eq(k->by, r->coverage[c - 1].by);
        if (said)
            continue;
        pl_buf_printf(b, "%s%.*s", b->len ? ", " : "", PL_FMT(pl_table_text(t, k->by)));
        say_age(t, k->as_of, b);
    }
    static const char *const ranks[][2] = { { "kev", "CISA KEV" },
                                            { "epss", "EPSS" },
                                            { "nvd", "NVD" } };
    for (size_t i = 0; i < PL_COUNT(ranks); i++)
        for (size_t f = 0; f < r->database.n_feeds; f++)
            if (pl_span_eq(r->database.feeds[f].name, pl_span_str(ranks[i][0]))) {
                pl_buf_printf(b, "%s%s", b->len ? ", " : "", ranks[i][1]);
                say_age(t, r->database.feeds[f].published_at, b);
            }
    if (!b->len)
        pl_buf_printf(b, r->database.digest.len || r->database.built_at.len
                             ? "nobody: the database has no feed that speaks of this image"
                             : "nobody: no advisory database was used");
}

static void database(struct pl_table *t)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const struct pl_database_info *db = &t->report->database;
    uint64_t records = 0;
    for (size_t i = 0; i < db->n_feeds; i++)
        records += db->feeds[i].records;
    if (!db->digest.len && !db->built_at.len)
        return;
    pl_buf_printf(&b, "%" PRIu64 " records", records);
    pl_span age = pl_words_age(t->a, db->built_at, t->report->generated_at);
    if (age.len)
        pl_buf_printf(&b, ", built %.*s", PL_FMT(age));
    if (db->shipped)
        pl_buf_printf(&b, "; the one that ships with plimsoll");
    entry(t, "database", pl_table_text(t, pl_buf_span(&b)));
}

static void all_feeds(struct pl_table *t)
{
    for (size_t i = 0; i < t->report->database.n_feeds; i++) {
        PL_AUTO(buf) struct pl_buf b = { 0 };
        const struct pl_feed_info *f = &t->report->database.feeds[i];
        pl_buf_printf(&b, "%.*s: %" PRIu64 " records", PL_FMT(f->name), f->records);
        say_age(t, f->published_at, &b);
        entry(t, i ? "" : "feeds", pl_table_text(t, pl_buf_span(&b)));
    }
}

void pl_table_judges(struct pl_table *t)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    judges(t, &b);
    pl_table_title(t, "JUDGED BY");
    pl_page_line(&t->page);
    entry(t, "advisories", pl_buf_span(&b));
    database(t);
    if (t->opts->verbose)
        all_feeds(t);
}
