/* GitLab's container scanning report, gl-container-scanning-report.json, schema 15.
 *
 * Vulnerabilities only: the schema has no place for other classes, nor for gaps, which are said as
 * the scan's messages.
 * Spec: gitlab-org/security-products/security-report-schemas, container-scanning 15.0.7. */
#include <inttypes.h>

#include "report/document.h"

enum { MOST_TEXT = 15000, MOST_NAME = 255, MOST_SOLUTION = 7000, MOST_MESSAGES = 200 };

struct doc {
    struct pl_jsonw *w;
    const struct pl_report *r;
    struct pl_arena *a;
    pl_span image, os;
};

static void text(struct doc *d, const char *key, pl_span value)
{
    if (value.len)
        pl_jsonw_text(d->w, key, value);
}

/* ---- the scan ---- */

static void program(struct doc *d, const char *key)
{
    struct pl_jsonw *w = d->w;
    pl_jsonw_object(w, key);
    pl_jsonw_text(w, "id", PL_LIT("plimsoll"));
    pl_jsonw_text(w, "name", PL_LIT("Plimsoll"));
    pl_jsonw_object(w, "vendor");
    pl_jsonw_text(w, "name", PL_LIT("Plimsoll"));
    pl_jsonw_end_object(w);
    pl_jsonw_text(w, "version", PL_LIT(PL_VERSION));
    pl_jsonw_end_object(w);
}

static void said(struct doc *d, const char *level, pl_span value)
{
    pl_jsonw_object(d->w, NULL);
    pl_jsonw_text(d->w, "level", pl_span_str(level));
    pl_jsonw_text(d->w, "value", value.len ? value : PL_LIT("-"));
    pl_jsonw_end_object(d->w);
}

static void messages(struct doc *d)
{
    const struct pl_report *r = d->r;
    size_t others = pl_doc_others(r);
    pl_jsonw_array(d->w, "messages");
    for (int c = PL_CLASS_OS_VULN; c <= PL_CLASS_APP_VULN; c++) {
        const struct pl_coverage *k = &r->coverage[c];
        if (k->state != PL_COVERAGE_ASSESSED)
            said(d, "warn",
                 pl_span_str(pl_arena_printf(d->a, "%s: %s%s%.*s", pl_class_text((enum pl_class)c),
                                             pl_coverage_text(k->state), k->detail.len ? ": " : "",
                                             PL_FMT(k->detail))));
    }
    for (size_t i = 0; i < r->n_gaps && i < MOST_MESSAGES; i++)
        said(d, "warn", pl_doc_gap(&r->gaps[i], d->a));
    if (r->n_gaps > MOST_MESSAGES)
        said(d, "warn",
             pl_span_str(pl_arena_printf(d->a, "and %zu more gaps", r->n_gaps - MOST_MESSAGES)));
    if (others)
        said(d, "info",
             pl_span_str(pl_arena_printf(
                 d->a, "%zu findings of other classes are not in this report", others)));
    pl_jsonw_end_array(d->w);
}

static void scan(struct doc *d)
{
    struct pl_jsonw *w = d->w;
    pl_span time = pl_doc_time(d->r->generated_at, d->a); /* here without a zone */
    time = pl_span_sub(time, 0, 19);
    pl_jsonw_object(w, "scan");
    program(d, "analyzer");
    program(d, "scanner");
    pl_jsonw_text(w, "type", PL_LIT("container_scanning"));
    pl_jsonw_text(w, "start_time", time);
    pl_jsonw_text(w, "end_time", time);
    pl_jsonw_text(w, "status", PL_LIT("success"));
    messages(d);
    pl_jsonw_end_object(w);
}

/* ---- one vulnerability ---- */

static const char *severity_word(enum pl_severity s)
{
    static const char *const words[] = {
        [PL_SEVERITY_UNKNOWN] = "Unknown", [PL_SEVERITY_NEGLIGIBLE] = "Info",
        [PL_SEVERITY_LOW] = "Low",         [PL_SEVERITY_MEDIUM] = "Medium",
        [PL_SEVERITY_HIGH] = "High",       [PL_SEVERITY_CRITICAL] = "Critical",
    };
    return words[s];
}

static const char *id_type(pl_span id)
{
    static const char *const types[][2] = {
        { "CVE-", "cve" },   { "GHSA-", "ghsa" }, { "RHSA-", "rhsa" },
        { "USN-", "usn" },   { "DSA-", "dsa" },   { "DLA-", "dla" },
        { "ELSA-", "elsa" }, { "ALAS", "alas" },  { "OSV-", "osv" },
    };
    for (size_t i = 0; i < PL_COUNT(types); i++)
        if (pl_span_starts(id, pl_span_str(types[i][0])))
            return types[i][1];
    return "plimsoll";
}

static void identifier(struct doc *d, const char *type, pl_span id, pl_span url)
{
    pl_jsonw_object(d->w, NULL);
    pl_jsonw_text(d->w, "type", pl_span_str(type));
    pl_jsonw_text(d->w, "name", id.len ? id : PL_LIT("unknown"));
    pl_jsonw_text(d->w, "value", id.len ? id : PL_LIT("unknown"));
    text(d, "url", url);
    pl_jsonw_end_object(d->w);
}

static void identifiers(struct doc *d, const struct pl_finding *f)
{
    pl_jsonw_array(d->w, "identifiers");
    identifier(d, id_type(f->id), f->id, pl_doc_link(f, d->a));
    for (size_t i = 0; i < f->n_aliases && i < 18; i++)
        identifier(d, id_type(f->aliases[i]), f->aliases[i], PL_SPAN_NONE);
    pl_jsonw_end_array(d->w);
}

static void links(struct doc *d, const struct pl_finding *f)
{
    pl_jsonw_array(d->w, "links");
    for (size_t i = 0; i < f->n_references; i++) {
        if (!pl_doc_is_link(f->references[i]))
            continue;
        pl_jsonw_object(d->w, NULL);
        pl_jsonw_text(d->w, "url", f->references[i]);
        pl_jsonw_end_object(d->w);
    }
    pl_jsonw_end_array(d->w);
}

/* The schema's pattern, [^:]+(:\d+[^:]*)?:[^:]+(:\d+[^:]*)?: two parts apart by a colon, each with
 * one more behind it when that begins with a digit. */
static bool image_form(pl_span s)
{
    bool digit[4];
    size_t n = 0;
    pl_span part;
    if (s.len && s.ptr[s.len - 1] == ':')
        return false;
    while (pl_span_split(&s, ':', &part)) {
        if (part.len == 0 || n == PL_COUNT(digit))
            return false;
        digit[n++] = part.ptr[0] >= '0' && part.ptr[0] <= '9';
    }
    return n == 2 || (n == 3 && (digit[1] || digit[2])) || (n == 4 && digit[1] && digit[3]);
}

static pl_span image_text(pl_span reference, struct pl_arena *a)
{
    pl_span plain = reference, kept = { 0 };
    if (image_form(reference))
        return reference;
    if (pl_span_starts(plain, PL_LIT("docker://")))
        plain = pl_span_from(plain, 9);
    size_t at = pl_span_chr(plain, '@');
    if (at != SIZE_MAX)
        plain = pl_span_sub(plain, 0, at);
    if (image_form(plain))
        return plain;
    plain =
        pl_span_str(pl_arena_printf(a, "%.*s:latest", PL_FMT(plain.len ? plain : PL_LIT("image"))));
    if (image_form(plain) || !pl_arena_copy(a, plain, &kept))
        return plain;
    char *text = (char *)(uintptr_t)kept.ptr;
    for (size_t i = 0; i < kept.len - strlen(":latest"); i++)
        if (text[i] == ':')
            text[i] = '_';
    return kept;
}

static void location(struct doc *d, const struct pl_finding *f)
{
    struct pl_jsonw *w = d->w;
    const struct pl_package *p = pl_doc_package(d->r, f);
    pl_jsonw_object(w, "location");
    pl_jsonw_object(w, "dependency");
    pl_jsonw_object(w, "package");
    pl_jsonw_text(w, "name", p ? p->name : f->id);
    pl_jsonw_end_object(w);
    pl_jsonw_text(w, "version", p ? p->version : f->installed_version);
    pl_jsonw_end_object(w);
    pl_jsonw_text(w, "operating_system", d->os.len ? d->os : PL_LIT("unknown"));
    pl_jsonw_text(w, "image", d->image);
    pl_jsonw_end_object(w);
}

static void solution(struct doc *d, const struct pl_finding *f)
{
    if (!f->fixed_version.len)
        return;
    const char *say = pl_arena_printf(d->a, "Upgrade to %.*s.%s%.*s", PL_FMT(f->fixed_version),
                                      f->fix.command.len ? "\n" : "", PL_FMT(f->fix.command));
    text(d, "solution", pl_doc_cut(pl_span_str(say), MOST_SOLUTION, d->a));
}

static void vectors(struct doc *d, const struct pl_finding *f)
{
    bool any = false;
    for (size_t i = 0; i < f->n_cvss && i < 10; i++) {
        if (!f->cvss[i].vector.len || pl_cvss_score(f->cvss[i].vector) < 0)
            continue;
        if (!any)
            pl_jsonw_array(d->w, "cvss_vectors");
        any = true;
        pl_jsonw_object(d->w, NULL);
        pl_jsonw_text(d->w, "vendor",
                      f->cvss[i].source.len ? f->cvss[i].source : PL_LIT("unknown"));
        pl_jsonw_text(d->w, "vector", f->cvss[i].vector);
        pl_jsonw_end_object(d->w);
    }
    if (any)
        pl_jsonw_end_array(d->w);
}

static void item(struct doc *d, const char *name, pl_span value)
{
    if (!value.len)
        return;
    char key[64];
    size_t n = 0;
    for (; name[n] && n + 1 < sizeof(key); n++)
        key[n] = name[n] == ' ' ? '_' : name[n];
    key[n] = '\0';
    pl_jsonw_object(d->w, key);
    pl_jsonw_text(d->w, "name", pl_span_str(name));
    pl_jsonw_text(d->w, "type", PL_LIT("text"));
    pl_jsonw_text(d->w, "value", value);
    pl_jsonw_end_object(d->w);
}

static void details(struct doc *d, const struct pl_finding *f)
{
    const struct pl_layer *l = pl_doc_layer(d->r, f->layer);
    pl_jsonw_object(d->w, "details");
    item(d, "path", pl_doc_path(d->r, f));
    if (l) {
        item(d, "layer", pl_span_str(pl_arena_printf(d->a, "%u", l->index)));
        item(d, "layer digest", pl_digest_span(&l->digest));
        item(d, "layer command", l->created_by);
    }
    item(d, "status", pl_span_str(pl_status_text(f->status)));
    item(d, "priority", pl_span_str(pl_priority_text(f->priority)));
    pl_jsonw_end_object(d->w);
}

static void vulnerability(struct doc *d, const struct pl_finding *f)
{
    struct pl_jsonw *w = d->w;
    const struct pl_package *p = pl_doc_package(d->r, f);
    char id[37];
    pl_doc_uuid(f->key, id);
    pl_span title = pl_span_str(
        pl_arena_printf(d->a, "%.*s in %.*s", PL_FMT(f->id), PL_FMT(p ? p->name : f->path)));
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "id", pl_span_str(id));
    pl_jsonw_text(w, "name", pl_doc_cut(title, MOST_NAME, d->a));
    text(d, "description",
         pl_doc_cut(f->description.len ? f->description : pl_doc_title(f), MOST_TEXT, d->a));
    pl_jsonw_text(w, "severity", pl_span_str(severity_word(f->severity)));
    solution(d, f);
    identifiers(d, f);
    links(d, f);
    vectors(d, f);
    location(d, f);
    details(d, f);
    pl_jsonw_end_object(w);
}

static pl_rc write_gitlab(const struct pl_report *const *reports, size_t n,
                          const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct pl_jsonw w;
    struct doc d = { .w = &w, .a = &a };
    pl_arena_init(&a, SIZE_MAX / 2);
    pl_rc rc = pl_format_check(&pl_format_gitlab, n, err);
    if (rc)
        return rc;
    (void)o;
    d.r = reports[0];
    d.image = image_text(pl_doc_image(d.r)->reference, &a);
    d.os = pl_doc_os(d.r, &a);
    pl_jsonw_init(&w, out, false);
    pl_jsonw_object(&w, NULL);
    pl_jsonw_text(&w, "version", PL_LIT("15.0.7"));
    scan(&d);
    pl_jsonw_array(&w, "vulnerabilities");
    for (size_t i = 0; i < d.r->n_findings; i++)
        if (pl_doc_is_vuln(&d.r->findings[i]) && !d.r->findings[i].suppressed_by.len)
            vulnerability(&d, &d.r->findings[i]);
    pl_jsonw_end_array(&w);
    pl_jsonw_end_object(&w);
    return PL_OK;
}

const struct pl_format pl_format_gitlab = {
    .name = "gitlab",
    .what = "GitLab container scanning report",
    .spec = "GitLab security report schemas, container scanning 15.0.7",
    .media_type = "application/json",
    .one_image = true,
    .write = write_gitlab,
};
