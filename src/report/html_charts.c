#include <math.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/words.h"

/* ---- tiles: a number for each severity, which also filter ---- */

void pl_html_tiles(struct pl_html *h)
{
    struct pl_html_counts c = pl_html_count(h->r, -1);
    pl_html_raw(h, "<div class=\"tiles\">");
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--) {
        if (!c.by[s] && s == PL_SEVERITY_UNKNOWN)
            continue;
        fprintf(h->out,
                "<button type=\"button\" class=\"tile t%d\" data-s=\"%d\" aria-pressed=\"false\">"
                "<b>%zu</b>",
                s, s, c.by[s]);
        pl_html_word(h, "span", NULL, pl_html_severity((enum pl_severity)s));
        pl_html_raw(h, "</button>");
    }
    pl_html_raw(h, "</div>\n");
}

/* ---- rings ---- */

enum { RADIUS = 46 };
static const double circle = 2 * M_PI * RADIUS;

static void ring_begin(struct pl_html *h, const char *title)
{
    fprintf(h->out,
            "<svg class=\"round\" viewBox=\"0 0 120 120\" role=\"img\" aria-label=\"%s\" "
            "data-t-aria-label=\"%s\"><circle class=\"ring back\" cx=\"60\" cy=\"60\" r=\"%d\"/>",
            title, title, RADIUS);
}

/* from and length are parts of the whole. */
static void arc(struct pl_html *h, const char *class_name, double from, double length)
{
    fprintf(
        h->out,
        "<circle class=\"ring %s\" cx=\"60\" cy=\"60\" r=\"%d\" transform=\"rotate(-90 60 60)\" "
        "stroke-dasharray=\"%.2f %.2f\" stroke-dashoffset=\"%.2f\"/>",
        class_name, RADIUS, length * circle, circle - length * circle, -from * circle);
}

static void severity_ring(struct pl_html *h, const struct pl_html_counts *c)
{
    double from = 0;
    pl_html_raw(h, "<div class=\"card\">");
    pl_html_word(h, "h3", NULL, "By severity");
    ring_begin(h, "By severity");
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN && c->total; s--) {
        char name[8];
        double part = (double)c->by[s] / (double)c->total;
        snprintf(name, sizeof(name), "r%d", s);
        if (c->by[s])
            arc(h, name, from, part);
        from += part;
    }
    fprintf(h->out, "<text class=\"big\" x=\"60\" y=\"67\">%zu</text></svg><p>%zu ", c->total,
            c->total);
    pl_html_word(h, "span", NULL, "findings");
    pl_html_raw(h, "</p></div>\n");
}

static void fix_ring(struct pl_html *h, const struct pl_html_counts *c)
{
    double part = c->total ? (double)c->fixable / (double)c->total : 0;
    pl_html_raw(h, "<div class=\"card\">");
    pl_html_word(h, "h3", NULL, "Mended by an upgrade");
    ring_begin(h, "Mended by an upgrade");
    if (c->fixable)
        arc(h, "good", 0, part);
    fprintf(h->out, "<text class=\"big\" x=\"60\" y=\"67\">%.0f %%</text></svg><p>%zu / %zu ",
            floor(part * 100), c->fixable, c->total);
    pl_html_word(h, "span", NULL, "have a fix");
    pl_html_raw(h, "</p></div>\n");
}

/* ---- columns by layer ---- */

enum { WIDE = 480, HIGH = 150, FOOT = 18, MOST_COLUMNS = 24 };

struct column {
    int64_t layer;
    struct pl_html_counts c;
};

static int by_total(const void *x, const void *y)
{
    const struct column *a = x, *b = y;
    if (a->c.total != b->c.total)
        return a->c.total > b->c.total ? -1 : 1;
    return (a->layer > b->layer) - (a->layer < b->layer);
}

static int by_layer(const void *x, const void *y)
{
    const struct column *a = x, *b = y;
    return (a->layer > b->layer) - (a->layer < b->layer);
}

/* All layers in one walk: an image of 10,000 layers with 100,000 findings is one, too. */
static struct column *count_layers(struct pl_html *h, size_t *n)
{
    size_t layers = pl_doc_image(h->r)->n_layers;
    struct column *columns = pl_arena_array(h->a, layers + 1, sizeof(*columns));
    *n = columns ? layers : 0;
    for (size_t i = 0; i < *n; i++)
        columns[i].layer = (int64_t)i;
    for (size_t i = 0; columns && i < h->r->n_findings; i++) {
        const struct pl_finding *f = &h->r->findings[i];
        if (f->suppressed_by.len || f->layer < 0 || (size_t)f->layer >= layers)
            continue;
        columns[f->layer].c.by[f->severity]++;
        columns[f->layer].c.total++;
    }
    return columns;
}

static void stack(struct pl_html *h, const struct column *k, double x, double width, double unit)
{
    double y = HIGH - FOOT;
    for (int s = PL_SEVERITY_UNKNOWN; s <= PL_SEVERITY_CRITICAL; s++) {
        double high = (double)k->c.by[s] * unit;
        if (!k->c.by[s])
            continue;
        y -= high;
        fprintf(h->out,
                "<rect class=\"f%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", s, x,
                y, width, high);
    }
    fprintf(h->out,
            "<text class=\"small\" x=\"%.1f\" y=\"%.1f\">%zu</text>"
            "<text class=\"small\" x=\"%.1f\" y=\"%d\">%lld</text>",
            x + width / 2, y - 3, k->c.total, x + width / 2, HIGH - 5, (long long)k->layer);
}

static void layer_columns(struct pl_html *h)
{
    size_t n, shown = 0, most = 1;
    struct column *all = count_layers(h, &n);
    pl_html_raw(h, "<div class=\"card\">");
    pl_html_word(h, "h3", NULL, "By layer");
    if (n)
        qsort(all, n, sizeof(*all), by_total);
    while (shown < n && shown < MOST_COLUMNS && all[shown].c.total)
        shown++;
    if (shown) {
        most = all[0].c.total;
        qsort(all, shown, sizeof(*all), by_layer);
    }
    fprintf(h->out,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"By layer\" "
            "data-t-aria-label=\"By layer\"><line class=\"axis\" x1=\"0\" y1=\"%d\" x2=\"%d\" "
            "y2=\"%d\"/>",
            WIDE, HIGH, HIGH - FOOT, WIDE, HIGH - FOOT);
    double step = shown ? (double)WIDE / (double)shown : WIDE;
    double width = step * 0.6 > 46 ? 46 : step * 0.6;
    for (size_t i = 0; i < shown; i++)
        stack(h, &all[i], step * (double)i + (step - width) / 2, width,
              (double)(HIGH - FOOT - 16) / (double)most);
    pl_html_raw(h, "</svg></div>\n");
}

void pl_html_charts(struct pl_html *h)
{
    struct pl_html_counts c = pl_html_count(h->r, -1);
    if (!c.total)
        return;
    pl_html_raw(h, "<section class=\"charts\">\n");
    severity_ring(h, &c);
    fix_ring(h, &c);
    layer_columns(h);
    pl_html_raw(h, "</section>\n");
}

/* ---- the layers ---- */

static void strip(struct pl_html *h, const struct pl_html_counts *c)
{
    double x = 0;
    pl_html_raw(h, "<svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--) {
        double wide = 100.0 * (double)c->by[s] / (double)c->total;
        if (c->by[s])
            fprintf(h->out, "<rect class=\"f%d\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"8\"/>",
                    s, x, wide);
        x += wide;
    }
    pl_html_raw(h, "</svg>");
}

static void layer_findings(struct pl_html *h, const struct column *k)
{
    if (!k->c.total) {
        pl_html_raw(h, "<span></span>");
        return;
    }
    fprintf(h->out, "<button type=\"button\" data-l=\"%lld\">%zu ", (long long)k->layer,
            k->c.total);
    pl_html_word(h, "span", NULL, "findings");
    strip(h, &k->c);
    pl_html_raw(h, "</button>");
}

static void layer(struct pl_html *h, const struct pl_layer *l, const struct column *k,
                  size_t n_packages)
{
    fprintf(h->out, "<li%s><span class=\"no\">%u</span><span>", l->empty ? " class=\"empty\"" : "",
            l->index);
    pl_span command = pl_words_command(h->a, l->created_by);
    pl_html_raw(h, "<code>");
    pl_html_text(h, command.len ? command : PL_LIT("-"));
    pl_html_raw(h, "</code>");
    if (pl_digest_set(&l->digest)) {
        pl_html_raw(h, "<br><small class=\"base mono\">");
        pl_html_text(h, pl_digest_span(&l->digest));
        pl_html_raw(h, "</small>");
    }
    pl_html_raw(h, "</span><span class=\"size\">");
    if (l->empty) {
        pl_html_word(h, "span", NULL, "history only");
    } else {
        pl_html_text(h, l->size ? pl_words_size(h->a, l->size) : PL_LIT("-"));
        if (n_packages) {
            fprintf(h->out, "<br>%zu ", n_packages);
            pl_html_word(h, "span", NULL, "packages");
        }
    }
    pl_html_raw(h, "</span>");
    layer_findings(h, k);
    pl_html_raw(h, "</li>\n");
}

void pl_html_layers(struct pl_html *h)
{
    const struct pl_image *i = pl_doc_image(h->r);
    size_t n;
    const struct column *counts = count_layers(h, &n);
    size_t *packages = pl_arena_array(h->a, n + 1, sizeof(*packages));
    for (size_t k = 0; packages && k < h->r->inventory.n_packages; k++)
        if (h->r->inventory.packages[k].layer < n)
            packages[h->r->inventory.packages[k].layer]++;
    pl_html_raw(h, "<section class=\"card\">");
    pl_html_word(h, "h2", NULL, "Layers");
    pl_html_raw(h, "<ol class=\"layers\">\n");
    for (size_t k = 0; k < n; k++)
        layer(h, &i->layers[k], &counts[k], packages ? packages[k] : 0);
    pl_html_raw(h, "</ol></section>\n");
}
