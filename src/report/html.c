/* The report as one HTML page: no network, light and dark, English and Chinese, for the screen and
 * for paper.
 *
 * The page is complete without its script, which filters, sorts, folds and translates. A policy in
 * the head allows this style and this script by their digests and nothing else, so that even a
 * mistake in escaping could not run anything.
 * Spec: HTML living standard; CSP level 3; WCAG 2.2 AA. */
#include "report/html.h"

#include <inttypes.h>

#include "report/layout.h"
#include "report/words.h"

extern const char pl_embedded_page_css[], pl_embedded_page_js[];
static const char head_js[] = "document.documentElement.classList.add(\"js\")";

void pl_html_raw(struct pl_html *h, const char *markup) { fputs(markup, h->out); }

void pl_html_text(struct pl_html *h, pl_span raw)
{
    PL_AUTO(buf) struct pl_buf visible = { 0 };
    pl_layout_add(&visible, raw, true);
    h->text.len = 0;
    pl_markup_add(&h->text, pl_buf_span(&visible));
    if (h->text.len)
        fwrite(h->text.ptr, 1, h->text.len, h->out);
}

void pl_html_attribute(struct pl_html *h, const char *name, pl_span value)
{
    fprintf(h->out, " %s=\"", name);
    pl_html_text(h, value);
    fputc('"', h->out);
}

void pl_html_word(struct pl_html *h, const char *tag, const char *class_name, const char *word)
{
    fprintf(h->out, "<%s data-t", tag);
    if (class_name)
        fprintf(h->out, " class=\"%s\"", class_name);
    fprintf(h->out, ">%s</%s>", word, tag);
}

const char *pl_html_severity(enum pl_severity s)
{
    return s == PL_SEVERITY_UNKNOWN ? "not rated" : pl_severity_text(s);
}

struct pl_html_counts pl_html_count(const struct pl_report *r, int64_t layer)
{
    struct pl_html_counts c = { 0 };
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        if (f->suppressed_by.len || (layer >= 0 && f->layer != layer))
            continue;
        c.by[f->severity]++;
        c.total++;
        c.fixable += f->fixed_version.len > 0 || f->fix.command.len > 0;
    }
    return c;
}

/* ---- the head ---- */

static void base64(const unsigned char *in, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)in[i] << 16 | (unsigned)(i + 1 < n ? in[i + 1] : 0) << 8 |
                     (unsigned)(i + 2 < n ? in[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            *out++ = (char)(i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
    *out = '\0';
}

/* 'sha256-...' of a style or script, as the policy wants it. */
static void put_digest(FILE *out, const char *text)
{
    pl_digest d;
    unsigned char raw[32];
    char said[48];
    pl_sha256(pl_span_str(text), &d);
    pl_span hex = pl_digest_hex(&d);
    for (size_t i = 0; i < sizeof(raw); i++) {
        unsigned v = 0;
        for (size_t k = 0; k < 2; k++) {
            char c = hex.ptr[2 * i + k];
            v = v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        raw[i] = (unsigned char)v;
    }
    base64(raw, sizeof(raw), said);
    fprintf(out, "'sha256-%s'", said);
}

static void head(struct pl_html *h, size_t n)
{
    FILE *out = h->out;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ",
          out);
    put_digest(out, pl_embedded_page_css);
    fputs("; script-src ", out);
    put_digest(out, head_js);
    fputc(' ', out);
    put_digest(out, pl_embedded_page_js);
    fputs("; base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n"
          "<meta name=\"generator\" content=\"plimsoll " PL_VERSION "\">\n<title>",
          out);
    pl_html_text(h, n ? pl_doc_image(h->r)->reference : PL_SPAN_NONE);
    fprintf(out, "%s - Plimsoll</title>\n<style>%s</style>\n<script>%s</script>\n</head>\n<body>\n",
            n > 1 ? ", ..." : "", pl_embedded_page_css, head_js);
}

static void bar(struct pl_html *h)
{
    pl_html_raw(h, "<a class=\"skip\" href=\"#findings-0\" data-t>Skip to findings</a>\n"
                   "<div class=\"bar\" role=\"banner\"><svg class=\"mark\" viewBox=\"0 0 32 32\" "
                   "aria-hidden=\"true\"><circle cx=\"16\" cy=\"16\" r=\"9\"/>"
                   "<path d=\"M2 16h28\"/></svg><strong>Plimsoll</strong> ");
    pl_html_word(h, "span", "when", "Image report");
    pl_html_raw(h, " <span class=\"when\">");
    pl_html_text(h, h->r->generated_at);
    pl_html_raw(h, "</span><span class=\"room\"></span><button id=\"language\" type=\"button\" "
                   "hidden data-t-title=\"Language\">中文</button></div>\n<main>\n");
}

static void contents(struct pl_html *h, const struct pl_report *const *reports, size_t n)
{
    if (n < 2)
        return;
    pl_html_raw(h, "<nav aria-label=\"Images\" data-t-aria-label=\"Images\"><ul class=\"images\">");
    for (size_t i = 0; i < n; i++) {
        fprintf(h->out, "<li><a href=\"#image-%zu\">", i);
        pl_html_text(h, pl_doc_image(reports[i])->reference);
        pl_html_raw(h, "</a></li>");
    }
    pl_html_raw(h, "</ul></nav>\n");
}

/* ---- what was scanned ---- */

static void fact(struct pl_html *h, const char *class_name, pl_span value)
{
    if (!value.len)
        return;
    fprintf(h->out, "<li%s>", class_name);
    pl_html_text(h, value);
    pl_html_raw(h, "</li>");
}

static void count_fact(struct pl_html *h, uint64_t n, const char *what)
{
    fprintf(h->out, "<li>%" PRIu64 " ", n);
    pl_html_word(h, "span", NULL, what);
    pl_html_raw(h, "</li>");
}

static void facts(struct pl_html *h)
{
    const struct pl_image *i = pl_doc_image(h->r);
    const struct pl_release *release = h->r->inventory.os.release;
    uint64_t n = 0;
    for (size_t k = 0; k < i->n_layers; k++)
        n += !i->layers[k].empty;
    pl_html_raw(h, "<header><h1>");
    pl_html_text(h, i->reference.len ? i->reference : PL_LIT("-"));
    pl_html_raw(h, "</h1>\n<ul class=\"facts\">");
    fact(h, "", pl_doc_os(h->r, h->a));
    if (release && release->end_of_life) {
        pl_html_raw(h, "<li>");
        pl_html_word(h, "span", NULL, "end of life");
        pl_html_raw(h, " ");
        pl_html_text(h, pl_span_str(release->end_of_life));
        pl_html_raw(h, "</li>");
    }
    fact(h, "", pl_doc_platform(i, h->a));
    count_fact(h, n, "layers");
    fact(h, "", i->size ? pl_words_size(h->a, i->size) : PL_SPAN_NONE);
    count_fact(h, h->r->inventory.n_packages, "packages");
    fact(h, " class=\"mono\"",
         pl_digest_set(&i->digest) ? pl_digest_span(&i->digest) : pl_digest_span(&i->image_id));
    if (i->base_name.len) {
        pl_html_raw(h, "<li>");
        pl_html_word(h, "span", NULL, "Base image");
        pl_html_raw(h, " ");
        pl_html_text(h, i->base_name);
        pl_html_raw(h, "</li>");
    }
    pl_html_raw(h, "</ul></header>\n");
}

/* ---- what was not looked at, and who judged ---- */

static void gaps(struct pl_html *h)
{
    const struct pl_report *r = h->r;
    pl_html_raw(h, "<section class=\"card\">");
    pl_html_word(h, "h2", NULL, "Not looked at");
    if (!r->n_gaps && pl_words_whole(r))
        pl_html_word(h, "p", "none", "Everything that was asked for was looked at.");
    if (r->n_gaps)
        pl_html_raw(h, "<ul class=\"gaps\">");
    for (size_t i = 0; i < r->n_gaps; i++) {
        const struct pl_gap *g = &r->gaps[i];
        pl_html_raw(h, "<li>");
        if (g->path.len) {
            pl_html_raw(h, "<code>");
            pl_html_text(h, g->path);
            pl_html_raw(h, "</code> ");
        }
        if (g->layer >= 0) {
            pl_html_raw(h, "(");
            pl_html_word(h, "span", NULL, "layer");
            fprintf(h->out, " %d) ", g->layer);
        }
        pl_html_text(h, g->reason);
        if (g->detail.len) {
            pl_html_raw(h, ": ");
            pl_html_text(h, g->detail);
        }
        pl_html_raw(h, "</li>\n");
    }
    if (r->n_gaps)
        pl_html_raw(h, "</ul>");
    pl_html_raw(h, "</section>\n");
}

static void cell(struct pl_html *h, pl_span text)
{
    pl_html_raw(h, "<td>");
    pl_html_text(h, text);
    pl_html_raw(h, "</td>");
}

static void headings(struct pl_html *h, const char *const *words, size_t n, const char *caption)
{
    pl_html_raw(h, "<div class=\"scroll\"><table>");
    pl_html_word(h, "caption", NULL, caption);
    pl_html_raw(h, "<thead><tr>");
    for (size_t i = 0; i < n; i++)
        fprintf(h->out, "<th scope=\"col\" data-t>%s</th>", words[i]);
    pl_html_raw(h, "</tr></thead><tbody>\n");
}

static void coverage(struct pl_html *h)
{
    static const char *const words[] = { "Class", "State", "By", "As of", "Detail" };
    pl_html_raw(h, "<section class=\"card\">");
    pl_html_word(h, "h2", NULL, "Coverage");
    headings(h, words, PL_COUNT(words), "Coverage");
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &h->r->coverage[c];
        pl_html_raw(h, k->state == PL_COVERAGE_SKIPPED ? "<tr class=\"quiet\">" : "<tr>");
        pl_html_word(h, "td", NULL, pl_class_text((enum pl_class)c));
        pl_html_word(h, "td", NULL, pl_coverage_text(k->state));
        cell(h, k->by);
        cell(h, k->as_of);
        cell(h, k->detail);
        pl_html_raw(h, "</tr>\n");
    }
    pl_html_raw(h, "</tbody></table></div></section>\n");
}

static void judges(struct pl_html *h)
{
    static const char *const words[] = { "Feed", "Records", "Published" };
    const struct pl_database_info *d = &h->r->database;
    pl_html_raw(h, "<section class=\"card\">");
    pl_html_word(h, "h2", NULL, "Judged by");
    if (!d->digest.len && !d->built_at.len && !d->n_feeds)
        pl_html_word(h, "p", "none", "No advisory database was used.");
    if (d->built_at.len) {
        pl_html_raw(h, "<p class=\"none\">");
        pl_html_word(h, "span", NULL, "Database built");
        pl_html_raw(h, " ");
        pl_html_text(h, d->built_at);
        pl_html_raw(h, " <span class=\"mono\">");
        pl_html_text(h, d->digest);
        pl_html_raw(h, "</span></p>");
    }
    if (d->n_feeds) {
        headings(h, words, PL_COUNT(words), "Judged by");
        for (size_t i = 0; i < d->n_feeds; i++) {
            pl_html_raw(h, "<tr>");
            cell(h, d->feeds[i].name);
            fprintf(h->out, "<td>%" PRIu64 "</td>", d->feeds[i].records);
            cell(h, d->feeds[i].published_at);
            pl_html_raw(h, "</tr>\n");
        }
        pl_html_raw(h, "</tbody></table></div>");
    }
    pl_html_raw(h, "</section>\n");
}

static pl_rc article(struct pl_html *h, const struct pl_report *r, size_t index, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, SIZE_MAX / 2);
    /* cppcheck-suppress autoVariables ; for this article alone */
    h->a = &a;
    h->r = r;
    h->index = index;
    h->groups = (struct pl_groups){ 0 };
    if (!pl_groups_make(r, &a, &h->groups))
        return pl_fail(err, PL_ENOMEM, "HTML: out of memory");
    fprintf(h->out, "<article id=\"image-%zu\">\n", index);
    facts(h);
    pl_html_verdict(h);
    pl_html_tiles(h);
    pl_html_charts(h);
    pl_html_findings(h);
    pl_html_layers(h);
    gaps(h);
    coverage(h);
    judges(h);
    pl_html_raw(h, "</article>\n");
    return PL_OK;
}

static pl_rc write_html(const struct pl_report *const *reports, size_t n,
                        const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    static const struct pl_report none;
    struct pl_html h = { .out = out, .r = n ? reports[0] : &none };
    pl_rc rc = PL_OK;
    (void)o;
    head(&h, n);
    bar(&h);
    contents(&h, reports, n);
    for (size_t i = 0; i < n && !rc; i++)
        rc = article(&h, reports[i], i, err);
    fprintf(out, "</main>\n<footer>plimsoll %s</footer>\n<script>%s</script>\n</body>\n</html>\n",
            PL_VERSION, pl_embedded_page_js);
    pl_buf_done(&h.text);
    return rc;
}

const struct pl_format pl_format_html = {
    .name = "html",
    .what = "one page to open, send or print: charts, filter, layers",
    .spec = "HTML; no network, English and Chinese",
    .media_type = "text/html; charset=utf-8",
    .write = write_html,
};
