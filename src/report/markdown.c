/* Markdown for merge requests and tickets (GitHub's and GitLab's dialect): the verdict, counts, the
 * findings by source package, worst first, what was not looked at, who judged.
 *
 * Text from the image stands in code spans, whose fence is longer than any run of backticks in it:
 * there no mark-up, link, mention or HTML comes to life. Our own words need no escape.
 * Spec: CommonMark 0.31, code spans; GitHub Flavored Markdown, tables. */
#include <inttypes.h>

#include "report/document.h"
#include "report/groups.h"
#include "report/layout.h"
#include "report/words.h"

enum { MOST_GROUPS = 200, MOST_IDS = 6, MOST_GAPS = 100, MOST_CELL = 300 };

struct page {
    FILE *out;
    const struct pl_report *r;
    struct pl_arena *a;
    struct pl_groups groups;
    bool verbose;
};

/* A code span. In a table "|" ends a cell even there, so it is escaped, which tables undo. */
static void code(struct page *p, pl_span raw)
{
    pl_span text = pl_doc_cut(pl_layout_text(p->a, raw, true), MOST_CELL, p->a);
    size_t run = 0, longest = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = text.ptr[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    if (!text.len)
        return;
    for (size_t i = 0; i <= longest; i++)
        fputc('`', p->out);
    if (longest)
        fputc(' ', p->out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            fputc('\\', p->out);
        fputc(text.ptr[i], p->out);
    }
    if (longest)
        fputc(' ', p->out);
    for (size_t i = 0; i <= longest; i++)
        fputc('`', p->out);
}

/* A sentence that may hold words of the image: everything that means something becomes an entity,
 * and "@" and "#" are kept from what follows, so that nobody is notified. */
static void sentence(struct page *p, pl_span raw)
{
    pl_span text = pl_layout_text(p->a, raw, true);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '@' || c == '#')
            fprintf(p->out, "%c<!-- -->", c);
        else if (c && strchr("\\`*_{}[]<>|~&$!", c))
            fprintf(p->out, "&#%d;", c);
        else
            fputc(c, p->out);
    }
}

/* A link of the advisory's name; only where both are plain. */
static void id(struct page *p, const struct pl_finding *f)
{
    pl_span link = pl_doc_link(f, p->a);
    bool plain = link.len > 0 && pl_span_find(link, PL_LIT(")")) == SIZE_MAX;
    if (plain)
        fputc('[', p->out);
    code(p, f->id);
    if (plain)
        fprintf(p->out, "](<%.*s>)", PL_FMT(link));
    if (f->known_exploited)
        fputs(" **exploited**", p->out);
}

static void title(struct page *p)
{
    const struct pl_image *i = pl_doc_image(p->r);
    pl_span os = pl_doc_os(p->r, p->a), platform = pl_doc_platform(i, p->a);
    fputs("## ", p->out);
    code(p, i->reference);
    fputs("\n\n", p->out);
    sentence(p, pl_words_verdict(p->a, p->r, &p->groups));
    fputs("\n\n", p->out);
    if (os.len) {
        sentence(p, os);
        fputs(" · ", p->out);
    }
    if (platform.len) {
        code(p, platform);
        fputs(" · ", p->out);
    }
    if (pl_digest_set(&i->digest))
        fprintf(p->out, "`%s` · ", i->digest.text);
    fprintf(p->out, "%zu packages\n\n", p->r->inventory.n_packages);
}

static void counts(struct page *p)
{
    size_t by[PL_N_CLASSES][PL_SEVERITY_CRITICAL + 1] = { 0 }, of[PL_N_CLASSES] = { 0 };
    for (size_t i = 0; i < p->r->n_findings; i++) {
        const struct pl_finding *f = &p->r->findings[i];
        if (!f->suppressed_by.len)
            by[f->class_id][f->severity]++, of[f->class_id]++;
    }
    fputs("| class | critical | high | medium | low | negligible | unknown | coverage |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
          p->out);
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &p->r->coverage[c];
        if (!of[c] && k->state == PL_COVERAGE_SKIPPED)
            continue;
        fprintf(p->out, "| %s |", pl_class_text((enum pl_class)c));
        for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
            fprintf(p->out, " %zu |", by[c][s]);
        fprintf(p->out, " %s", pl_coverage_text(k->state));
        if (k->by.len) {
            fputs(", ", p->out);
            sentence(p, k->by);
        }
        fputs(" |\n", p->out);
    }
    fputc('\n', p->out);
}

static void group(struct page *p, const struct pl_group *g)
{
    const struct pl_layer *l = pl_doc_layer(p->r, g->layer);
    fprintf(p->out, "| %s | ", pl_severity_text(g->severity));
    code(p, pl_span_str(pl_arena_printf(p->a, "%.*s %.*s", PL_FMT(g->name), PL_FMT(g->version))));
    fputs(" | ", p->out);
    size_t n = p->verbose || g->n_leads <= MOST_IDS + 1 ? g->n_leads : MOST_IDS;
    for (size_t i = 0; i < n; i++) {
        if (i)
            fputs(", ", p->out);
        id(p, g->leads[i]);
    }
    if (n < g->n_leads)
        fprintf(p->out, " and %zu more", g->n_leads - n);
    fputs(" | ", p->out);
    if (g->fixed_version.len)
        code(p, g->fixed_version);
    else
        fputs(pl_status_text(g->status), p->out);
    fputs(" | ", p->out);
    if (l) {
        fprintf(p->out, "%d ", g->layer);
        code(p, pl_doc_cut(pl_words_command(p->a, l->created_by), 80, p->a));
    }
    fputs(" |\n", p->out);
}

static void findings(struct page *p)
{
    size_t n = p->verbose || p->groups.n <= MOST_GROUPS ? p->groups.n : MOST_GROUPS;
    if (!n)
        return;
    fputs("### Found\n\n| severity | package | what | mended in | layer |\n"
          "| --- | --- | --- | --- | --- |\n",
          p->out);
    for (size_t i = 0; i < n; i++)
        group(p, &p->groups.items[i]);
    if (n < p->groups.n)
        fprintf(p->out, "\nand %zu more packages: `--verbose` writes them.\n", p->groups.n - n);
    fputc('\n', p->out);
}

static void suppressed(struct page *p)
{
    bool any = false;
    for (size_t i = 0; i < p->r->n_findings; i++) {
        const struct pl_finding *f = &p->r->findings[i];
        if (!f->suppressed_by.len)
            continue;
        if (!any)
            fputs("### Suppressed\n\n| what | by | reason |\n| --- | --- | --- |\n", p->out);
        any = true;
        fputs("| ", p->out);
        id(p, f);
        fputs(" | ", p->out);
        code(p, f->suppressed_by);
        fputs(" | ", p->out);
        sentence(p, f->suppressed_reason);
        fputs(" |\n", p->out);
    }
    if (any)
        fputc('\n', p->out);
}

static void gaps(struct page *p)
{
    const struct pl_report *r = p->r;
    size_t n = p->verbose || r->n_gaps <= MOST_GAPS ? r->n_gaps : MOST_GAPS;
    if (!r->n_gaps)
        return;
    fputs("### Not looked at\n\n", p->out);
    for (size_t i = 0; i < n; i++) {
        const struct pl_gap *g = &r->gaps[i];
        fputs("- ", p->out);
        if (g->path.len) {
            code(p, g->path);
            fputs(": ", p->out);
        }
        if (g->layer >= 0)
            fprintf(p->out, "layer %d: ", g->layer);
        sentence(p, g->reason);
        if (g->detail.len) {
            fputs(", ", p->out);
            sentence(p, g->detail);
        }
        fputc('\n', p->out);
    }
    if (n < r->n_gaps)
        fprintf(p->out, "- and %zu more\n", r->n_gaps - n);
    fputc('\n', p->out);
}

static void judges(struct page *p)
{
    const struct pl_database_info *d = &p->r->database;
    fputs("Scanned by plimsoll " PL_VERSION, p->out);
    if (p->r->generated_at.len) {
        fputs(" at ", p->out);
        sentence(p, p->r->generated_at);
    }
    if (d->built_at.len) {
        fputs(", advisory database of ", p->out);
        sentence(p, d->built_at);
    }
    fputs(".\n", p->out);
}

static pl_rc one(const struct pl_report *r, const struct pl_format_opts *o, FILE *out,
                 struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct page p = { .out = out, .r = r, .a = &a, .verbose = o->verbose };
    pl_arena_init(&a, SIZE_MAX / 2);
    if (!pl_groups_make(r, &a, &p.groups))
        return pl_fail(err, PL_ENOMEM, "Markdown: out of memory");
    title(&p);
    counts(&p);
    findings(&p);
    suppressed(&p);
    gaps(&p);
    judges(&p);
    return PL_OK;
}

static pl_rc write_markdown(const struct pl_report *const *reports, size_t n,
                            const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            fputs("\n---\n\n", out);
        pl_rc rc = one(reports[i], o, out, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

const struct pl_format pl_format_markdown = {
    .name = "markdown",
    .what = "for merge requests and tickets",
    .spec = "GitHub Flavored Markdown",
    .media_type = "text/markdown; charset=utf-8",
    .write = write_markdown,
};
