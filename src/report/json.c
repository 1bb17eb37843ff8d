/* The report as JSON, schema plimsoll.report/1 (docs/report.schema.json, docs/report.md).
 *
 * Every field is always there; what is not known is null or an empty array. Nothing here depends
 * on when or how fast the scan ran but generated_at. */
#include <math.h>

#include "base/json.h"
#include "model/purl.h"
#include "report/format.h"
#include "report/sbom.h"

static void text(struct pl_jsonw *w, const char *key, pl_span value)
{
    pl_jsonw_text_or_null(w, key, value);
}

static void digest(struct pl_jsonw *w, const char *key, const pl_digest *d)
{
    pl_jsonw_text_or_null(w, key, pl_digest_span(d));
}

static void index_or_null(struct pl_jsonw *w, const char *key, int64_t value)
{
    if (value < 0)
        pl_jsonw_null(w, key);
    else
        pl_jsonw_int(w, key, value);
}

static void texts(struct pl_jsonw *w, const char *key, const pl_span *values, size_t n)
{
    pl_jsonw_array(w, key);
    for (size_t i = 0; i < n; i++)
        pl_jsonw_text(w, NULL, values[i]);
    pl_jsonw_end_array(w);
}

static void number_or_null(struct pl_jsonw *w, const char *key, double value, int decimals)
{
    if (isfinite(value) && value >= 0)
        pl_jsonw_double(w, key, value, decimals);
    else
        pl_jsonw_null(w, key);
}

/* ---- who judged ---- */

static void scanner(struct pl_jsonw *w, const struct pl_report *r)
{
    const struct pl_database_info *db = &r->database;
    pl_jsonw_object(w, "scanner");
    pl_jsonw_text(w, "version", r->scanner_version.len ? r->scanner_version : PL_LIT(PL_VERSION));
    text(w, "rules_digest", r->rules_digest);
    if (!db->digest.len && !db->built_at.len && !db->n_feeds) {
        pl_jsonw_null(w, "database");
    } else {
        pl_jsonw_object(w, "database");
        text(w, "built_at", db->built_at);
        text(w, "digest", db->digest);
        pl_jsonw_array(w, "feeds");
        for (size_t i = 0; i < db->n_feeds; i++) {
            pl_jsonw_object(w, NULL);
            pl_jsonw_text(w, "name", db->feeds[i].name);
            pl_jsonw_int(w, "records", (int64_t)db->feeds[i].records);
            text(w, "published_at", db->feeds[i].published_at);
            pl_jsonw_end_object(w);
        }
        pl_jsonw_end_array(w);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_object(w);
}

/* ---- what was scanned ---- */

static void os(struct pl_jsonw *w, const struct pl_report *r)
{
    const struct pl_os *o = &r->inventory.os;
    pl_jsonw_object(w, "os");
    text(w, "family", o->family);
    text(w, "version", o->version);
    text(w, "codename", o->codename);
    text(w, "variant", o->variant);
    text(w, "pretty_name", o->pretty_name);
    text(w, "end_of_life", pl_span_str(o->release ? o->release->end_of_life : NULL));
    text(w, "advisory_coverage",
         pl_span_str(pl_coverage_text(r->coverage[PL_CLASS_OS_VULN].state)));
    pl_jsonw_end_object(w);
}

/* Of the environment only the names: values hold passwords more often than anybody likes. */
static void env_names(struct pl_jsonw *w, const struct pl_config *c)
{
    pl_jsonw_array(w, "env_names");
    for (size_t i = 0; i < c->n_env; i++)
        pl_jsonw_text(w, NULL, pl_span_sub(c->env[i], 0, pl_span_chr(c->env[i], '=')));
    pl_jsonw_end_array(w);
}

static void config(struct pl_jsonw *w, const struct pl_config *c)
{
    pl_jsonw_object(w, "config");
    text(w, "user", c->user);
    texts(w, "entrypoint", c->entrypoint, c->n_entrypoint);
    texts(w, "cmd", c->cmd, c->n_cmd);
    texts(w, "exposed_ports", c->exposed_ports, c->n_exposed_ports);
    text(w, "working_dir", c->working_dir);
    text(w, "stop_signal", c->stop_signal);
    texts(w, "volumes", c->volumes, c->n_volumes);
    texts(w, "on_build", c->on_build, c->n_on_build);
    texts(w, "shell", c->shell, c->n_shell);
    env_names(w, c);
    pl_jsonw_object(w, "labels");
    for (size_t i = 0; i < c->n_labels; i++)
        pl_jsonw_key_text(w, c->labels[i].key, c->labels[i].value);
    pl_jsonw_end_object(w);
    pl_jsonw_bool(w, "healthcheck", c->healthcheck);
    pl_jsonw_end_object(w);
}

static void platform(struct pl_jsonw *w, const struct pl_image *i, struct pl_buf *b)
{
    b->len = 0;
    if (i->os.len && i->architecture.len) {
        pl_buf_add(b, i->os);
        pl_buf_char(b, '/');
        pl_buf_add(b, i->architecture);
        if (i->variant.len) {
            pl_buf_char(b, '/');
            pl_buf_add(b, i->variant);
        }
    }
    text(w, "platform", pl_buf_span(b));
}

static void layers(struct pl_jsonw *w, const struct pl_image *image)
{
    pl_jsonw_array(w, "layers");
    for (size_t i = 0; i < image->n_layers; i++) {
        const struct pl_layer *l = &image->layers[i];
        pl_jsonw_object(w, NULL);
        pl_jsonw_int(w, "index", (int64_t)i);
        digest(w, "digest", &l->digest);
        digest(w, "diff_id", &l->diff_id);
        pl_jsonw_int(w, "size", (int64_t)l->size);
        text(w, "created_by", l->created_by);
        pl_jsonw_bool(w, "empty", l->empty);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

static void base_image(struct pl_jsonw *w, const struct pl_base_image *b)
{
    if (!b->found) {
        pl_jsonw_null(w, "base_image");
        return;
    }
    pl_jsonw_object(w, "base_image");
    text(w, "reference", b->reference);
    text(w, "digest", b->digest);
    pl_jsonw_text(w, "how", b->how);
    index_or_null(w, "layers", b->layers);
    pl_jsonw_end_object(w);
}

static void image(struct pl_jsonw *w, const struct pl_report *r, struct pl_buf *scratch)
{
    static const struct pl_image none;
    const struct pl_image *i = r->image ? r->image : &none;
    pl_jsonw_object(w, "image");
    text(w, "reference", i->reference);
    digest(w, "digest", &i->digest);
    digest(w, "image_id", &i->image_id);
    platform(w, i, scratch);
    text(w, "created", i->created);
    pl_jsonw_int(w, "size", (int64_t)i->size);
    os(w, r);
    config(w, &i->config);
    base_image(w, &r->base);
    layers(w, i);
    pl_jsonw_end_object(w);
}

static void flags(struct pl_jsonw *w, const struct pl_package *p)
{
    pl_jsonw_array(w, "flags");
    for (unsigned bit = 0; pl_sbom_flag(bit); bit++)
        if (p->flags & 1u << bit)
            pl_jsonw_text(w, NULL, pl_span_str(pl_sbom_flag(bit)));
    pl_jsonw_end_array(w);
}

static void packages(struct pl_jsonw *w, const struct pl_report *r, const pl_span *ids,
                     struct pl_buf *scratch)
{
    pl_jsonw_array(w, "packages");
    for (size_t i = 0; i < r->inventory.n_packages; i++) {
        const struct pl_package *p = &r->inventory.packages[i];
        scratch->len = 0;
        pl_purl(p, &r->inventory.os, scratch);
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "id", ids[i]);
        pl_jsonw_text(w, "type", p->type);
        pl_jsonw_text(w, "name", p->name);
        pl_jsonw_text(w, "version", p->version);
        text(w, "arch", p->arch);
        pl_jsonw_text(w, "purl", pl_buf_span(scratch));
        pl_jsonw_object(w, "source");
        pl_jsonw_text(w, "name", p->source_name.len ? p->source_name : p->name);
        pl_jsonw_text(w, "version", p->source_version.len ? p->source_version : p->version);
        pl_jsonw_end_object(w);
        text(w, "path", p->path);
        pl_jsonw_int(w, "layer", p->layer);
        texts(w, "licenses", &p->licenses, p->licenses.len ? 1 : 0);
        text(w, "owner", p->owner);
        text(w, "module", p->module);
        text(w, "vendor", p->vendor);
        text(w, "repository", p->repository);
        flags(w, p);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

/* ---- findings ---- */

static void finding_layer(struct pl_jsonw *w, const struct pl_report *r, const struct pl_finding *f)
{
    if (f->layer < 0 || !r->image || (size_t)f->layer >= r->image->n_layers) {
        pl_jsonw_null(w, "layer");
        return;
    }
    const struct pl_layer *l = &r->image->layers[f->layer];
    pl_jsonw_object(w, "layer");
    pl_jsonw_int(w, "index", f->layer);
    digest(w, "digest", &l->digest);
    digest(w, "diff_id", &l->diff_id);
    text(w, "created_by", l->created_by);
    pl_jsonw_end_object(w);
}

static void scores(struct pl_jsonw *w, const struct pl_finding *f)
{
    pl_jsonw_array(w, "cvss");
    for (size_t i = 0; i < f->n_cvss; i++) {
        const struct pl_cvss *c = &f->cvss[i];
        pl_jsonw_object(w, NULL);
        text(w, "source", c->source);
        text(w, "vector", c->vector);
        number_or_null(w, "score", c->score, 1);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

static void finding_fix(struct pl_jsonw *w, const struct pl_fix *x)
{
    pl_jsonw_object(w, "fix");
    text(w, "command", x->command);
    text(w, "version", x->version);
    text(w, "description", x->description);
    text(w, "caution", x->caution);
    pl_jsonw_end_object(w);
}

static void suppressed(struct pl_jsonw *w, const struct pl_finding *f)
{
    if (!f->suppressed_by.len) {
        pl_jsonw_null(w, "suppressed");
        return;
    }
    pl_jsonw_object(w, "suppressed");
    pl_jsonw_text(w, "by", f->suppressed_by);
    text(w, "reason", f->suppressed_reason);
    pl_jsonw_end_object(w);
}

static void what_it_is(struct pl_jsonw *w, const struct pl_finding *f)
{
    pl_jsonw_text(w, "key", f->key);
    pl_jsonw_text(w, "class", pl_span_str(pl_class_text(f->class_id)));
    pl_jsonw_text(w, "id", f->id);
    texts(w, "aliases", f->aliases, f->n_aliases);
    text(w, "title", f->title);
    text(w, "description", f->description);
    pl_jsonw_text(w, "severity", pl_span_str(pl_severity_text(f->severity)));
    text(w, "severity_source", f->severity_source);
    pl_jsonw_text(w, "priority", pl_span_str(pl_priority_text(f->priority)));
    text(w, "priority_reason", f->priority_reason);
    pl_jsonw_text(w, "status", pl_span_str(pl_status_text(f->status)));
}

static void where_it_is(struct pl_jsonw *w, const struct pl_report *r, const struct pl_finding *f,
                        const pl_span *ids)
{
    bool known = f->package >= 0 && (uint64_t)f->package < r->inventory.n_packages;
    text(w, "package", known ? ids[f->package] : PL_SPAN_NONE);
    text(w, "installed_version", f->installed_version);
    text(w, "fixed_version", f->fixed_version);
    text(w, "path", f->path);
    index_or_null(w, "line", f->line ? (int64_t)f->line : -1);
    text(w, "match", f->match);
    finding_layer(w, r, f);
    index_or_null(w, "removed_in_layer", f->removed_in_layer);
    if (f->in_base == PL_IN_BASE_UNKNOWN)
        pl_jsonw_null(w, "in_base");
    else
        pl_jsonw_bool(w, "in_base", f->in_base == PL_IN_BASE_YES);
    text(w, "cause", f->cause);
}

static void finding(struct pl_jsonw *w, const struct pl_report *r, const struct pl_finding *f,
                    const pl_span *ids)
{
    pl_jsonw_object(w, NULL);
    what_it_is(w, f);
    where_it_is(w, r, f, ids);
    finding_fix(w, &f->fix);
    scores(w, f);
    number_or_null(w, "epss", f->epss, 5);
    number_or_null(w, "epss_percentile", f->epss_percentile, 5);
    pl_jsonw_bool(w, "known_exploited", f->known_exploited);
    pl_jsonw_bool(w, "ransomware", f->ransomware);
    text(w, "published", f->published);
    texts(w, "references", f->references, f->n_references);
    texts(w, "cwes", f->cwes, f->n_cwes);
    text(w, "feed", f->feed);
    text(w, "note", f->note);
    suppressed(w, f);
    pl_jsonw_end_object(w);
}

/* ---- what was not looked at, by whom, and the sum ---- */

static void gaps(struct pl_jsonw *w, const struct pl_report *r)
{
    pl_jsonw_array(w, "gaps");
    for (size_t i = 0; i < r->n_gaps; i++) {
        const struct pl_gap *g = &r->gaps[i];
        pl_jsonw_object(w, NULL);
        text(w, "class", g->class_name);
        index_or_null(w, "layer", g->layer);
        text(w, "path", g->path);
        pl_jsonw_text(w, "reason", g->reason);
        text(w, "detail", g->detail);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

static void coverage(struct pl_jsonw *w, const struct pl_report *r)
{
    pl_jsonw_array(w, "coverage");
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &r->coverage[c];
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "class", pl_span_str(pl_class_text((enum pl_class)c)));
        pl_jsonw_text(w, "state", pl_span_str(pl_coverage_text(k->state)));
        text(w, "by", k->by);
        text(w, "as_of", k->as_of);
        text(w, "detail", k->detail);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

struct sums {
    int64_t by_class[PL_N_CLASSES], by_severity[PL_SEVERITY_CRITICAL + 1],
        by_priority[PL_PRIORITY_HIGH + 1], suppressed;
};

static struct sums add_up(const struct pl_report *r)
{
    struct sums s = { 0 };
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        if (f->suppressed_by.len) {
            s.suppressed++;
            continue;
        }
        s.by_class[f->class_id]++;
        s.by_severity[f->severity]++;
        s.by_priority[f->priority]++;
    }
    return s;
}

static void summary(struct pl_jsonw *w, const struct pl_report *r)
{
    struct sums s = add_up(r);
    pl_jsonw_object(w, "summary");
    pl_jsonw_object(w, "by_class");
    for (int c = 0; c < PL_N_CLASSES; c++)
        pl_jsonw_int(w, pl_class_text((enum pl_class)c), s.by_class[c]);
    pl_jsonw_end_object(w);
    pl_jsonw_object(w, "by_severity");
    for (int i = PL_SEVERITY_CRITICAL; i >= PL_SEVERITY_UNKNOWN; i--)
        pl_jsonw_int(w, pl_severity_text((enum pl_severity)i), s.by_severity[i]);
    pl_jsonw_end_object(w);
    pl_jsonw_object(w, "by_priority");
    for (int i = PL_PRIORITY_HIGH; i >= PL_PRIORITY_LOW; i--)
        pl_jsonw_int(w, pl_priority_text((enum pl_priority)i), s.by_priority[i]);
    pl_jsonw_end_object(w);
    pl_jsonw_int(w, "suppressed", s.suppressed);
    pl_jsonw_object(w, "filtered");
    pl_jsonw_int(w, "count", (int64_t)r->n_filtered);
    text(w, "by", r->severity_filter);
    pl_jsonw_end_object(w);
    pl_jsonw_end_object(w);
}

static void verdict(struct pl_jsonw *w, const struct pl_verdict *v)
{
    pl_jsonw_object(w, "verdict");
    pl_jsonw_bool(w, "allowed", v->allowed);
    text(w, "policy", v->policy);
    texts(w, "reasons", v->reasons, v->n_reasons);
    pl_jsonw_end_object(w);
}

static pl_rc one(struct pl_jsonw *w, const struct pl_report *r, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf scratch = { 0 };
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, SIZE_MAX / 2);
    pl_span *ids = pl_package_ids(r->inventory.packages, r->inventory.n_packages, &a);
    if (!ids)
        return pl_fail(err, PL_ENOMEM, "JSON report: out of memory");
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "schema", PL_LIT("plimsoll.report/1"));
    pl_jsonw_text(w, "generated_at", r->generated_at);
    scanner(w, r);
    image(w, r, &scratch);
    packages(w, r, ids, &scratch);
    pl_jsonw_array(w, "findings");
    for (size_t i = 0; i < r->n_findings; i++)
        finding(w, r, &r->findings[i], ids);
    pl_jsonw_end_array(w);
    gaps(w, r);
    coverage(w, r);
    summary(w, r);
    verdict(w, &r->verdict);
    pl_jsonw_end_object(w);
    return scratch.failed ? pl_fail(err, PL_ENOMEM, "JSON report: out of memory") : PL_OK;
}

static pl_rc write_json(const struct pl_report *const *reports, size_t n,
                        const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    struct pl_jsonw w;
    bool list = o->several || n != 1;
    pl_jsonw_init(&w, out, false);
    if (list)
        pl_jsonw_array(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        pl_rc rc = one(&w, reports[i], err);
        if (rc)
            return rc;
    }
    if (list)
        pl_jsonw_end_array(&w);
    return PL_OK;
}

const struct pl_format pl_format_json = {
    .name = "json",
    .what = "everything that is known, for programs",
    .spec = "docs/report.schema.json, plimsoll.report/1",
    .media_type = "application/json",
    .write = write_json,
};
