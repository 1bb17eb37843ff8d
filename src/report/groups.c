#include "report/groups.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "version/version.h"

/* A group while it is gathered. */
struct draft {
    struct pl_group group;
    struct pl_vec findings; /* const struct pl_finding * */
};

static const struct pl_package *package_of(const struct pl_report *r, const struct pl_finding *f)
{
    return f->package >= 0 && (uint64_t)f->package < r->inventory.n_packages
               ? &r->inventory.packages[f->package]
               : NULL;
}

static void name_group(struct pl_group *g, const struct pl_finding *f, const struct pl_package *p)
{
    g->class_id = f->class_id;
    g->name = p ? (p->source_name.len ? p->source_name : p->name) : f->id;
    g->version = p ? (p->source_version.len ? p->source_version : p->version) : f->path;
}

static struct draft *draft_of(struct pl_map *drafts, const struct pl_finding *f,
                              const struct pl_package *p, struct pl_arena *a)
{
    PL_AUTO(buf) struct pl_buf key = { 0 };
    struct pl_group named = { 0 };
    pl_span kept;
    name_group(&named, f, p);
    pl_buf_char(&key, (char)f->class_id);
    pl_buf_text(&key, p ? p->type : PL_SPAN_NONE);
    pl_buf_text(&key, named.name);
    pl_buf_text(&key, named.version);
    struct draft *d = pl_map_get(drafts, pl_buf_span(&key));
    if (d || key.failed || !pl_arena_copy(a, pl_buf_span(&key), &kept))
        return d;
    void **place = pl_map_at(drafts, kept);
    d = place ? pl_arena_alloc(a, sizeof(*d)) : NULL;
    if (d) {
        d->group = named;
        d->group.epss = -1;
        d->findings = PL_VEC(const struct pl_finding *);
        *place = d;
    }
    return d;
}

/* ---- within a group ---- */

static int by_weight(const void *x, const void *y)
{
    const struct pl_finding *a = *(const struct pl_finding *const *)x;
    const struct pl_finding *b = *(const struct pl_finding *const *)y;
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->known_exploited != b->known_exploited)
        return a->known_exploited ? -1 : 1;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->epss != b->epss)
        return a->epss > b->epss ? -1 : 1;
    int order = pl_span_cmp(a->id, b->id);
    return order ? order : (a > b) - (a < b);
}

static int by_address(const void *x, const void *y)
{
    const struct pl_package *a = *(const struct pl_package *const *)x;
    const struct pl_package *b = *(const struct pl_package *const *)y;
    return (a > b) - (a < b);
}

/* Sorted in place, each once. */
static size_t unique_packages(const struct pl_package **items, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(items, n, sizeof(*items), by_address);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || items[kept - 1] != items[i])
            items[kept++] = items[i];
    return kept;
}

static bool is_newer(pl_span type, pl_span a, pl_span b)
{
    const struct pl_scheme *s = pl_scheme_of_type(type);
    return b.len == 0 || (s ? s->compare(a, b) : pl_span_cmp(a, b)) > 0;
}

static void weigh_lead(struct pl_group *g, const struct pl_finding *f, const struct pl_package *p)
{
    if (f->severity > g->severity)
        g->severity = f->severity;
    if (f->priority > g->priority)
        g->priority = f->priority;
    if (f->epss > g->epss)
        g->epss = f->epss;
    g->known_exploited = g->known_exploited || f->known_exploited;
    if (f->status != PL_STATUS_FIXED)
        return;
    g->n_leads_fixed++;
    pl_span fixed = f->fix.version.len ? f->fix.version : f->fixed_version;
    if (is_newer(p ? p->type : PL_SPAN_NONE, fixed, g->fixed_version))
        g->fixed_version = fixed;
}

static bool finish(const struct pl_report *r, struct draft *d, struct pl_arena *a)
{
    PL_AUTO(map) struct pl_map seen = { 0 };
    struct pl_group *g = &d->group;
    const struct pl_finding **all = d->findings.items;
    qsort(all, d->findings.n, sizeof(*all), by_weight);
    g->n_findings = d->findings.n;
    g->leads = pl_arena_array(a, d->findings.n, sizeof(*g->leads));
    g->packages = pl_arena_array(a, d->findings.n, sizeof(*g->packages));
    if (!g->leads || !g->packages)
        return false;
    g->layer = all[0]->layer;
    g->status = all[0]->status;
    g->caution = all[0]->fix.caution;
    for (size_t i = 0; i < g->n_findings; i++) {
        const struct pl_finding *f = all[i];
        const struct pl_package *p = package_of(r, f);
        void **place = pl_map_at(&seen, f->id);
        if (!place)
            return false;
        if (!*place) {
            *place = (void *)f;
            g->leads[g->n_leads++] = f;
            weigh_lead(g, f, p);
        }
        if (p)
            g->packages[g->n_packages++] = p;
        g->n_fixed += f->status == PL_STATUS_FIXED;
        g->several_layers = g->several_layers || f->layer != g->layer;
        if (!g->command.len)
            g->command = f->fix.command;
    }
    g->n_packages = unique_packages(g->packages, g->n_packages);
    return true;
}

static int by_urgency(const void *x, const void *y)
{
    const struct pl_group *a = x, *b = y;
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->known_exploited != b->known_exploited)
        return a->known_exploited ? -1 : 1;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (!a->fixed_version.len != !b->fixed_version.len)
        return a->fixed_version.len ? -1 : 1;
    if (a->epss != b->epss)
        return a->epss > b->epss ? -1 : 1;
    if (a->n_leads != b->n_leads)
        return a->n_leads > b->n_leads ? -1 : 1;
    int order = pl_span_cmp(a->name, b->name);
    order = order ? order : pl_span_cmp(a->version, b->version);
    return order ? order : (a->class_id > b->class_id) - (a->class_id < b->class_id);
}

static bool gather_upgradable(const struct pl_report *r, struct pl_arena *a, struct pl_groups *out)
{
    struct pl_vec v = PL_VEC(const struct pl_package *);
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        const struct pl_package *p = package_of(r, f);
        if (!p || f->class_id != PL_CLASS_OS_VULN || f->suppressed_by.len || !f->fix.command.len ||
            f->status != PL_STATUS_FIXED)
            continue;
        const struct pl_package **place = pl_vec_push(a, &v);
        if (!place)
            return false;
        *place = p;
        out->n_upgradable_findings++;
    }
    out->upgradable = v.items;
    out->n_upgradable = unique_packages(v.items, v.n);
    return true;
}

bool pl_groups_make(const struct pl_report *r, struct pl_arena *a, struct pl_groups *out)
{
    PL_AUTO(map) struct pl_map drafts = { 0 };
    struct pl_groups made = { 0 };
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        if (f->suppressed_by.len)
            continue;
        struct draft *d = draft_of(&drafts, f, package_of(r, f), a);
        const struct pl_finding **place = d ? pl_vec_push(a, &d->findings) : NULL;
        if (!place)
            return false;
        *place = f;
    }
    made.items = pl_arena_array(a, drafts.n ? drafts.n : 1, sizeof(*made.items));
    if (!made.items)
        return false;
    void *value;
    pl_span key;
    for (size_t at = 0; pl_map_next(&drafts, &at, &key, &value);) {
        if (!finish(r, value, a))
            return false;
        made.items[made.n++] = ((struct draft *)value)->group;
    }
    if (made.n)
        qsort(made.items, made.n, sizeof(*made.items), by_urgency);
    if (!gather_upgradable(r, a, &made))
        return false;
    *out = made;
    return true;
}
