/* One test of a package, as rows: its bound, its status, its architectures. */
#include "feed/oval_flat.h"

static pl_span without_epoch_0(pl_span v)
{
    pl_span_skip_lit(&v, PL_LIT("0:"));
    return v;
}

/* Anolis splits package file names at the wrong dash: for bind-chroot-9.18.34-1.an23 its version
 * reads "32:chroot-9.18.34-1.an23". Nothing is ever older than that; what is meant is plain. */
static pl_span unsplit(struct flattening *f, pl_span name, pl_span version)
{
    size_t colon = pl_span_chr(version, ':');
    pl_span epoch = colon == SIZE_MAX ? PL_SPAN_NONE : pl_span_sub(version, 0, colon + 1);
    pl_span rest = pl_span_from(version, epoch.len);
    for (size_t i = 0; i + 1 < name.len; i++) {
        pl_span tail = pl_span_from(name, i + 1), after = rest;
        if (name.ptr[i] != '-' || !pl_span_skip_lit(&after, tail) ||
            !pl_span_skip_lit(&after, PL_LIT("-")) || pl_span_chr(after, '-') == SIZE_MAX)
            continue;
        return pl_span_str(pl_arena_printf(f->a, "%.*s%.*s", PL_FMT(epoch), PL_FMT(after)));
    }
    return version;
}

/* "(aarch64|x86_64)" -> "aarch64 x86_64"; empty (no limit) when it is a cleverer pattern. */
static pl_span arch_list(struct flattening *f, const struct oval_state *s)
{
    if (!s || !s->arch.op)
        return PL_SPAN_NONE;
    char *out = pl_arena_alloc(f->a, s->arch.text.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < s->arch.text.len; i++) {
        char c = s->arch.text.ptr[i];
        if (c == '|')
            out[n++] = ' ';
        else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_')
            out[n++] = c;
        else if (c != '(' && c != ')' && c != '^' && c != '$')
            return PL_SPAN_NONE;
    }
    return pl_span_of(out, out ? n : 0);
}

struct verdict {
    struct pl_range range;
    enum pl_status status;
    pl_span note;
};

static void add_bound(struct flattening *f, pl_span name, const struct oval_state *s,
                      struct pl_range *range)
{
    const struct oval_value *v = s->evr.op ? &s->evr : &s->version;
    pl_span at = f->profile->name_in_version ? unsplit(f, name, v->text) : v->text;
    at = without_epoch_0(at);
    if (v->op == OVAL_LT)
        range->fixed = at;
    else if (v->op == OVAL_LE)
        range->last_affected = at;
    else if (v->op == OVAL_EQ)
        range->introduced = range->last_affected = at;
    else if (v->op == OVAL_GE || v->op == OVAL_GT)
        range->introduced = at;
    range->introduced_excluded |= v->op == OVAL_GT;
    /* Oracle's kernels of several lines: version matches "4.1.12" and evr is less than
     * "0:4.1.12-124.93.1": older lines have their own statements. */
    if (s->evr.op == OVAL_LT && s->version.op == OVAL_MATCH && !range->introduced.len &&
        s->version.text.len && s->version.text.ptr[0] >= '0' && s->version.text.ptr[0] <= '9')
        range->introduced = s->version.text;
}

static pl_span note_in(pl_span comment)
{
    size_t at = pl_span_find(comment, PL_LIT("(note: '"));
    if (at == SIZE_MAX)
        return PL_SPAN_NONE;
    pl_span rest = pl_span_from(comment, at + sizeof("(note: '") - 1);
    size_t end = pl_span_rchr(rest, '\'');
    return pl_span_sub(rest, 0, end);
}

/* Canonical's sentences. Words: ubuntu-cve-tracker README, "Status". */
static void status_by_comment(pl_span comment, struct verdict *v)
{
    static const struct {
        const char *words;
        enum pl_status status;
    } sentences[] = {
        { "needs fixing", PL_STATUS_AFFECTED },
        { "may need fixing", PL_STATUS_UNDER_INVESTIGATION },
        { "decision has been made to ignore", PL_STATUS_WILL_NOT_FIX },
        { "decision has been made to defer", PL_STATUS_FIX_DEFERRED },
        { "is pending publication", PL_STATUS_AFFECTED },
    };
    for (size_t i = 0; i < PL_COUNT(sentences); i++) {
        if (pl_span_find(comment, pl_span_str(sentences[i].words)) == SIZE_MAX)
            continue;
        if (v->status != PL_STATUS_FIXED)
            v->status = sentences[i].status;
        v->note = note_in(comment);
        if (!v->note.len && sentences[i].status != PL_STATUS_AFFECTED)
            v->note = pl_span_str(sentences[i].words);
    }
}

static enum pl_status status_of_resolution(pl_span state)
{
    static const struct {
        const char *state;
        enum pl_status status;
    } words[] = {
        { "Will not fix", PL_STATUS_WILL_NOT_FIX },
        { "Out of support scope", PL_STATUS_WILL_NOT_FIX },
        { "Fix deferred", PL_STATUS_FIX_DEFERRED },
        { "Under investigation", PL_STATUS_UNDER_INVESTIGATION },
        { "Not affected", PL_STATUS_NOT_AFFECTED },
    };
    for (size_t i = 0; i < PL_COUNT(words); i++)
        if (pl_span_eq_nocase(state, pl_span_str(words[i].state)))
            return words[i].status;
    return PL_STATUS_AFFECTED;
}

/* How well a component speaks of a package: "nodejs:16/nodejs" and "kernel" are sources. */
static size_t component_fits(pl_span component, pl_span name, pl_span module)
{
    size_t slash = pl_span_rchr(component, '/');
    if (slash != SIZE_MAX) {
        if (module.len && !pl_span_eq(pl_span_sub(component, 0, slash), module))
            return 0;
        component = pl_span_from(component, slash + 1);
    }
    if (pl_span_eq(component, name))
        return SIZE_MAX;
    return pl_span_starts(name, component) && name.len > component.len &&
                   name.ptr[component.len] == '-'
               ? component.len
               : 0;
}

/* Red Hat says beside each component what will become of it. Packages that no component names
 * share the word that is said of all, or are simply affected. */
static void status_by_resolution(const struct flattening *f, pl_span name, pl_span module,
                                 struct verdict *v)
{
    const struct oval_resolution *all = f->def->resolutions.items, *found = NULL;
    size_t best = 0, n = f->def->resolutions.n;
    for (size_t i = 0; i < n && best != SIZE_MAX; i++) {
        size_t fits = component_fits(all[i].component, name, module);
        if (fits > best) {
            best = fits;
            found = &all[i];
        }
    }
    for (size_t i = 1; !found && i < n; i++)
        if (!pl_span_eq(all[i].state, all[0].state))
            return;
    if (!found && n)
        found = &all[0];
    if (!found)
        return;
    v->status = status_of_resolution(found->state);
    v->note = found->state;
}

static struct verdict judge(struct flattening *f, const struct oval_node *node,
                            const struct oval_state *s, pl_span name)
{
    struct verdict v = { .status = PL_STATUS_AFFECTED };
    if (s)
        add_bound(f, name, s, &v.range);
    if (v.range.fixed.len)
        v.status = PL_STATUS_FIXED;
    /* SUSE: "kernel-default is not affected" asks for version 0. Debian: earlier than 0. */
    bool zero = s && ((s->version.op == OVAL_EQ && pl_span_eq(s->version.text, PL_LIT("0"))) ||
                      pl_span_eq(v.range.fixed, PL_LIT("0")));
    if (f->unaffected || zero || pl_span_ends(node->comment, PL_LIT(" is not affected"))) {
        v.status = PL_STATUS_NOT_AFFECTED;
        v.range = (struct pl_range){ 0 };
    } else if (f->profile->by_comment) {
        status_by_comment(node->comment, &v);
    }
    return v;
}

/* The same statement is made once, however often a tree repeats it. */
static bool seen_before(struct flattening *f, const struct pl_affected *a, pl_span vuln)
{
    const struct pl_range *r = a->ranges;
    char *key = pl_arena_printf(
        f->a, "%.*s|%.*s|%.*s|%.*s|%.*s|%d|%.*s|%.*s|%.*s|%.*s", PL_FMT(a->stream),
        PL_FMT(a->package), PL_FMT(a->arch), PL_FMT(a->module), PL_FMT(a->channel), a->status,
        PL_FMT(r->introduced), PL_FMT(r->fixed), PL_FMT(r->last_affected), PL_FMT(vuln));
    void **at = key ? pl_map_at(&f->seen, pl_span_str(key)) : NULL;
    if (!at)
        return false; /* no memory: the next allocation says so */
    bool seen = *at;
    *at = f;
    return seen;
}

static pl_span channel_of(const struct flattening *f, const struct oval_place *p,
                          const struct verdict *v)
{
    if (f->profile->by_comment && pl_span_find(v->range.fixed, PL_LIT("esm")) != SIZE_MAX)
        return PL_LIT("esm");
    return p->channel.len ? p->channel : f->channel;
}

static pl_rc add_row(struct flattening *f, const struct oval_node *node, const struct oval_place *p,
                     pl_span stream, const struct oval_test *t, pl_span name, struct verdict v,
                     struct pl_err *err)
{
    if (v.status == PL_STATUS_AFFECTED && !v.range.introduced.len && !v.range.last_affected.len)
        status_by_resolution(f, name, p->module, &v);
    struct pl_range *range = pl_arena_alloc(f->a, sizeof(*range));
    if (!range || f->rows->n >= OVAL_MAX_ROWS)
        return pl_fail(err, PL_ELIMIT, "says more than %d things", OVAL_MAX_ROWS);
    *range = v.range;
    pl_span arch = arch_list(f, t->state);
    struct pl_affected a = { .stream = stream,
                             .package = name,
                             .of_source = f->profile->of_source,
                             .scheme = pl_span_str(f->profile->scheme),
                             .arch = arch.len ? arch : p->arch,
                             .module = p->module,
                             .channel = channel_of(f, p, &v),
                             .status = v.status,
                             .ranges = range,
                             .n_ranges = 1,
                             .note = v.note };
    pl_span vuln = PL_SPAN_NONE;
    if (pl_span_starts(node->comment, PL_LIT("(CVE-")))
        vuln = pl_oval_cve_in(node->comment);
    if (seen_before(f, &a, vuln))
        return PL_OK;
    struct oval_row *row = pl_vec_push(f->a, f->rows);
    if (!row)
        return pl_fail(err, PL_ELIMIT, "rows take too much memory");
    *row = (struct oval_row){ .affected = a, .vuln = vuln };
    return PL_OK;
}

/* "^libssh-4(?::\w+|)\s+(.*)$" -> "libssh-4" */
static pl_span name_of_pattern(struct flattening *f, pl_span value)
{
    if (!pl_span_skip_lit(&value, PL_LIT("^")))
        return value;
    value = pl_span_sub(value, 0, pl_span_find(value, PL_LIT("(?:")));
    char *out = pl_arena_alloc(f->a, value.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < value.len; i++)
        if (value.ptr[i] != '\\')
            out[n++] = value.ptr[i];
    return pl_span_of(out, out ? n : 0);
}

static pl_rc rows_of_name(struct flattening *f, uint32_t i, struct places where, pl_span name,
                          struct pl_err *err)
{
    const struct oval_test *t = f->flat[i].test;
    struct verdict v = judge(f, &f->nodes[i], t->state, name);
    struct places usual = f->usual;
    struct oval_place dist = { .stream = pl_oval_dist_stream(v.range.fixed) };
    if (dist.stream.len)
        usual = (struct places){ .at = &dist, .n = 1 };
    for (size_t k = 0; k < where.n; k++) {
        const struct oval_place *p = &where.at[k];
        pl_rc rc = PL_OK;
        if (p->stream.len)
            rc = add_row(f, &f->nodes[i], p, p->stream, t, name, v, err);
        for (size_t u = 0; !p->stream.len && !rc && u < usual.n; u++) {
            struct oval_place q = *p;
            q.channel = p->channel.len ? p->channel : usual.at[u].channel;
            rc = add_row(f, &f->nodes[i], &q, usual.at[u].stream, t, name, v, err);
        }
        if (rc)
            return rc;
    }
    return PL_OK;
}

pl_rc pl_oval_rows_of_leaf(struct flattening *f, uint32_t i, struct places where,
                           struct pl_err *err)
{
    const struct oval_object *o = f->flat[i].test->object;
    if (o->name.len || !o->name_var.len)
        return rows_of_name(f, i, where, o->name, err);
    const struct oval_variable *var = pl_map_get(&f->store->variables, o->name_var);
    if (!var)
        return pl_fail(err, PL_EFORMAT, "variable %.*s is not in the file", PL_FMT(o->name_var));
    pl_rc rc = PL_OK;
    for (size_t k = 0; k < var->n_values && !rc; k++)
        rc = rows_of_name(f, i, where, name_of_pattern(f, var->values[k]), err);
    return rc;
}
