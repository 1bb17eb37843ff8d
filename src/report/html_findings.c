#include <stdlib.h>

#include "model/purl.h"
#include "report/html.h"

enum { FIRST_GROUPS = 5, LEAD_IDS = 6, MOST_DESCRIPTION = 3000, MOST_LINKS = 30 };

static const char *unfixed(enum pl_status s)
{
    switch (s) {
    case PL_STATUS_WILL_NOT_FIX: return "will not be fixed";
    case PL_STATUS_FIX_DEFERRED: return "fix put off";
    case PL_STATUS_END_OF_LIFE: return "no longer maintained";
    case PL_STATUS_UNDER_INVESTIGATION: return "still being looked into";
    default: return "no fix yet";
    }
}

static void severity(struct pl_html *h, const char *tag, enum pl_severity s)
{
    char name[16];
    snprintf(name, sizeof(name), "sev c%d", s);
    pl_html_word(h, tag, name, pl_html_severity(s));
}

static void marks(struct pl_html *h, bool exploited, bool ransomware, bool suppressed)
{
    const char *const words[] = { exploited ? "exploited" : NULL,
                                  ransomware ? "ransomware" : NULL };
    for (size_t i = 0; i < PL_COUNT(words); i++)
        if (words[i]) {
            pl_html_raw(h, " ");
            pl_html_word(h, "span", "tag hot", words[i]);
        }
    if (suppressed) {
        pl_html_raw(h, " ");
        pl_html_word(h, "span", "tag cool", "suppressed");
    }
}

/* ---- do first ---- */

static void command(struct pl_html *h, pl_span text)
{
    pl_html_raw(h, "<div class=\"command\"><pre><code>");
    pl_html_text(h, text);
    pl_html_raw(h, "</code></pre><button type=\"button\" class=\"copy needs-script\" hidden "
                   "data-t>Copy</button></div>");
}

static void first_group(struct pl_html *h, const struct pl_group *g)
{
    size_t n = g->n_leads <= LEAD_IDS + 1 ? g->n_leads : LEAD_IDS;
    pl_html_raw(h, "<li><h3>");
    severity(h, "span", g->severity);
    pl_html_raw(h, " <span>");
    pl_html_text(h, g->name);
    pl_html_raw(h, "</span> <span class=\"soft\">");
    pl_html_text(h, g->version);
    pl_html_raw(h, "</span>");
    marks(h, g->known_exploited, false, false);
    pl_html_raw(h, "</h3><p>");
    for (size_t i = 0; i < n; i++) {
        pl_html_raw(h, i ? ", " : "");
        pl_html_text(h, g->leads[i]->id);
    }
    if (n < g->n_leads)
        fprintf(h->out, " + %zu", g->n_leads - n);
    pl_html_raw(h, "</p><p class=\"soft\">");
    if (g->fixed_version.len) {
        pl_html_word(h, "span", NULL, "Mended in");
        pl_html_raw(h, " <b>");
        pl_html_text(h, g->fixed_version);
        pl_html_raw(h, "</b>: ");
        pl_html_word(h, "span", NULL, "closes");
        fprintf(h->out, " %zu / %zu ", g->n_leads_fixed, g->n_leads);
        pl_html_word(h, "span", NULL, "vulnerabilities");
    } else {
        pl_html_word(h, "span", NULL, unfixed(g->status));
    }
    if (g->layer >= 0) {
        pl_html_raw(h, " &middot; ");
        pl_html_word(h, "span", NULL, "layer");
        fprintf(h->out, " %d", g->layer);
    }
    pl_html_raw(h, "</p>");
    if (g->command.len)
        command(h, g->command);
    pl_html_raw(h, "</li>\n");
}

static void do_first(struct pl_html *h)
{
    const struct pl_group *g = h->groups.items;
    size_t n = 0;
    while (n < h->groups.n && n < FIRST_GROUPS && g[n].priority == PL_PRIORITY_HIGH)
        n++;
    if (n == 0)
        while (n < h->groups.n && n < 3 && g[n].priority == PL_PRIORITY_MEDIUM && g[n].command.len)
            n++;
    if (n == 0)
        return;
    pl_html_raw(h, "<section class=\"card\">");
    pl_html_word(h, "h2", NULL, "Do first");
    pl_html_raw(h, "<ol class=\"first\">\n");
    for (size_t i = 0; i < n; i++)
        first_group(h, &g[i]);
    pl_html_raw(h, "</ol></section>\n");
}

/* ---- the filter ---- */

static void option(struct pl_html *h, int value, const char *word)
{
    fprintf(h->out, "<option value=\"%d\" data-t>%s</option>", value, word);
}

static void filters(struct pl_html *h)
{
    struct pl_html_counts c = pl_html_count(h->r, -1);
    size_t of[PL_N_CLASSES] = { 0 };
    for (size_t i = 0; i < h->r->n_findings; i++)
        of[h->r->findings[i].class_id]++;
    pl_html_raw(h, "<form class=\"filters needs-script\" role=\"search\" hidden>"
                   "<input type=\"search\" name=\"q\" placeholder=\"Search id, package, path\" "
                   "data-t-placeholder=\"Search id, package, path\" aria-label=\"Search id, "
                   "package, path\" data-t-aria-label=\"Search id, package, path\">"
                   "<select name=\"severity\" aria-label=\"Severity\" "
                   "data-t-aria-label=\"Severity\">"
                   "<option value=\"\" data-t>All severities</option>");
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        if (c.by[s])
            option(h, s, pl_html_severity((enum pl_severity)s));
    pl_html_raw(h, "</select><select name=\"class\" aria-label=\"Class\" "
                   "data-t-aria-label=\"Class\"><option value=\"\" data-t>All classes</option>");
    for (int k = 0; k < PL_N_CLASSES; k++)
        if (of[k])
            option(h, k, pl_class_text((enum pl_class)k));
    pl_html_raw(h, "</select><select name=\"layer\" aria-label=\"Layer\" "
                   "data-t-aria-label=\"Layer\"><option value=\"\" data-t>All layers</option>");
    for (size_t l = 0; l < pl_doc_image(h->r)->n_layers; l++)
        if (!pl_doc_image(h->r)->layers[l].empty)
            fprintf(h->out, "<option value=\"%zu\">%zu</option>", l, l);
    pl_html_raw(h, "</select><label><input type=\"checkbox\" name=\"fixable\"> ");
    pl_html_word(h, "span", NULL, "With a fix");
    pl_html_raw(h, "</label><label><input type=\"checkbox\" name=\"suppressed\"> ");
    pl_html_word(h, "span", NULL, "Show suppressed");
    pl_html_raw(h, "</label><output></output></form>\n");
}

/* ---- one finding ---- */

static void term(struct pl_html *h, const char *word, pl_span value)
{
    if (!value.len)
        return;
    pl_html_word(h, "dt", NULL, word);
    pl_html_raw(h, "<dd>");
    pl_html_text(h, value);
    pl_html_raw(h, "</dd>");
}

static void list_term(struct pl_html *h, const char *word, const pl_span *values, size_t n)
{
    if (!n)
        return;
    pl_html_word(h, "dt", NULL, word);
    pl_html_raw(h, "<dd>");
    for (size_t i = 0; i < n; i++) {
        pl_html_raw(h, i ? ", " : "");
        pl_html_text(h, values[i]);
    }
    pl_html_raw(h, "</dd>");
}

/* Only links of the web become links; the rest is shown as it is. */
static void link_term(struct pl_html *h, const struct pl_finding *f)
{
    pl_span page = pl_doc_link(f, h->a);
    size_t n = f->n_references < MOST_LINKS ? f->n_references : MOST_LINKS;
    if (!n && !page.len)
        return;
    pl_html_word(h, "dt", NULL, "References");
    pl_html_raw(h, "<dd><ul>");
    for (size_t i = 0; i <= n; i++) {
        pl_span url = i == 0 ? page : f->references[i - 1];
        bool live = pl_doc_is_link(url);
        if (!url.len || (i && pl_span_eq(url, page)))
            continue;
        pl_html_raw(h, "<li>");
        if (live) {
            pl_html_raw(h, "<a rel=\"noreferrer noopener\" target=\"_blank\"");
            pl_html_attribute(h, "href", url);
            pl_html_raw(h, ">");
        }
        pl_html_text(h, url);
        pl_html_raw(h, live ? "</a></li>" : "</li>");
    }
    pl_html_raw(h, "</ul></dd>");
}

static void cvss_term(struct pl_html *h, const struct pl_finding *f)
{
    for (size_t i = 0; i < f->n_cvss; i++) {
        const struct pl_cvss *c = &f->cvss[i];
        char score[16] = "";
        if (c->score >= 0)
            snprintf(score, sizeof(score), "%.1f", c->score);
        if (c->vector.len || *score)
            term(h, "CVSS",
                 pl_span_str(pl_arena_printf(h->a, "%s %.*s %.*s", score, PL_FMT(c->vector),
                                             PL_FMT(c->source))));
    }
}

static void layer_term(struct pl_html *h, const struct pl_finding *f)
{
    const struct pl_layer *l = pl_doc_layer(h->r, f->layer);
    if (l)
        term(h, "Layer",
             pl_span_str(pl_arena_printf(h->a, "%u  %.*s", l->index, PL_FMT(l->created_by))));
    if (f->removed_in_layer >= 0)
        term(h, "Removed in layer", pl_span_str(pl_arena_printf(h->a, "%d", f->removed_in_layer)));
}

static void package_terms(struct pl_html *h, const struct pl_finding *f)
{
    PL_AUTO(buf) struct pl_buf purl = { 0 };
    const struct pl_package *p = pl_doc_package(h->r, f);
    if (!p)
        return;
    pl_purl(p, &h->r->inventory.os, &purl);
    term(h, "Package URL", pl_buf_span(&purl));
    if (p->source_name.len)
        term(h, "Source",
             pl_span_str(
                 pl_arena_printf(h->a, "%.*s %.*s", PL_FMT(p->source_name),
                                 PL_FMT(p->source_version.len ? p->source_version : p->version))));
    term(h, "Owner", p->owner);
}

static void detail(struct pl_html *h, const struct pl_finding *f)
{
    pl_html_raw(h, "<tr class=\"detail\"><td colspan=\"6\">");
    pl_html_raw(h, "<h4>");
    pl_html_text(h, pl_doc_title(f));
    pl_html_raw(h, "</h4>");
    if (f->description.len && f->title.len) {
        pl_html_raw(h, "<p>");
        pl_html_text(h, pl_doc_cut(f->description, MOST_DESCRIPTION, h->a));
        pl_html_raw(h, "</p>");
    }
    if (f->fix.command.len)
        command(h, f->fix.command);
    pl_html_raw(h, "<dl>");
    term(h, "Fix", f->fix.description);
    term(h, "Caution", f->fix.caution);
    term(h, "Why first", f->priority_reason);
    term(h, "Cause", f->cause);
    term(h, "Rated by", f->severity_source);
    cvss_term(h, f);
    if (f->epss >= 0)
        term(h, "EPSS", pl_span_str(pl_arena_printf(h->a, "%.2f %%", f->epss * 100)));
    list_term(h, "Aliases", f->aliases, f->n_aliases);
    list_term(h, "Weakness", f->cwes, f->n_cwes);
    term(h, "Published", f->published);
    term(h, "Path", pl_doc_path(h->r, f));
    if (f->line)
        term(h, "Line", pl_span_str(pl_arena_printf(h->a, "%u", f->line)));
    term(h, "Match", f->match);
    layer_term(h, f);
    package_terms(h, f);
    term(h, "Note", f->note);
    term(h, "Suppressed by", f->suppressed_by);
    term(h, "Reason", f->suppressed_reason);
    link_term(h, f);
    pl_html_raw(h, "</dl></td></tr>");
}

static void outcome(struct pl_html *h, const struct pl_finding *f)
{
    if (f->fixed_version.len)
        pl_html_text(h, f->fixed_version);
    else if (pl_doc_is_vuln(f))
        pl_html_word(h, "span", "soft", unfixed(f->status));
}

static void finding(struct pl_html *h, const struct pl_finding *f)
{
    const struct pl_package *p = pl_doc_package(h->r, f);
    bool fixable = f->fixed_version.len > 0 || f->fix.command.len > 0;
    fprintf(h->out, "<tbody class=\"f%s\" data-s=\"%d\" data-c=\"%d\" data-x=\"%d\" data-p=\"%d\"",
            f->suppressed_by.len ? " quiet" : "", f->severity, f->class_id, fixable, f->priority);
    fprintf(h->out, " data-u=\"%d\"", f->suppressed_by.len > 0);
    if (f->layer >= 0)
        fprintf(h->out, " data-l=\"%d\"", f->layer);
    pl_html_attribute(h, "data-i", f->id);
    pl_html_attribute(h, "data-n", p ? p->name : f->path);
    pl_html_raw(h, "><tr>");
    severity(h, "td", f->severity);
    pl_html_raw(h, "<td><button type=\"button\" class=\"more\" aria-expanded=\"false\">");
    pl_html_text(h, f->id);
    pl_html_raw(h, "</button>");
    marks(h, f->known_exploited, f->ransomware, f->suppressed_by.len > 0);
    pl_html_raw(h, "</td><td class=\"v\">");
    pl_html_text(h, p ? p->name : pl_doc_path(h->r, f));
    pl_html_raw(h, " <small>");
    pl_html_text(h, f->installed_version);
    pl_html_raw(h, "</small></td><td class=\"v\">");
    outcome(h, f);
    pl_html_raw(h, "</td><td>");
    if (f->layer >= 0)
        fprintf(h->out, "%d", f->layer);
    pl_html_raw(h, "</td>");
    fprintf(h->out, "<td data-t=\"priority:\">%s</td></tr>\n", pl_priority_text(f->priority));
    detail(h, f);
    pl_html_raw(h, "</tbody>\n");
}

static void heading(struct pl_html *h, const char *key, const char *word)
{
    fprintf(h->out,
            "<th scope=\"col\" data-sort=\"%s\"><button type=\"button\" data-t>%s</button></th>",
            key, word);
}

static int worst_first(const void *x, const void *y)
{
    const struct pl_finding *a = *(const struct pl_finding *const *)x;
    const struct pl_finding *b = *(const struct pl_finding *const *)y;
    if (!a->suppressed_by.len != !b->suppressed_by.len)
        return a->suppressed_by.len ? 1 : -1;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return (a > b) - (a < b);
}

static void table(struct pl_html *h)
{
    size_t n = h->r->n_findings;
    const struct pl_finding **sorted = pl_arena_array(h->a, n + 1, sizeof(struct pl_finding *));
    pl_html_raw(h, "<div class=\"scroll\"><table>");
    pl_html_word(h, "caption", NULL, "Findings");
    pl_html_raw(h, "<thead><tr>");
    heading(h, "s", "Severity");
    heading(h, "i", "Vulnerability");
    heading(h, "n", "Package");
    pl_html_raw(h, "<th scope=\"col\" data-t>Mended in</th>");
    heading(h, "l", "Layer");
    heading(h, "p", "Priority");
    pl_html_raw(h, "</tr></thead>\n");
    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = &h->r->findings[i];
    if (sorted && n)
        qsort(sorted, n, sizeof(struct pl_finding *), worst_first);
    for (size_t i = 0; sorted && i < n; i++)
        finding(h, sorted[i]);
    pl_html_raw(h, "</table></div>");
}

void pl_html_findings(struct pl_html *h)
{
    do_first(h);
    fprintf(h->out, "<section class=\"card findings\" id=\"findings-%zu\">", h->index);
    pl_html_word(h, "h2", NULL, "Findings");
    if (h->r->n_findings) {
        filters(h);
        table(h);
        pl_html_raw(h, "<p class=\"none nomatch\" data-t hidden>Nothing matches the filter.</p>");
    } else {
        pl_html_word(h, "p", "none", "No findings.");
    }
    if (h->r->n_filtered) {
        fprintf(h->out, "<p class=\"none\">%zu ", (size_t)h->r->n_filtered);
        pl_html_word(h, "span", NULL, "left out by");
        pl_html_raw(h, " ");
        pl_html_text(h, h->r->severity_filter);
        pl_html_raw(h, "</p>");
    }
    pl_html_raw(h, "</section>\n");
}
