#include "report/words.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/date.h"

/* ---- small words ---- */

/* "|2 A=b C=d /bin/sh -c make": the classic builder writes build arguments in front. */
static pl_span without_arguments(pl_span s)
{
    if (!pl_span_starts(s, PL_LIT("|")))
        return s;
    size_t at = pl_span_find(s, PL_LIT("/bin/sh -c "));
    return at == SIZE_MAX ? s : pl_span_from(s, at);
}

pl_span pl_words_command(struct pl_arena *a, pl_span s)
{
    s = pl_span_trim(s);
    if (pl_span_ends(s, PL_LIT("# buildkit")))
        s = pl_span_trim(pl_span_sub(s, 0, s.len - strlen("# buildkit")));
    bool run = pl_span_skip_lit(&s, PL_LIT("RUN "));
    s = without_arguments(pl_span_trim(s));
    bool shell = pl_span_skip_lit(&s, PL_LIT("/bin/sh -c "));
    s = pl_span_trim(s);
    if (shell && pl_span_skip_lit(&s, PL_LIT("#(nop)")))
        return pl_span_trim(s);
    if (!run && !shell)
        return s;
    pl_span out = pl_span_str(pl_arena_printf(a, "RUN %.*s", PL_FMT(s)));
    return out.ptr ? out : s;
}

bool pl_words_days(pl_span date, int64_t *out) { return pl_date_days(date, out); }

pl_span pl_words_age(struct pl_arena *a, pl_span date, pl_span now)
{
    int64_t then, today;
    if (!pl_words_days(date, &then) || !pl_words_days(now, &today))
        return PL_SPAN_NONE;
    int64_t days = today - then;
    if (days <= 0) /* a publisher's clock may be ahead of ours by a time zone */
        return PL_LIT("today");
    if (days == 1)
        return PL_LIT("yesterday");
    if (days < 60)
        return pl_span_str(pl_arena_printf(a, "%" PRId64 " days ago", days));
    if (days < 730)
        return pl_span_str(pl_arena_printf(a, "%" PRId64 " months ago", days * 12 / 365));
    return pl_span_str(pl_arena_printf(a, "%" PRId64 " years ago", days / 365));
}

pl_span pl_words_size(struct pl_arena *a, uint64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB" };
    double value = (double)bytes / 1000;
    size_t u = 0;
    for (; value >= 999.5 && u + 1 < PL_COUNT(units); u++)
        value /= 1000;
    if (bytes < 1000)
        return pl_span_str(pl_arena_printf(a, "%" PRIu64 " B", bytes));
    return pl_span_str(pl_arena_printf(a, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[u]));
}

pl_span pl_words_count(struct pl_arena *a, uint64_t n, const char *one, const char *many)
{
    return pl_span_str(pl_arena_printf(a, "%" PRIu64 " %s", n, n == 1 ? one : many));
}

/* ---- what was not looked at ---- */

bool pl_words_whole(const struct pl_report *r)
{
    if (r->n_gaps)
        return false;
    for (int c = 0; c < PL_N_CLASSES; c++)
        if (r->coverage[c].state != PL_COVERAGE_ASSESSED &&
            r->coverage[c].state != PL_COVERAGE_SKIPPED)
            return false;
    return true;
}

struct unseen {
    uint64_t layers, files, others;
};

static struct unseen count_unseen(const struct pl_report *r)
{
    struct unseen u = { 0 };
    int64_t last = -1;
    for (size_t i = 0; i < r->n_gaps; i++) {
        const struct pl_gap *g = &r->gaps[i];
        if (g->path.len)
            u.files++;
        else if (g->layer < 0)
            u.others++;
        else if (g->layer != last) { /* gaps are sorted: the same layer's stand together */
            u.layers++;
            last = g->layer;
        }
    }
    return u;
}

/* "2 layers and 1 file were not" */
static void say_unseen(const struct pl_report *r, struct pl_buf *b)
{
    struct unseen u = count_unseen(r);
    if (u.layers)
        pl_buf_printf(b, "%" PRIu64 " %s", u.layers, u.layers == 1 ? "layer" : "layers");
    if (u.files)
        pl_buf_printf(b, "%s%" PRIu64 " %s", u.layers ? " and " : "", u.files,
                      u.files == 1 ? "file" : "files");
    if (u.layers + u.files == 0)
        pl_buf_printf(b, "not everything was");
    else
        pl_buf_printf(b, u.layers + u.files == 1 ? " was not" : " were not");
}

/* ---- the verdict ---- */

struct counts {
    uint64_t in_base;
    uint64_t by_severity[PL_SEVERITY_CRITICAL + 1];
    uint64_t total, fixed, commanded, suppressed, urgent;
};

static struct counts count(const struct pl_report *r)
{
    struct counts c = { 0 };
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        if (f->suppressed_by.len) {
            c.suppressed++;
            continue;
        }
        c.total++;
        c.by_severity[f->severity]++;
        c.in_base += f->in_base == PL_IN_BASE_YES;
        c.fixed += f->status == PL_STATUS_FIXED;
        c.commanded += f->status == PL_STATUS_FIXED && f->fix.command.len;
        c.urgent += f->priority == PL_PRIORITY_HIGH;
    }
    return c;
}

static bool grave(const struct counts *c)
{
    return c->urgent || c->by_severity[PL_SEVERITY_CRITICAL] || c->by_severity[PL_SEVERITY_HIGH];
}

static void say_counts(const struct counts *c, struct pl_buf *b)
{
    const char *gap = "";
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--) {
        if (!c->by_severity[s])
            continue;
        pl_buf_printf(b, "%s%" PRIu64 " %s", gap, c->by_severity[s],
                      s == PL_SEVERITY_UNKNOWN ? "not rated"
                                               : pl_severity_text((enum pl_severity)s));
        gap = ", ";
    }
}

/* Commands that mend: one for all packages of the distribution, and each of another kind. */
static uint64_t count_commands(const struct pl_groups *g)
{
    uint64_t n = g->n_upgradable > 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->items[i].class_id != PL_CLASS_OS_VULN && g->items[i].command.len > 0;
    return n;
}

static void say_mended(const struct counts *c, const struct pl_groups *g, struct pl_buf *b)
{
    static const char *const numbers[] = { "",     "one", "two",   "three", "four",
                                           "five", "six", "seven", "eight", "nine" };
    uint64_t n = count_commands(g);
    if (c->fixed == 0)
        pl_buf_printf(b, c->total == 1 ? "  There is no fix yet." : "  None has a fix yet.");
    else if (c->commanded == 0)
        pl_buf_printf(b, "  For %" PRIu64 " of %" PRIu64 " there is a fix.", c->fixed, c->total);
    else {
        if (c->commanded == c->total)
            pl_buf_printf(b, c->total == 1 ? "  It is mended by " : "  All are mended by ");
        else
            pl_buf_printf(b, "  %" PRIu64 " of %" PRIu64 " %s mended by ", c->commanded, c->total,
                          c->commanded == 1 ? "is" : "are");
        if (n < PL_COUNT(numbers))
            pl_buf_printf(b, "%s command%s.", numbers[n], n == 1 ? "" : "s");
        else
            pl_buf_printf(b, "%" PRIu64 " commands.", n);
    }
}

/* "Of these, 12 are the base image's (debian:12)." */
static void say_base(const struct pl_report *r, const struct counts *c, struct pl_buf *b)
{
    if (!r->base.found || !c->total || r->base.layers < 0)
        return;
    if (c->in_base == 0)
        pl_buf_printf(b, c->total == 1 ? "  It is not the base image's"
                                       : "  None of these is the base image's");
    else if (c->in_base == c->total)
        pl_buf_printf(b, c->total == 1 ? "  It is the base image's"
                                       : "  All of these are the base image's");
    else
        pl_buf_printf(b, "  Of these %" PRIu64 " %s the base image's", c->in_base,
                      c->in_base == 1 ? "is" : "are");
    pl_span name = r->base.reference.len ? r->base.reference : r->base.digest;
    if (name.len)
        pl_buf_printf(b, " (%.*s)", PL_FMT(name));
    else if (r->inventory.os.pretty_name.len)
        pl_buf_printf(b, " (%.*s, by its history)", PL_FMT(r->inventory.os.pretty_name));
    pl_buf_char(b, '.');
}

/* A verdict names what denied first; the JSON report has all. */
static void say_reasons(const struct pl_report *r, struct pl_buf *b)
{
    size_t n = r->verdict.n_reasons, shown = n < 2 ? n : 2;
    bool policy = false;
    for (size_t i = 0; i < n; i++)
        policy = policy || pl_span_find(r->verdict.reasons[i], PL_LIT("rule \"")) != SIZE_MAX;
    if (!policy)
        return; /* --fail-on: the counts have said it */
    for (size_t i = 0; i < shown; i++)
        pl_buf_printf(b, "  %.*s.", PL_FMT(r->verdict.reasons[i]));
    if (n > shown)
        pl_buf_printf(b, "  And %zu more reason%s.", n - shown, n - shown == 1 ? "" : "s");
}

static void say_found(const struct pl_report *r, const struct counts *c, const struct pl_groups *g,
                      struct pl_buf *b)
{
    if (r->verdict.policy.len && !r->verdict.allowed)
        pl_buf_printf(b, "Not allowed to sail (%.*s): ", PL_FMT(r->verdict.policy));
    else if (grave(c))
        pl_buf_printf(b, "Not safe to sail: ");
    else
        pl_buf_printf(b, "Nothing critical or high: ");
    say_counts(c, b);
    pl_buf_printf(b, " in %zu package%s.", g->n, g->n == 1 ? "" : "s");
    say_mended(c, g, b);
    say_base(r, c, b);
    say_reasons(r, b);
    if (r->verdict.policy.len && r->verdict.allowed)
        pl_buf_printf(b, "  Allowed by %.*s.", PL_FMT(r->verdict.policy));
}

static bool os_judged(const struct pl_report *r, enum pl_coverage_state s)
{
    return r->coverage[PL_CLASS_OS_VULN].state == s;
}

/* How people call the image's system. */
static void say_os(const struct pl_os *os, struct pl_buf *b)
{
    if (os->pretty_name.len)
        pl_buf_add(b, os->pretty_name);
    else if (os->family.len)
        pl_buf_printf(b, "%.*s%s%.*s", PL_FMT(os->family), os->version.len ? " " : "",
                      PL_FMT(os->version));
    else
        pl_buf_printf(b, "this image's system");
}

static void say_nothing_found(const struct pl_report *r, const struct counts *c, struct pl_buf *b)
{
    bool skipped = os_judged(r, PL_COVERAGE_SKIPPED) &&
                   r->coverage[PL_CLASS_APP_VULN].state == PL_COVERAGE_SKIPPED;
    if (r->verdict.policy.len && !r->verdict.allowed) {
        pl_buf_printf(b, "Not allowed to sail (%.*s)", PL_FMT(r->verdict.policy));
        for (size_t i = 0; i < r->verdict.n_reasons; i++)
            pl_buf_printf(b, "%s%.*s", i ? "; " : ": ", PL_FMT(r->verdict.reasons[i]));
        pl_buf_char(b, '.');
    } else if (r->n_filtered || c->suppressed)
        pl_buf_printf(b, "Nothing left to show.");
    else if (os_judged(r, PL_COVERAGE_UNSUPPORTED) || os_judged(r, PL_COVERAGE_END_OF_LIFE)) {
        pl_buf_printf(b, "Not judged: no advisories speak of ");
        say_os(&r->inventory.os, b);
        pl_buf_printf(b, ". That nothing was found says nothing.");
    } else if (!pl_words_whole(r)) {
        pl_buf_printf(b, "%s found in what was assessed; ",
                      skipped ? "Nothing was" : "No vulnerabilities");
        say_unseen(r, b);
        pl_buf_char(b, '.');
    } else if (skipped)
        pl_buf_printf(b, "Nothing found in what was asked for; vulnerabilities were not.");
    else if (r->inventory.n_packages == 0)
        pl_buf_printf(b, "Nothing to judge: no packages were found in it.");
    else
        pl_buf_printf(b, "Safe to sail: no known vulnerabilities in %zu package%s.",
                      r->inventory.n_packages, r->inventory.n_packages == 1 ? "" : "s");
}

static bool past_end(const struct pl_report *r)
{
    int64_t end, now;
    const struct pl_release *release = r->inventory.os.release;
    return release && pl_words_days(pl_span_str(release->end_of_life), &end) &&
           pl_words_days(r->generated_at, &now) && end < now;
}

/* Nobody but the records that ship with us judged some of it. */
static bool selection_only(const struct pl_report *r)
{
    for (size_t i = 0; i < r->n_gaps; i++)
        if (pl_span_eq(r->gaps[i].reason, PL_LIT("few-advisories")))
            return true;
    return false;
}

static void say_reserves(const struct pl_report *r, const struct counts *c, struct pl_buf *b)
{
    struct unseen u = count_unseen(r);
    if (c->total && u.layers + u.files) {
        pl_buf_printf(b, "  Of the rest, ");
        say_unseen(r, b);
        pl_buf_printf(b, " looked at.");
    }
    if (selection_only(r))
        pl_buf_printf(b, "  Only the best-known vulnerabilities were looked for.");
    if (past_end(r))
        pl_buf_printf(
            b, "  The release is past its end of life: newer flaws are not announced for it, "
               "and no fixes come.");
    if (r->n_filtered)
        pl_buf_printf(b, "  %" PRIu64 " %s left out by %.*s.", r->n_filtered,
                      r->n_filtered == 1 ? "finding was" : "findings were",
                      PL_FMT(r->severity_filter));
    if (c->suppressed)
        pl_buf_printf(b, "  %" PRIu64 " suppressed.", c->suppressed);
}

pl_span pl_words_verdict(struct pl_arena *a, const struct pl_report *r, const struct pl_groups *g)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    struct counts c = count(r);
    pl_span kept = { 0 };
    if (c.total)
        say_found(r, &c, g, &b);
    else
        say_nothing_found(r, &c, &b);
    say_reserves(r, &c, &b);
    return !b.failed && pl_arena_copy(a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}

int pl_words_alarm(const struct pl_report *r, const struct pl_groups *g)
{
    struct counts c = count(r);
    if (!r->verdict.allowed || grave(&c))
        return 2;
    bool good = g->n == 0 && pl_words_whole(r) && !past_end(r) && !r->n_filtered && !c.suppressed &&
                r->inventory.n_packages && !os_judged(r, PL_COVERAGE_SKIPPED);
    return good ? 0 : 1;
}
