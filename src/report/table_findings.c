#include <inttypes.h>

#include "base/buf.h"
#include "model/upgrade.h"
#include "report/table.h"
#include "report/words.h"

/* How much is shown before it is folded: what fits on one screen beside the rest. */
enum { FIRST_GROUPS = 5, REST_GROUPS = 20, LEAD_IDS = 3, COMMAND_LINES = 4 };

/* ---- signals ---- */

/* "CVE-2024-3094 (exploited by ransomware, EPSS 94 %)" */
static void say_lead(const struct pl_finding *f, struct pl_buf *b)
{
    pl_buf_add(b, f->id);
    const char *mark = " (";
    if (f->ransomware || f->known_exploited) {
        pl_buf_printf(b, "%s%s", mark, f->ransomware ? "exploited by ransomware" : "exploited");
        mark = ", ";
    }
    if (f->epss >= 0.01) {
        pl_buf_printf(b, "%sEPSS %.0f %%", mark, f->epss * 100);
        mark = ", ";
    }
    if (*mark == ',')
        pl_buf_char(b, ')');
}

static void say_leads(const struct pl_table *t, const struct pl_group *g, struct pl_buf *b)
{
    size_t n = t->opts->verbose || g->n_leads <= LEAD_IDS + 1 ? g->n_leads : LEAD_IDS;
    for (size_t i = 0; i < n; i++) {
        if (i)
            pl_buf_printf(b, ", ");
        say_lead(g->leads[i], b);
    }
    if (n < g->n_leads)
        pl_buf_printf(b, " and %zu more", g->n_leads - n);
}

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

static void say_outcome(const struct pl_group *g, struct pl_buf *b)
{
    if (!g->fixed_version.len) {
        pl_buf_printf(b, "%s", unfixed(g->status));
        return;
    }
    pl_buf_printf(b, "mended in %.*s", PL_FMT(g->fixed_version));
    if (g->n_leads == 1)
        return;
    if (g->n_leads_fixed == g->n_leads && g->n_leads == 2)
        pl_buf_printf(b, ", which closes both");
    else if (g->n_leads_fixed == g->n_leads)
        pl_buf_printf(b, ", which closes all %zu", g->n_leads);
    else
        pl_buf_printf(b, ", which closes %zu of %zu", g->n_leads_fixed, g->n_leads);
}

/* ---- DO FIRST ---- */

static pl_span name_text(struct pl_table *t, const struct pl_group *g)
{
    return pl_table_text(
        t, pl_span_str(pl_arena_printf(t->a, "%.*s %.*s", PL_FMT(g->name), PL_FMT(g->version))));
}

/* All of it came with the image that this one was built on. */
static bool in_base(const struct pl_group *g)
{
    for (size_t i = 0; i < g->n_leads; i++)
        if (g->leads[i]->in_base != PL_IN_BASE_YES)
            return false;
    return g->n_leads > 0 && !g->several_layers;
}

/* "2  RUN apt-get install nginx", or "2+ ..." where the packages came in several layers. */
static pl_span layer_text(struct pl_table *t, const struct pl_group *g)
{
    const struct pl_image *i = t->report->image;
    if (g->layer < 0)
        return PL_SPAN_NONE;
    pl_span by = i && (size_t)g->layer < i->n_layers
                     ? pl_words_command(t->a, i->layers[g->layer].created_by)
                     : PL_SPAN_NONE;
    by = pl_table_text(t, by);
    return pl_span_str(pl_arena_printf(t->a, "%d%s%s%s%.*s", g->layer, g->several_layers ? "+" : "",
                                       in_base(g) ? " (base)" : "", by.len ? "  " : "",
                                       PL_FMT(by)));
}

static void severity_word(struct pl_table *t, enum pl_severity s)
{
    pl_page_pad(&t->page, 2);
    pl_page_put(&t->page, pl_table_tone(s),
                pl_span_str(s == PL_SEVERITY_UNKNOWN ? "not rated" : pl_severity_text(s)));
    pl_page_pad(&t->page, PL_TABLE_TEXT);
}

static void paragraph(struct pl_table *t, enum pl_tone tone, const char *joint, unsigned hang,
                      pl_span escaped)
{
    if (escaped.len == 0)
        return;
    pl_page_pad(&t->page, PL_TABLE_TEXT);
    pl_page_wrap(&t->page, tone, PL_TABLE_TEXT + hang, joint, escaped);
    pl_page_line(&t->page);
}

/* "in libssl3, openssl": where the binary packages are not just called like their source. */
static void say_binaries(const struct pl_group *g, struct pl_buf *b)
{
    if (g->n_packages == 0 || (g->n_packages == 1 && pl_span_eq(g->packages[0]->name, g->name)))
        return;
    pl_buf_printf(b, "; in ");
    size_t shown = 0;
    for (size_t i = 0; i < g->n_packages && shown < 4; i++) {
        if (i && pl_span_eq(g->packages[i]->name, g->packages[i - 1]->name))
            continue;
        pl_buf_printf(b, "%s%.*s", shown ? ", " : "", PL_FMT(g->packages[i]->name));
        shown++;
    }
    if (shown < g->n_packages)
        pl_buf_printf(b, " and %zu more packages", g->n_packages - shown);
}

static void first_group(struct pl_table *t, const struct pl_group *g, unsigned layer_column,
                        bool with_caution)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    struct pl_page *p = &t->page;
    severity_word(t, g->severity);
    pl_page_put(
        p, PL_TONE_BOLD,
        pl_layout_middle(t->a, name_text(t, g), layer_column - PL_TABLE_TEXT - 3, p->unicode));
    pl_page_pad(p, layer_column);
    pl_page_put(p, PL_TONE_DIM,
                pl_layout_end(t->a, layer_text(t, g), p->columns - p->at, p->unicode));
    pl_page_line(p);
    say_leads(t, g, &b);
    paragraph(t, PL_TONE_PLAIN, "", 0, pl_table_text(t, pl_buf_span(&b)));
    b.len = 0;
    say_outcome(g, &b);
    say_binaries(g, &b);
    paragraph(t, PL_TONE_PLAIN, "", 0, pl_table_text(t, pl_buf_span(&b)));
    paragraph(t, PL_TONE_GOOD, " \\", 4, pl_table_text(t, g->command));
    if (with_caution && g->caution.len)
        paragraph(t, PL_TONE_MEDIUM, "", 8,
                  pl_table_text(
                      t, pl_span_str(pl_arena_printf(t->a, "Beware: %.*s", PL_FMT(g->caution)))));
}

/* How many groups stand under DO FIRST: those of high priority, else the first that have a fix. */
static size_t count_first(const struct pl_table *t)
{
    size_t n = 0, most = t->opts->verbose ? t->groups.n : FIRST_GROUPS;
    const struct pl_group *g = t->groups.items;
    while (n < t->groups.n && n < most && g[n].priority == PL_PRIORITY_HIGH)
        n++;
    if (n == 0)
        while (n < t->groups.n && n < 3 && g[n].priority == PL_PRIORITY_MEDIUM && g[n].command.len)
            n++;
    return n;
}

/* Another of the groups has the same caution: it is said once, below them all. */
static bool shared_caution(const struct pl_group *g, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        if (i != at && pl_span_eq(g[i].caution, g[at].caution))
            return g[at].caution.len > 0;
    return false;
}

static void shared_cautions(struct pl_table *t, const struct pl_group *g, size_t n)
{
    struct pl_page *p = &t->page;
    for (size_t i = 0; i < n; i++) {
        bool said = false;
        for (size_t k = 0; k < i; k++)
            said = said || pl_span_eq(g[k].caution, g[i].caution);
        if (said || !shared_caution(g, n, i))
            continue;
        pl_page_line(p);
        pl_page_pad(p, 2);
        pl_page_put(p, PL_TONE_MEDIUM, PL_LIT("Beware:"));
        pl_page_pad(p, 10);
        pl_page_wrap(p, PL_TONE_PLAIN, 10, "", pl_table_text(t, g[i].caution));
        pl_page_line(p);
    }
}

static void all_at_once(struct pl_table *t)
{
    const struct pl_groups *g = &t->groups;
    size_t with_command = 0, others = 0;
    for (size_t i = 0; i < g->n; i++) {
        with_command += g->items[i].class_id == PL_CLASS_OS_VULN && g->items[i].command.len;
        others += g->items[i].class_id == PL_CLASS_APP_VULN;
    }
    if (with_command < 2)
        return;
    pl_span command =
        pl_upgrade_command(&t->report->inventory.os, g->upgradable, g->n_upgradable, t->a);
    if (!command.len)
        return;
    pl_page_line(&t->page);
    pl_page_pad(&t->page, 2);
    pl_page_printf(&t->page, PL_TONE_BOLD,
                   others ? "All %zu of the distribution that have a fix, at once:"
                          : "All %zu that have a fix, at once:",
                   g->n_upgradable_findings);
    unsigned room = (t->page.columns - PL_TABLE_TEXT) * COMMAND_LINES;
    if (!t->opts->verbose && pl_layout_width(command) > room) {
        const char *said =
            pl_arena_printf(t->a, "one command of %zu names; --verbose prints it", g->n_upgradable);
        pl_page_wrap(&t->page, PL_TONE_PLAIN, PL_TABLE_TEXT, "", pl_span_str(said));
        pl_page_line(&t->page);
        return;
    }
    pl_page_line(&t->page);
    paragraph(t, PL_TONE_GOOD, " \\", 4, pl_table_text(t, command));
}

static unsigned widest_name(struct pl_table *t, const struct pl_group *g, size_t n, unsigned most)
{
    unsigned widest = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned w = pl_layout_width(name_text(t, &g[i]));
        widest = w > widest ? w : widest;
    }
    return widest < most ? widest : most;
}

static void do_first(struct pl_table *t, size_t n)
{
    struct pl_page *p = &t->page;
    const struct pl_group *g = t->groups.items;
    unsigned most = (p->columns - PL_TABLE_TEXT) * 3 / 5;
    unsigned layer_column = PL_TABLE_TEXT + 3 + widest_name(t, g, n, most);
    pl_table_title(t, "DO FIRST");
    pl_page_pad(p, layer_column);
    pl_page_put(p, PL_TONE_DIM, PL_LIT("layer"));
    pl_page_line(p);
    for (size_t i = 0; i < n; i++) {
        if (i)
            pl_page_line(p);
        first_group(t, &g[i], layer_column, !shared_caution(g, n, i));
    }
    all_at_once(t);
    shared_cautions(t, g, n);
}

/* ---- THE REST ---- */

struct columns {
    unsigned ids, outcome;
};

static pl_span ids_text(struct pl_table *t, const struct pl_group *g)
{
    const char *text =
        g->n_leads == 1 ? pl_arena_printf(t->a, "%.*s%s", PL_FMT(g->leads[0]->id),
                                          g->known_exploited ? " exploited" : "")
                        : pl_arena_printf(t->a, "%.*s +%zu%s", PL_FMT(g->leads[0]->id),
                                          g->n_leads - 1, g->known_exploited ? " exploited" : "");
    return pl_table_text(t, pl_span_str(text));
}

static pl_span outcome_text(struct pl_table *t, const struct pl_group *g)
{
    const char *whose = in_base(g) ? " (base)" : "";
    if (!g->fixed_version.len)
        return pl_span_str(pl_arena_printf(t->a, "%s%s", unfixed(g->status), whose));
    const char *text =
        g->n_leads_fixed == g->n_leads
            ? pl_arena_printf(t->a, "%.*s%s", PL_FMT(g->fixed_version), whose)
            : pl_arena_printf(t->a, "%.*s for %zu of %zu%s", PL_FMT(g->fixed_version),
                              g->n_leads_fixed, g->n_leads, whose);
    return pl_table_text(t, pl_span_str(text));
}

/* Every vulnerability of a group on its own line: --verbose. */
static void unfold(struct pl_table *t, const struct pl_group *g, const struct columns *c)
{
    struct pl_page *p = &t->page;
    for (size_t i = 0; i < g->n_leads; i++) {
        const struct pl_finding *f = g->leads[i];
        pl_page_pad(p, PL_TABLE_TEXT + 2);
        pl_page_put(p, pl_table_tone(f->severity), pl_span_str(pl_severity_text(f->severity)));
        pl_page_pad(p, PL_TABLE_TEXT + 13);
        pl_page_put(p, PL_TONE_PLAIN, pl_layout_end(t->a, pl_table_text(t, f->id), 22, p->unicode));
        pl_page_pad(p, c->outcome > 52 ? 50 : c->outcome);
        pl_span said = f->title.len ? f->title : f->cause;
        pl_page_put(p, PL_TONE_DIM,
                    pl_layout_end(t->a, pl_table_text(t, said), p->columns - p->at, p->unicode));
        pl_page_line(p);
    }
}

static void rest_group(struct pl_table *t, const struct pl_group *g, const struct columns *c)
{
    struct pl_page *p = &t->page;
    severity_word(t, g->severity);
    pl_page_put(p, PL_TONE_PLAIN,
                pl_layout_middle(t->a, name_text(t, g), c->ids - PL_TABLE_TEXT - 2, p->unicode));
    pl_page_pad(p, c->ids);
    pl_page_put(p, g->known_exploited ? PL_TONE_BOLD : PL_TONE_PLAIN,
                pl_layout_end(t->a, ids_text(t, g), c->outcome - c->ids - 2, p->unicode));
    pl_page_pad(p, c->outcome);
    pl_page_put(p, g->fixed_version.len ? PL_TONE_PLAIN : PL_TONE_DIM,
                pl_layout_middle(t->a, outcome_text(t, g), p->columns - p->at, p->unicode));
    pl_page_line(p);
    if (t->opts->verbose && g->n_leads > 1)
        unfold(t, g, c);
}

static void fold(struct pl_table *t, const struct pl_group *g, size_t n)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    size_t by[PL_SEVERITY_CRITICAL + 1] = { 0 };
    const char *gap = "";
    for (size_t i = 0; i < n; i++)
        by[g[i].severity]++;
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        if (by[s]) {
            pl_buf_printf(&b, "%s%zu %s", gap, by[s],
                          s == PL_SEVERITY_UNKNOWN ? "not rated"
                                                   : pl_severity_text((enum pl_severity)s));
            gap = ", ";
        }
    pl_page_pad(&t->page, 2);
    pl_page_printf(&t->page, PL_TONE_DIM, "and %zu more packages (%.*s): --verbose", n,
                   PL_FMT(pl_buf_span(&b)));
    pl_page_line(&t->page);
}

static struct columns measure(struct pl_table *t, const struct pl_group *g, size_t n)
{
    unsigned room = t->page.columns - PL_TABLE_TEXT;
    unsigned name = widest_name(t, g, n, room * 2 / 5), ids = 15;
    for (size_t i = 0; i < n; i++) {
        unsigned w = pl_layout_width(ids_text(t, &g[i]));
        ids = w > ids ? w : ids;
    }
    ids = ids < room * 3 / 8 ? ids : room * 3 / 8;
    return (struct columns){ .ids = PL_TABLE_TEXT + name + 2,
                             .outcome = PL_TABLE_TEXT + name + 2 + ids + 2 };
}

static void the_rest(struct pl_table *t, size_t from)
{
    struct pl_page *p = &t->page;
    const struct pl_group *g = t->groups.items + from;
    size_t n = t->groups.n - from;
    size_t shown = t->opts->verbose || n <= REST_GROUPS + 2 ? n : REST_GROUPS;
    struct columns c = measure(t, g, shown);
    pl_table_title(t, from ? "THE REST" : "FOUND");
    pl_page_pad(p, c.ids);
    pl_page_put(p, PL_TONE_DIM, PL_LIT("vulnerabilities"));
    pl_page_pad(p, c.outcome);
    pl_page_put(p, PL_TONE_DIM, PL_LIT("mended in"));
    pl_page_line(p);
    for (size_t i = 0; i < shown; i++)
        rest_group(t, &g[i], &c);
    if (shown < n)
        fold(t, g + shown, n - shown);
}

/* THE REST reads worst first, where DO FIRST reads by what to do. Equal severities keep the order
 * of urgency: qsort() would not keep it, so by piles. */
static void sort_rest(struct pl_table *t, size_t from)
{
    struct pl_groups *g = &t->groups;
    struct pl_group *sorted = pl_arena_array(t->a, g->n - from + 1, sizeof(*sorted));
    size_t n = 0;
    if (!sorted)
        return;
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        for (size_t i = from; i < g->n; i++)
            if (g->items[i].severity == (enum pl_severity)s)
                sorted[n++] = g->items[i];
    memcpy(g->items + from, sorted, n * sizeof(*sorted));
}

void pl_table_findings(struct pl_table *t)
{
    size_t first = count_first(t);
    if (first)
        do_first(t, first);
    sort_rest(t, first);
    if (first < t->groups.n)
        the_rest(t, first);
}
