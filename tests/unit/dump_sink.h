/* dump_sink.h - a sink that writes what a feed reader gives it as JSON, for tests. */
#pragma once
#include "base/json.h"
#include "model/advisory.h"

struct dump {
    struct pl_advisory_sink sink;
    struct pl_jsonw w;
    FILE *out;
    size_t n_advisories, n_vulns, n_skips, n_covers, n_rows;
};

static void dump_spans(struct pl_jsonw *w, const char *key, const pl_span *s, size_t n)
{
    if (n == 0)
        return;
    pl_jsonw_array(w, key);
    for (size_t i = 0; i < n; i++)
        pl_jsonw_text(w, NULL, s[i]);
    pl_jsonw_end_array(w);
}

static void dump_text(struct pl_jsonw *w, const char *key, pl_span s)
{
    if (s.len)
        pl_jsonw_text(w, key, s);
}

static void dump_cvss(struct pl_jsonw *w, const struct pl_cvss *c, size_t n)
{
    if (n == 0)
        return;
    pl_jsonw_array(w, "cvss");
    for (size_t i = 0; i < n; i++) {
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "source", c[i].source);
        dump_text(w, "vector", c[i].vector);
        pl_jsonw_double(w, "score", c[i].score, 1);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

static void dump_severity(struct pl_jsonw *w, enum pl_severity s)
{
    if (s != PL_SEVERITY_UNKNOWN)
        pl_jsonw_text(w, "severity", pl_span_str(pl_severity_text(s)));
}

static void dump_affected(struct pl_jsonw *w, const struct pl_affected *a)
{
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "stream", a->stream);
    pl_jsonw_text(w, "package", a->package);
    if (a->of_source)
        pl_jsonw_bool(w, "of_source", true);
    pl_jsonw_text(w, "scheme", a->scheme);
    dump_text(w, "arch", a->arch);
    dump_text(w, "module", a->module);
    dump_text(w, "channel", a->channel);
    pl_jsonw_text(w, "status", pl_span_str(pl_status_text(a->status)));
    dump_severity(w, a->severity);
    pl_jsonw_array(w, "ranges");
    for (size_t i = 0; i < a->n_ranges; i++) {
        pl_jsonw_object(w, NULL);
        dump_text(w, "introduced", a->ranges[i].introduced);
        dump_text(w, "fixed", a->ranges[i].fixed);
        dump_text(w, "last_affected", a->ranges[i].last_affected);
        dump_text(w, "limit", a->ranges[i].limit);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
    dump_spans(w, "versions", a->versions, a->n_versions);
    dump_text(w, "note", a->note);
    pl_jsonw_end_object(w);
}

static pl_rc dump_advisory(struct pl_advisory_sink *s, const struct pl_advisory *a,
                           struct pl_err *err)
{
    struct dump *d = (struct dump *)s;
    struct pl_jsonw *w = &d->w;
    (void)err;
    d->n_advisories++;
    d->n_rows += a->n_affected;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "advisory", a->id);
    pl_jsonw_text(w, "feed", a->feed);
    dump_spans(w, "aliases", a->aliases, a->n_aliases);
    if (a->n_vulns) {
        pl_jsonw_array(w, "vulns");
        for (size_t i = 0; i < a->n_vulns; i++)
            pl_jsonw_text(w, NULL, a->vulns[i].id);
        pl_jsonw_end_array(w);
    }
    dump_text(w, "title", a->title);
    dump_text(w, "description", a->description);
    dump_severity(w, a->severity);
    dump_cvss(w, a->cvss, a->n_cvss);
    dump_spans(w, "references", a->references, a->n_references);
    dump_spans(w, "cwes", a->cwes, a->n_cwes);
    dump_text(w, "published", a->published);
    dump_text(w, "modified", a->modified);
    if (a->withdrawn)
        pl_jsonw_bool(w, "withdrawn", true);
    if (a->malicious)
        pl_jsonw_bool(w, "malicious", true);
    pl_jsonw_array(w, "affected");
    for (size_t i = 0; i < a->n_affected; i++)
        dump_affected(w, &a->affected[i]);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
    return PL_OK;
}

static pl_rc dump_vuln(struct pl_advisory_sink *s, const struct pl_vuln_facts *v,
                       struct pl_err *err)
{
    struct dump *d = (struct dump *)s;
    struct pl_jsonw *w = &d->w;
    (void)err;
    d->n_vulns++;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "vuln", v->id);
    dump_text(w, "title", v->title);
    dump_text(w, "description", v->description);
    dump_severity(w, v->severity);
    dump_cvss(w, v->cvss, v->n_cvss);
    if (v->epss >= 0)
        pl_jsonw_double(w, "epss", v->epss, 5);
    if (v->epss_percentile >= 0)
        pl_jsonw_double(w, "epss_percentile", v->epss_percentile, 5);
    if (v->known_exploited)
        pl_jsonw_bool(w, "known_exploited", true);
    if (v->ransomware)
        pl_jsonw_bool(w, "ransomware", true);
    dump_text(w, "kev_added", v->kev_added);
    dump_text(w, "kev_due", v->kev_due);
    dump_text(w, "kev_name", v->kev_name);
    dump_text(w, "published", v->published);
    dump_text(w, "modified", v->modified);
    if (v->rejected)
        pl_jsonw_bool(w, "rejected", true);
    dump_spans(w, "references", v->references, v->n_references);
    dump_spans(w, "cwes", v->cwes, v->n_cwes);
    pl_jsonw_end_object(w);
    return PL_OK;
}

static void dump_skip(struct pl_advisory_sink *s, pl_span what, const char *why)
{
    struct dump *d = (struct dump *)s;
    d->n_skips++;
    pl_jsonw_object(&d->w, NULL);
    pl_jsonw_text(&d->w, "skip", what);
    pl_jsonw_text(&d->w, "why", pl_span_str(why));
    pl_jsonw_end_object(&d->w);
}

static void dump_covers(struct pl_advisory_sink *s, pl_span stream)
{
    struct dump *d = (struct dump *)s;
    d->n_covers++;
    pl_jsonw_object(&d->w, NULL);
    pl_jsonw_text(&d->w, "covers", stream);
    pl_jsonw_end_object(&d->w);
}

static void dump_published(struct pl_advisory_sink *s, pl_span when)
{
    struct dump *d = (struct dump *)s;
    pl_jsonw_object(&d->w, NULL);
    pl_jsonw_text(&d->w, "published", when);
    pl_jsonw_end_object(&d->w);
}

static inline void dump_init(struct dump *d, FILE *out)
{
    *d =
        (struct dump){ .sink = { dump_advisory, dump_vuln, dump_skip, dump_covers, dump_published },
                       .out = out };
    pl_jsonw_init(&d->w, out, false);
    pl_jsonw_array(&d->w, NULL);
}
static inline void dump_done(struct dump *d) { pl_jsonw_end_array(&d->w); }
