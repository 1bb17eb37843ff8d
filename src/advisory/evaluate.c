/* evaluate.c - one affected row against one installed version.
 * Spec: OSV schema, "Evaluation"; Red Hat modularity; Ubuntu Pro; Oracle ksplice and FIPS builds.
 */
#include "advisory/match.h"

static bool word_is(pl_span list, pl_span word)
{
    while (list.len) {
        size_t n = 0;
        while (n < list.len && !memchr(" |,", list.ptr[n], 3))
            n++;
        if (n && pl_span_eq(pl_span_sub(list, 0, n), word))
            return true;
        list = pl_span_from(list, n + 1);
    }
    return false;
}

/* Debian and the kernel have different words for one machine. */
static pl_span other_arch(pl_span arch)
{
    static const struct {
        const char *a, *b;
    } same[] = { { "amd64", "x86_64" },
                 { "arm64", "aarch64" },
                 { "ppc64el", "ppc64le" },
                 { "i386", "i686" },
                 { "armhf", "armv7" } };
    for (size_t i = 0; i < PL_COUNT(same); i++) {
        if (pl_span_eq(arch, pl_span_str(same[i].a)))
            return pl_span_str(same[i].b);
        if (pl_span_eq(arch, pl_span_str(same[i].b)))
            return pl_span_str(same[i].a);
    }
    return arch;
}

static bool any_arch(pl_span arch)
{
    return arch.len == 0 || pl_span_eq(arch, PL_LIT("noarch")) || pl_span_eq(arch, PL_LIT("all"));
}

static bool arch_fits(pl_span row, pl_span installed)
{
    return any_arch(row) || any_arch(installed) || word_is(row, installed) ||
           word_is(row, other_arch(installed)) || word_is(row, PL_LIT("noarch")) ||
           word_is(row, PL_LIT("all"));
}

static bool has(pl_span text, const char *part)
{
    return pl_span_find(text, pl_span_str(part)) != SIZE_MAX;
}

static bool some_fixed_has(const struct pl_entry_row *e, const char *part)
{
    for (size_t i = 0; i < e->n_ranges; i++)
        if (has(e->ranges[i].fixed, part))
            return true;
    return false;
}

/* A row of "nodejs:18" speaks of packages whose label begins so; a row without a module never of
 * a package that has one, unless its fixed version shows that it is of some module. */
static bool module_fits(const struct pl_entry_row *e, pl_span module, const struct pl_subject *s)
{
    pl_span label = s->package->module;
    if (module.len) {
        if (label.len == 0)
            return s->modular;
        return pl_span_starts(label, module) &&
               (label.len == module.len || label.ptr[module.len] == ':');
    }
    if (!pl_span_eq(s->package->type, PL_LIT("rpm")))
        return true;
    return s->modular == (some_fixed_has(e, ".module+") || some_fixed_has(e, ".module_"));
}

/* Oracle builds some packages twice: for live patching and for FIPS. The versions of one build
 * say nothing of the other. */
static bool flavour_fits(const struct pl_entry_row *e, const struct pl_subject *s)
{
    static const char *const flavours[] = { "ksplice", "_fips" };
    if (e->n_ranges == 0 || !pl_span_eq(s->package->type, PL_LIT("rpm")))
        return true;
    for (size_t i = 0; i < PL_COUNT(flavours); i++)
        if (has(s->version, flavours[i]) != some_fixed_has(e, flavours[i]) &&
            e->ranges[0].fixed.len)
            return false;
    return true;
}

static enum pl_applies channel_fits(pl_span channel, const struct pl_subject *s)
{
    /* Red Hat's extended streams are sold apart; an image that holds one says so in content
     * manifests only. Live patches mend a running kernel, not an image. */
    static const char *const never[] = {
        "eus", "aus", "e4s", "tus", "els", "livepatch", "realtime"
    };
    if (channel.len == 0)
        return PL_APPLIES;
    if (pl_span_starts(channel, PL_LIT("esm")) || pl_span_eq(channel, PL_LIT("pro")))
        return s->esm ? PL_APPLIES : PL_APPLIES_ESM;
    if (pl_span_starts(channel, PL_LIT("fips")))
        return has(s->version, "fips") ? PL_APPLIES : PL_APPLIES_NOT;
    for (size_t i = 0; i < PL_COUNT(never); i++) {
        pl_span word = pl_span_str(never[i]);
        if (pl_span_starts(channel, word) &&
            (channel.len == word.len || channel.ptr[word.len] == '-'))
            return PL_APPLIES_NOT;
    }
    return PL_APPLIES;
}

enum pl_applies pl_row_applies(const struct pl_entry_row *e, const struct pl_row_words *w,
                               const struct pl_subject *s)
{
    if (e->of_source != s->of_source && !s->is_app)
        return PL_APPLIES_NOT;
    if (!arch_fits(w->arch, s->package->arch) || !module_fits(e, w->module, s) ||
        !flavour_fits(e, s))
        return PL_APPLIES_NOT;
    return channel_fits(w->channel, s);
}

/* ---- versions ---- */

/* An rpm bound without a release bounds the version alone: "< 1.2" is not met by 1.2-3. */
static int compare(const struct pl_row_words *w, const struct pl_subject *s, pl_span bound)
{
    pl_span v = s->version;
    if (!strcmp(w->scheme->name, "rpm") && pl_span_chr(bound, '-') == SIZE_MAX) {
        size_t dash = pl_span_rchr(v, '-');
        v = dash == SIZE_MAX ? v : pl_span_sub(v, 0, dash);
    }
    return w->scheme->compare(v, bound);
}

static bool is_start(pl_span v) { return v.len == 0 || pl_span_eq(v, PL_LIT("0")); }

static bool comparable(const struct pl_row_words *w, const struct pl_subject *s, pl_span bound)
{
    return !s->is_app || is_start(bound) || w->scheme->valid(bound);
}

static bool in_range(const struct pl_range *r, const struct pl_row_words *w,
                     const struct pl_subject *s)
{
    if (!comparable(w, s, r->introduced) || !comparable(w, s, r->fixed) ||
        !comparable(w, s, r->last_affected))
        return false;
    if (!is_start(r->introduced)) {
        int c = compare(w, s, r->introduced);
        if (c < 0 || (c == 0 && r->introduced_excluded))
            return false;
    }
    if (r->fixed.len && (is_start(r->fixed) || compare(w, s, r->fixed) >= 0))
        return false;
    if (r->last_affected.len && compare(w, s, r->last_affected) > 0)
        return false;
    if (r->limit.len && !pl_span_eq(r->limit, PL_LIT("*")) && comparable(w, s, r->limit) &&
        compare(w, s, r->limit) >= 0)
        return false;
    return true;
}

static bool enumerated(const struct pl_entry_row *e, const struct pl_row_words *w,
                       const struct pl_subject *s)
{
    bool by_order = w->scheme && (!s->is_app || w->scheme->valid(s->version));
    for (size_t i = 0; i < e->n_versions; i++) {
        if (pl_span_eq(e->versions[i], s->version))
            return true;
        if (by_order && (!s->is_app || w->scheme->valid(e->versions[i])) &&
            w->scheme->compare(s->version, e->versions[i]) == 0)
            return true;
    }
    return false;
}

/* The lowest fixed version above the installed one, for a version that is only enumerated. */
static pl_span next_fixed(const struct pl_entry_row *e, const struct pl_row_words *w,
                          const struct pl_subject *s)
{
    pl_span best = PL_SPAN_NONE;
    if (!w->scheme || (s->is_app && !w->scheme->valid(s->version)))
        return best;
    for (size_t i = 0; i < e->n_ranges; i++) {
        pl_span f = e->ranges[i].fixed;
        if (!is_start(f) && comparable(w, s, f) && compare(w, s, f) < 0 &&
            (best.len == 0 || w->scheme->compare(f, best) < 0))
            best = f;
    }
    return best;
}

bool pl_row_affects(const struct pl_entry_row *e, const struct pl_row_words *w,
                    const struct pl_subject *s, pl_span *fixed, bool *outside)
{
    *fixed = PL_SPAN_NONE;
    *outside = false;
    if (e->n_ranges == 0 && e->n_versions == 0)
        return e->status != PL_STATUS_FIXED && e->status != PL_STATUS_NOT_AFFECTED;
    bool by_order = w->scheme && (!s->is_app || w->scheme->valid(s->version));
    for (size_t i = 0; by_order && i < e->n_ranges; i++)
        if (in_range(&e->ranges[i], w, s)) {
            *fixed = e->ranges[i].fixed;
            return e->status != PL_STATUS_NOT_AFFECTED;
        }
    if (enumerated(e, w, s)) {
        *fixed = next_fixed(e, w, s);
        return e->status != PL_STATUS_NOT_AFFECTED;
    }
    *outside = e->status == PL_STATUS_NOT_AFFECTED;
    return false;
}

bool pl_row_publishes(const struct pl_entry_row *e, const struct pl_row_words *w,
                      const struct pl_subject *s)
{
    for (size_t i = 0; w->scheme && i < e->n_ranges; i++)
        if (!is_start(e->ranges[i].fixed) &&
            w->scheme->compare(s->version, e->ranges[i].fixed) == 0)
            return true;
    return false;
}
