/* SARIF 2.1.0, as code-scanning services take it: a run for each image, a rule for each id, a
 * result for each finding, worst first.
 *
 * Services keep 5,000 results of a run and refuse 25,000: the worst 5,000 are written, and a
 * notification of the run says how many were not. What was not looked at is a notification too, so
 * that a run without results does not read as a clean image.
 * Spec: OASIS SARIF 2.1.0; GitHub, "SARIF support for code scanning". */
#include <inttypes.h>
#include <stdlib.h>

#include "base/map.h"
#include "report/document.h"
#include "report/words.h"

enum {
    MOST_RESULTS = 5000,       /* what services show of a run */
    MOST_NOTIFICATIONS = 1000, /* the rest is counted */
    MOST_TEXT = 1000,          /* rule texts are cut at 1024 */
    MOST_HELP = 4000,
    MOST_TAGS = 10,
};

struct run {
    struct pl_jsonw *w;
    const struct pl_report *r;
    struct pl_arena *a;
    const struct pl_finding **results; /* worst first */
    size_t n_results, n_left_out;
    const struct pl_finding **rules; /* the worst result of each */
    size_t n_rules;
    struct pl_map at; /* id to place in rules, counted from 1 */
};

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
    return (a > b) - (a < b); /* the report's order */
}

static bool gather(struct run *s)
{
    size_t n = s->r->n_findings;
    s->results = pl_arena_array(s->a, n + 1, sizeof(struct pl_finding *));
    s->rules = pl_arena_array(s->a, n + 1, sizeof(struct pl_finding *));
    if (!s->results || !s->rules)
        return false;
    for (size_t i = 0; i < n; i++)
        s->results[i] = &s->r->findings[i];
    if (n)
        qsort(s->results, n, sizeof(struct pl_finding *), worst_first);
    s->n_results = n < MOST_RESULTS ? n : MOST_RESULTS;
    s->n_left_out = n - s->n_results;
    for (size_t i = 0; i < s->n_results; i++) {
        void **place = pl_map_at(&s->at, s->results[i]->id);
        if (!place)
            return false;
        if (*place)
            continue;
        s->rules[s->n_rules++] = s->results[i];
        *place = (void *)(uintptr_t)s->n_rules;
    }
    return true;
}

static pl_span level(enum pl_severity s)
{
    return s >= PL_SEVERITY_HIGH     ? PL_LIT("error")
           : s == PL_SEVERITY_MEDIUM ? PL_LIT("warning")
                                     : PL_LIT("note");
}

static void message(struct pl_jsonw *w, const char *key, pl_span text)
{
    pl_jsonw_object(w, key);
    pl_jsonw_text(w, "text", text.len ? text : PL_LIT("no description"));
    pl_jsonw_end_object(w);
}

/* ---- rules ---- */

static const char *rule_name(enum pl_class c)
{
    static const char *const names[PL_N_CLASSES] = {
        "OsPackageVulnerability", "ApplicationVulnerability", "Malware",
        "SensitiveData",          "BaselineViolation",        "RiskyBuild",
        "UntrustedOrigin",
    };
    return names[c];
}

static void tags(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    size_t n = 3;
    pl_jsonw_array(w, "tags");
    pl_jsonw_text(w, NULL, PL_LIT("security"));
    pl_jsonw_text(w, NULL, pl_span_str(pl_class_text(f->class_id)));
    pl_jsonw_text(w, NULL, pl_span_str(pl_severity_text(f->severity)));
    if (f->known_exploited) {
        pl_jsonw_text(w, NULL, PL_LIT("known-exploited"));
        n++;
    }
    for (size_t i = 0; i < f->n_cwes && n < MOST_TAGS; i++, n++) {
        pl_span cwe = f->cwes[i];
        if (pl_span_skip_lit(&cwe, PL_LIT("CWE-")))
            pl_jsonw_text(w, NULL,
                          pl_span_str(pl_arena_printf(s->a, "external/cwe/cwe-%.*s", PL_FMT(cwe))));
    }
    pl_jsonw_end_array(w);
}

static void rule_properties(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    double score = pl_doc_banded_score(f);
    pl_jsonw_object(w, "properties");
    pl_jsonw_text(w, "precision", PL_LIT("very-high"));
    if (score > 0) /* text, not a number: so it is asked for */
        pl_jsonw_text(w, "security-severity", pl_span_str(pl_arena_printf(s->a, "%.1f", score)));
    tags(s, f);
    pl_jsonw_end_object(w);
}

static void rule(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    pl_span link = pl_doc_link(f, s->a);
    pl_span what = f->description.len ? f->description : pl_doc_title(f);
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "id", f->id);
    pl_jsonw_text(w, "name", pl_span_str(rule_name(f->class_id)));
    message(w, "shortDescription", pl_doc_cut(pl_doc_title(f), MOST_TEXT, s->a));
    message(w, "fullDescription", pl_doc_cut(what, MOST_TEXT, s->a));
    pl_jsonw_object(w, "defaultConfiguration");
    pl_jsonw_text(w, "level", level(f->severity));
    pl_jsonw_end_object(w);
    if (link.len)
        pl_jsonw_text(w, "helpUri", link);
    message(w, "help", pl_doc_cut(what, MOST_HELP, s->a));
    rule_properties(s, f);
    pl_jsonw_end_object(w);
}

static void driver(struct run *s)
{
    struct pl_jsonw *w = s->w;
    pl_jsonw_object(w, "tool");
    pl_jsonw_object(w, "driver");
    pl_jsonw_text(w, "name", PL_LIT("Plimsoll"));
    pl_jsonw_text(w, "version", PL_LIT(PL_VERSION));
    pl_jsonw_text(w, "semanticVersion", PL_LIT(PL_VERSION));
    pl_jsonw_array(w, "rules");
    for (size_t i = 0; i < s->n_rules; i++)
        rule(s, s->rules[i]);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
    pl_jsonw_end_object(w);
}

/* ---- results ---- */

static pl_span result_text(struct run *s, const struct pl_finding *f)
{
    const struct pl_package *p = pl_doc_package(s->r, f);
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span kept = { 0 };
    pl_buf_printf(&b, "%.*s", PL_FMT(f->id));
    if (p)
        pl_buf_printf(&b, " in %.*s %.*s", PL_FMT(p->name), PL_FMT(p->version));
    pl_buf_printf(&b, " (%s): %.*s", pl_severity_text(f->severity), PL_FMT(pl_doc_title(f)));
    if (f->fixed_version.len)
        pl_buf_printf(&b, "\nMended in %.*s.", PL_FMT(f->fixed_version));
    else if (f->fix.description.len)
        pl_buf_printf(&b, "\n%.*s", PL_FMT(f->fix.description));
    if (f->fix.command.len)
        pl_buf_printf(&b, "\n%.*s", PL_FMT(f->fix.command));
    if (f->layer >= 0)
        pl_buf_printf(&b, "\nLayer %d.", f->layer);
    return !b.failed && pl_arena_copy(s->a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}

/* A relative URI without "..": the file that told, else the image itself. */
static void artifact(struct run *s, const struct pl_finding *f)
{
    PL_AUTO(buf) struct pl_buf uri = { 0 };
    pl_span path = pl_doc_path(s->r, f);
    if (!path.len)
        path = pl_doc_image(s->r)->reference;
    while (path.len && path.ptr[0] == '/')
        path = pl_span_from(path, 1);
    pl_doc_uri_path(&uri, path.len ? path : PL_LIT("image"));
    pl_jsonw_object(s->w, "artifactLocation");
    pl_jsonw_text(s->w, "uri", pl_buf_span(&uri));
    pl_jsonw_text(s->w, "uriBaseId", PL_LIT("IMAGE"));
    pl_jsonw_end_object(s->w);
}

static void logical(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    const struct pl_package *p = pl_doc_package(s->r, f);
    const struct pl_layer *l = pl_doc_layer(s->r, f->layer);
    if (!p && !l)
        return;
    pl_jsonw_array(w, "logicalLocations");
    if (p) {
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "name", p->name);
        pl_jsonw_text(w, "fullyQualifiedName",
                      pl_span_str(pl_arena_printf(s->a, "%.*s/%.*s@%.*s", PL_FMT(p->type),
                                                  PL_FMT(p->name), PL_FMT(p->version))));
        pl_jsonw_text(w, "kind", PL_LIT("package"));
        pl_jsonw_end_object(w);
    }
    if (l) {
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "name", pl_span_str(pl_arena_printf(s->a, "layer %u", l->index)));
        pl_jsonw_text(w, "fullyQualifiedName",
                      pl_digest_set(&l->digest)    ? pl_digest_span(&l->digest)
                      : pl_digest_set(&l->diff_id) ? pl_digest_span(&l->diff_id)
                                                   : PL_LIT("unknown"));
        pl_jsonw_text(w, "kind", PL_LIT("layer"));
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

static void locations(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    int64_t line = f->line ? (int64_t)f->line : 1;
    pl_jsonw_array(w, "locations");
    pl_jsonw_object(w, NULL);
    pl_jsonw_object(w, "physicalLocation");
    artifact(s, f);
    pl_jsonw_object(w, "region");
    pl_jsonw_int(w, "startLine", line);
    pl_jsonw_int(w, "startColumn", 1);
    pl_jsonw_int(w, "endLine", line);
    pl_jsonw_int(w, "endColumn", 1);
    pl_jsonw_end_object(w);
    pl_jsonw_end_object(w);
    logical(s, f);
    pl_jsonw_end_object(w);
    pl_jsonw_end_array(w);
}

static void fingerprints(struct run *s, const struct pl_finding *f)
{
    pl_span hash = pl_doc_hash(f->key, 32, s->a);
    pl_jsonw_object(s->w, "partialFingerprints");
    pl_jsonw_text(s->w, "primaryLocationLineHash",
                  pl_span_str(pl_arena_printf(s->a, "%.*s:1", PL_FMT(hash))));
    pl_jsonw_text(s->w, "plimsollKey/v1", hash);
    pl_jsonw_end_object(s->w);
}

static void suppression(struct run *s, const struct pl_finding *f)
{
    if (!f->suppressed_by.len)
        return;
    const char *why =
        pl_arena_printf(s->a, "%.*s%s%.*s", PL_FMT(f->suppressed_by),
                        f->suppressed_reason.len ? ": " : "", PL_FMT(f->suppressed_reason));
    pl_jsonw_array(s->w, "suppressions");
    pl_jsonw_object(s->w, NULL);
    pl_jsonw_text(s->w, "kind", PL_LIT("external"));
    pl_jsonw_text(s->w, "status", PL_LIT("accepted"));
    pl_jsonw_text(s->w, "justification", pl_span_str(why));
    pl_jsonw_end_object(s->w);
    pl_jsonw_end_array(s->w);
}

static void result_properties(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    const struct pl_layer *l = pl_doc_layer(s->r, f->layer);
    pl_jsonw_object(w, "properties");
    pl_jsonw_text(w, "key", f->key);
    pl_jsonw_text(w, "severity", pl_span_str(pl_severity_text(f->severity)));
    pl_jsonw_text(w, "priority", pl_span_str(pl_priority_text(f->priority)));
    pl_jsonw_text(w, "status", pl_span_str(pl_status_text(f->status)));
    if (f->installed_version.len)
        pl_jsonw_text(w, "installedVersion", f->installed_version);
    if (f->fixed_version.len)
        pl_jsonw_text(w, "fixedVersion", f->fixed_version);
    if (l) {
        pl_jsonw_int(w, "layerIndex", l->index);
        if (pl_digest_set(&l->digest))
            pl_jsonw_text(w, "layerDigest", pl_digest_span(&l->digest));
        if (pl_digest_set(&l->diff_id))
            pl_jsonw_text(w, "layerDiffId", pl_digest_span(&l->diff_id));
        if (l->created_by.len)
            pl_jsonw_text(w, "layerCreatedBy", l->created_by);
    }
    if (f->removed_in_layer >= 0)
        pl_jsonw_int(w, "removedInLayer", f->removed_in_layer);
    pl_jsonw_end_object(w);
}

static void result(struct run *s, const struct pl_finding *f)
{
    struct pl_jsonw *w = s->w;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "ruleId", f->id);
    pl_jsonw_int(w, "ruleIndex", (int64_t)(uintptr_t)pl_map_get(&s->at, f->id) - 1);
    pl_jsonw_text(w, "level", level(f->severity));
    message(w, "message", result_text(s, f));
    locations(s, f);
    fingerprints(s, f);
    suppression(s, f);
    result_properties(s, f);
    pl_jsonw_end_object(w);
}

/* ---- what was not looked at, and not written ---- */

static void notification(struct run *s, const char *id, pl_span text)
{
    struct pl_jsonw *w = s->w;
    pl_jsonw_object(w, NULL);
    pl_jsonw_object(w, "descriptor");
    pl_jsonw_text(w, "id", pl_span_str(id));
    pl_jsonw_end_object(w);
    pl_jsonw_text(w, "level", PL_LIT("warning"));
    message(w, "message", text);
    pl_jsonw_end_object(w);
}

static void notifications(struct run *s)
{
    const struct pl_report *r = s->r;
    pl_jsonw_array(s->w, "toolExecutionNotifications");
    if (s->n_left_out)
        notification(s, "results-left-out",
                     pl_span_str(pl_arena_printf(
                         s->a, "%zu findings are not in this run, which holds the worst %d",
                         s->n_left_out, MOST_RESULTS)));
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &r->coverage[c];
        if (k->state == PL_COVERAGE_ASSESSED)
            continue;
        notification(
            s, "coverage",
            pl_span_str(pl_arena_printf(s->a, "%s: %s%s%.*s", pl_class_text((enum pl_class)c),
                                        pl_coverage_text(k->state), k->detail.len ? ": " : "",
                                        PL_FMT(k->detail))));
    }
    for (size_t i = 0; i < r->n_gaps && i < MOST_NOTIFICATIONS; i++)
        notification(s, "gap", pl_doc_gap(&r->gaps[i], s->a));
    if (r->n_gaps > MOST_NOTIFICATIONS)
        notification(s, "gap",
                     pl_span_str(pl_arena_printf(s->a, "and %zu more gaps",
                                                 r->n_gaps - MOST_NOTIFICATIONS)));
    if (r->n_filtered)
        notification(s, "filtered",
                     pl_span_str(pl_arena_printf(s->a, "%" PRIu64 " findings left out by %.*s",
                                                 r->n_filtered, PL_FMT(r->severity_filter))));
    pl_jsonw_end_array(s->w);
}

static void invocation(struct run *s)
{
    struct pl_jsonw *w = s->w;
    pl_jsonw_array(w, "invocations");
    pl_jsonw_object(w, NULL);
    pl_jsonw_bool(w, "executionSuccessful", true);
    pl_jsonw_text(w, "endTimeUtc", pl_doc_time(s->r->generated_at, s->a));
    notifications(s);
    pl_jsonw_end_object(w);
    pl_jsonw_end_array(w);
}

static void run_properties(struct run *s)
{
    struct pl_jsonw *w = s->w;
    const struct pl_image *i = pl_doc_image(s->r);
    pl_span os = pl_doc_os(s->r, s->a), platform = pl_doc_platform(i, s->a);
    pl_jsonw_object(w, "properties");
    pl_jsonw_text(w, "imageName", i->reference);
    if (pl_digest_set(&i->digest))
        pl_jsonw_text(w, "imageDigest", pl_digest_span(&i->digest));
    if (pl_digest_set(&i->image_id))
        pl_jsonw_text(w, "imageID", pl_digest_span(&i->image_id));
    if (platform.len)
        pl_jsonw_text(w, "platform", platform);
    if (os.len)
        pl_jsonw_text(w, "os", os);
    pl_jsonw_end_object(w);
}

/* Uploads of one category replace one another, so each image is one. */
static void details(struct run *s)
{
    PL_AUTO(buf) struct pl_buf id = { 0 };
    pl_buf_add(&id, PL_LIT("plimsoll/"));
    pl_doc_uri_path(&id, pl_doc_image(s->r)->reference);
    pl_buf_char(&id, '/');
    pl_jsonw_object(s->w, "automationDetails");
    pl_jsonw_text(s->w, "id", pl_buf_span(&id));
    pl_jsonw_end_object(s->w);
}

static pl_rc one(struct pl_jsonw *w, const struct pl_report *r, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct run s = { .w = w, .r = r, .a = &a };
    pl_arena_init(&a, SIZE_MAX / 2);
    if (!gather(&s)) {
        pl_map_done(&s.at);
        return pl_fail(err, PL_ENOMEM, "SARIF: out of memory");
    }
    pl_jsonw_object(w, NULL);
    driver(&s);
    details(&s);
    invocation(&s);
    pl_jsonw_object(w, "originalUriBaseIds");
    pl_jsonw_object(w, "IMAGE");
    pl_jsonw_text(w, "uri", PL_LIT("file:///"));
    message(w, "description", PL_LIT("the root of the image's file system"));
    pl_jsonw_end_object(w);
    pl_jsonw_end_object(w);
    pl_jsonw_text(w, "columnKind", PL_LIT("utf16CodeUnits"));
    pl_jsonw_array(w, "results");
    for (size_t i = 0; i < s.n_results; i++)
        result(&s, s.results[i]);
    pl_jsonw_end_array(w);
    run_properties(&s);
    pl_jsonw_end_object(w);
    pl_map_done(&s.at);
    return PL_OK;
}

static pl_rc write_sarif(const struct pl_report *const *reports, size_t n,
                         const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    struct pl_jsonw w;
    (void)o;
    pl_jsonw_init(&w, out, false);
    pl_jsonw_object(&w, NULL);
    pl_jsonw_text(&w, "$schema", PL_LIT("https://json.schemastore.org/sarif-2.1.0.json"));
    pl_jsonw_text(&w, "version", PL_LIT("2.1.0"));
    pl_jsonw_array(&w, "runs");
    for (size_t i = 0; i < n; i++) {
        pl_rc rc = one(&w, reports[i], err);
        if (rc)
            return rc;
    }
    pl_jsonw_end_array(&w);
    pl_jsonw_end_object(&w);
    return PL_OK;
}

const struct pl_format pl_format_sarif = {
    .name = "sarif",
    .what = "for code-scanning services, SARIF 2.1.0",
    .spec = "OASIS SARIF 2.1.0",
    .media_type = "application/sarif+json",
    .write = write_sarif,
};
