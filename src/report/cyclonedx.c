/* CycloneDX 1.6, JSON: a bill of materials with its vulnerabilities.
 *
 * How a report maps to it, and back:
 *
 *     metadata.component        the image: type container, name is the reference
 *     components, type operating-system
 *                               name family, version version, description pretty name
 *     components, the rest      one for each package, in the report's order: type library, or
 *                               application for one found by its own bytes
 *         group, name           maven "group:artifact", npm "@scope/name" and composer
 *                               "vendor/name" are split; everybody else has the name alone
 *         version               as the package manager writes it: rpm's with its epoch in front
 *         purl                  as in the JSON report: qualifiers arch, distro, epoch,
 *                               modularitylabel, upstream
 *         publisher             rpm VENDOR, dpkg or apk maintainer
 *         licenses              an expression where all its parts are known, else a name
 *         properties            see sbom.h; what is there beats what the purl says
 *     vulnerabilities           one for each id, severity, status, fixed version and word of
 *                               suppression, with all packages under affects
 *         ratings[0]            our severity and whose word it is; then everybody's CVSS
 *         analysis.state        suppressed: not_affected, the reason as detail;
 * under_investigation: in_triage; else exploitable; will_not_fix and the like as response
 *         recommendation        "upgrade to VERSION: COMMAND"
 *         properties            plimsoll:status, plimsoll:fixed_version, plimsoll:priority,
 *                               plimsoll:epss, plimsoll:known_exploited, plimsoll:suppressed_by
 *
 * bom-ref is the purl with a further qualifier, package-id, made of the report's id.
 * Spec: CycloneDX 1.6 JSON schema (ECMA-424). */
#include <inttypes.h>

#include "model/purl.h"
#include "report/sbom.h"

struct bom {
    struct pl_jsonw w;
    const struct pl_report *r;
    struct pl_arena *a;
    pl_span *ids;  /* of packages, as in the JSON report */
    pl_span *refs; /* bom-refs */
};

static void text(struct bom *b, const char *key, pl_span value)
{
    if (value.len)
        pl_jsonw_text(&b->w, key, value);
}

static void property(struct pl_jsonw *w, const char *key, pl_span value)
{
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "name", pl_span_str(key));
    pl_jsonw_text(w, "value", value);
    pl_jsonw_end_object(w);
}

static bool make_refs(struct bom *b)
{
    const struct pl_inventory *v = &b->r->inventory;
    b->ids = pl_package_ids(v->packages, v->n_packages, b->a);
    b->refs = pl_arena_array(b->a, v->n_packages + 1, sizeof(*b->refs));
    for (size_t i = 0; b->ids && b->refs && i < v->n_packages; i++) {
        PL_AUTO(buf) struct pl_buf ref = { 0 };
        pl_purl(&v->packages[i], &v->os, &ref);
        char mark = pl_span_chr(pl_buf_span(&ref), '?') == SIZE_MAX ? '?' : '&';
        pl_span id = pl_doc_hash(b->ids[i], 16, b->a);
        pl_buf_printf(&ref, "%cpackage-id=%.*s", mark, PL_FMT(id));
        if (ref.failed || !pl_arena_copy(b->a, pl_buf_span(&ref), &b->refs[i]))
            return false;
    }
    return b->ids && b->refs;
}

/* ---- what was scanned, by what ---- */

static void tool(struct bom *b)
{
    struct pl_jsonw *w = &b->w;
    pl_jsonw_object(w, "tools");
    pl_jsonw_array(w, "components");
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "type", PL_LIT("application"));
    pl_jsonw_text(w, "name", PL_LIT("plimsoll"));
    pl_jsonw_text(w, "version", PL_LIT(PL_VERSION));
    pl_jsonw_end_object(w);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

static void image(struct bom *b)
{
    struct pl_jsonw *w = &b->w;
    const struct pl_image *i = pl_doc_image(b->r);
    pl_jsonw_object(w, "component");
    pl_jsonw_text(w, "type", PL_LIT("container"));
    pl_jsonw_text(w, "bom-ref", PL_LIT("image"));
    pl_jsonw_text(w, "name", i->reference);
    text(b, "version",
         pl_digest_set(&i->digest) ? pl_digest_span(&i->digest) : pl_digest_span(&i->image_id));
    text(b, "purl", pl_sbom_image_purl(b->r, b->a));
    pl_jsonw_array(w, "properties");
    pl_sbom_image(w, property, b->r, b->a);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

static void metadata(struct bom *b)
{
    pl_jsonw_object(&b->w, "metadata");
    pl_jsonw_text(&b->w, "timestamp", pl_doc_time(b->r->generated_at, b->a));
    tool(b);
    image(b);
    pl_jsonw_end_object(&b->w);
}

/* ---- components ---- */

static void os_component(struct bom *b)
{
    struct pl_jsonw *w = &b->w;
    const struct pl_os *o = &b->r->inventory.os;
    if (!o->family.len)
        return;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "type", PL_LIT("operating-system"));
    pl_jsonw_text(w, "bom-ref", PL_LIT("os"));
    pl_jsonw_text(w, "name", o->family);
    text(b, "version", o->version);
    text(b, "description", o->pretty_name);
    if (o->codename.len || o->variant.len) {
        pl_jsonw_array(w, "properties");
        pl_sbom_os(w, property, b->r);
        pl_jsonw_end_array(w);
    }
    pl_jsonw_end_object(w);
}

static void names(struct bom *b, const struct pl_package *p)
{
    bool colon = pl_span_eq(p->type, PL_LIT("maven"));
    bool slash = pl_span_eq(p->type, PL_LIT("npm")) || pl_span_eq(p->type, PL_LIT("composer"));
    size_t at = colon ? pl_span_chr(p->name, ':') : slash ? pl_span_chr(p->name, '/') : SIZE_MAX;
    if (at == SIZE_MAX || at == 0 || at + 1 == p->name.len) {
        pl_jsonw_text(&b->w, "name", p->name);
        return;
    }
    pl_jsonw_text(&b->w, "group", pl_span_sub(p->name, 0, at));
    pl_jsonw_text(&b->w, "name", pl_span_from(p->name, at + 1));
}

static void licenses(struct bom *b, const struct pl_package *p)
{
    struct pl_jsonw *w = &b->w;
    if (!p->licenses.len)
        return;
    pl_jsonw_array(w, "licenses");
    pl_jsonw_object(w, NULL);
    if (pl_license_known(p->licenses)) {
        pl_jsonw_text(w, "expression", p->licenses);
    } else {
        pl_jsonw_object(w, "license");
        pl_jsonw_text(w, "name", p->licenses);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_object(w);
    pl_jsonw_end_array(w);
}

static void component(struct bom *b, size_t i)
{
    PL_AUTO(buf) struct pl_buf purl = { 0 };
    struct pl_jsonw *w = &b->w;
    const struct pl_package *p = &b->r->inventory.packages[i];
    pl_purl(p, &b->r->inventory.os, &purl);
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "type",
                  p->flags & PL_PACKAGE_BY_BYTES ? PL_LIT("application") : PL_LIT("library"));
    pl_jsonw_text(w, "bom-ref", b->refs[i]);
    names(b, p);
    text(b, "version", p->version);
    text(b, "publisher", p->vendor);
    licenses(b, p);
    pl_jsonw_text(w, "purl", pl_buf_span(&purl));
    pl_jsonw_array(w, "properties");
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "name", PL_LIT("plimsoll:name"));
    pl_jsonw_text(w, "value", p->name);
    pl_jsonw_end_object(w);
    pl_sbom_package(w, property, b->r, p);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

static bool of_the_os(const struct pl_report *r, const struct pl_package *p)
{
    const struct pl_distro *d = r->inventory.os.distro;
    return r->inventory.os.family.len && d && d->package_type &&
           pl_span_eq(p->type, pl_span_str(d->package_type));
}

static void depends(struct bom *b, const char *ref, bool os)
{
    struct pl_jsonw *w = &b->w;
    const struct pl_inventory *v = &b->r->inventory;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "ref", pl_span_str(ref));
    pl_jsonw_array(w, "dependsOn");
    if (!os && v->os.family.len)
        pl_jsonw_text(w, NULL, PL_LIT("os"));
    for (size_t i = 0; i < v->n_packages; i++)
        if (of_the_os(b->r, &v->packages[i]) == os)
            pl_jsonw_text(w, NULL, b->refs[i]);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

static void inventory(struct bom *b)
{
    struct pl_jsonw *w = &b->w;
    const struct pl_inventory *v = &b->r->inventory;
    pl_jsonw_array(w, "components");
    os_component(b);
    for (size_t i = 0; i < v->n_packages; i++)
        component(b, i);
    pl_jsonw_end_array(w);
    pl_jsonw_array(w, "dependencies");
    depends(b, "image", false);
    if (v->os.family.len)
        depends(b, "os", true);
    pl_jsonw_end_array(w);
}

/* ---- vulnerabilities ---- */

static const char *severity_word(enum pl_severity s)
{
    return s == PL_SEVERITY_NEGLIGIBLE ? "info" : pl_severity_text(s);
}

static const char *method(pl_span vector)
{
    return pl_span_starts(vector, PL_LIT("CVSS:4.0/"))   ? "CVSSv4"
           : pl_span_starts(vector, PL_LIT("CVSS:3.1/")) ? "CVSSv31"
           : pl_span_starts(vector, PL_LIT("CVSS:3.0/")) ? "CVSSv3"
           : pl_span_starts(vector, PL_LIT("AV:"))       ? "CVSSv2"
                                                         : "other";
}

static void source(struct bom *b, pl_span name, pl_span url)
{
    if (!name.len && !url.len)
        return;
    pl_jsonw_object(&b->w, "source");
    text(b, "name", name);
    text(b, "url", url);
    pl_jsonw_end_object(&b->w);
}

static void ratings(struct bom *b, const struct pl_finding *f)
{
    struct pl_jsonw *w = &b->w;
    pl_jsonw_array(w, "ratings");
    pl_jsonw_object(w, NULL);
    source(b, f->severity_source, PL_SPAN_NONE);
    pl_jsonw_text(w, "severity", pl_span_str(severity_word(f->severity)));
    pl_jsonw_end_object(w);
    for (size_t i = 0; i < f->n_cvss; i++) {
        const struct pl_cvss *c = &f->cvss[i];
        if (!c->vector.len && !(c->score >= 0))
            continue;
        pl_jsonw_object(w, NULL);
        source(b, c->source, PL_SPAN_NONE);
        if (c->score >= 0) {
            pl_jsonw_double(w, "score", c->score, 1);
            pl_jsonw_text(
                w, "severity",
                pl_span_str(c->score > 0 ? severity_word(pl_severity_of_score(c->score)) : "none"));
        }
        pl_jsonw_text(w, "method", pl_span_str(method(c->vector)));
        text(b, "vector", c->vector);
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

/* "CWE-79" to 79. */
static void weaknesses(struct bom *b, const struct pl_finding *f)
{
    uint64_t n;
    bool any = false;
    for (size_t i = 0; i < f->n_cwes; i++) {
        pl_span cwe = f->cwes[i];
        if (!pl_span_skip_lit(&cwe, PL_LIT("CWE-")) || !pl_span_decimal(cwe, 99999, &n) || n == 0)
            continue;
        if (!any)
            pl_jsonw_array(&b->w, "cwes");
        any = true;
        pl_jsonw_int(&b->w, NULL, (int64_t)n);
    }
    if (any)
        pl_jsonw_end_array(&b->w);
}

static void aliases(struct bom *b, const struct pl_finding *f)
{
    if (!f->n_aliases)
        return;
    pl_jsonw_array(&b->w, "references");
    for (size_t i = 0; i < f->n_aliases; i++) {
        pl_jsonw_object(&b->w, NULL);
        pl_jsonw_text(&b->w, "id", f->aliases[i]);
        source(b, f->feed.len ? f->feed : PL_LIT("unknown"), PL_SPAN_NONE);
        pl_jsonw_end_object(&b->w);
    }
    pl_jsonw_end_array(&b->w);
}

static void advisories(struct bom *b, const struct pl_finding *f)
{
    bool any = false;
    for (size_t i = 0; i < f->n_references; i++) {
        if (!pl_doc_is_link(f->references[i]))
            continue;
        if (!any)
            pl_jsonw_array(&b->w, "advisories");
        any = true;
        pl_jsonw_object(&b->w, NULL);
        pl_jsonw_text(&b->w, "url", f->references[i]);
        pl_jsonw_end_object(&b->w);
    }
    if (any)
        pl_jsonw_end_array(&b->w);
}

static const char *response(const struct pl_finding *f)
{
    switch (f->status) {
    case PL_STATUS_FIXED: return "update";
    case PL_STATUS_WILL_NOT_FIX: return "will_not_fix";
    case PL_STATUS_END_OF_LIFE: return "can_not_fix";
    default: return NULL;
    }
}

static void analysis(struct bom *b, const struct pl_finding *f)
{
    struct pl_jsonw *w = &b->w;
    const char *answer = response(f);
    pl_span detail = f->suppressed_by.len ? f->suppressed_reason : f->note;
    const char *state = f->suppressed_by.len                         ? "not_affected"
                        : f->status == PL_STATUS_UNDER_INVESTIGATION ? "in_triage"
                                                                     : "exploitable";
    pl_jsonw_object(w, "analysis");
    pl_jsonw_text(w, "state", pl_span_str(state));
    if (answer) {
        pl_jsonw_array(w, "response");
        pl_jsonw_text(w, NULL, pl_span_str(answer));
        pl_jsonw_end_array(w);
    }
    text(b, "detail", detail);
    pl_jsonw_end_object(w);
}

static void recommendation(struct bom *b, const struct pl_finding *f)
{
    if (!f->fixed_version.len)
        return;
    const char *said = pl_arena_printf(b->a, "upgrade to %.*s%s%.*s", PL_FMT(f->fixed_version),
                                       f->fix.command.len ? ": " : "", PL_FMT(f->fix.command));
    text(b, "recommendation", pl_span_str(said));
}

static void vulnerability_properties(struct bom *b, const struct pl_finding *f)
{
    struct pl_jsonw *w = &b->w;
    pl_jsonw_array(w, "properties");
    property(w, "plimsoll:status", pl_span_str(pl_status_text(f->status)));
    if (f->fixed_version.len)
        property(w, "plimsoll:fixed_version", f->fixed_version);
    property(w, "plimsoll:priority", pl_span_str(pl_priority_text(f->priority)));
    if (f->epss >= 0)
        property(w, "plimsoll:epss", pl_span_str(pl_arena_printf(b->a, "%.5f", f->epss)));
    if (f->known_exploited)
        property(w, "plimsoll:known_exploited", PL_LIT("true"));
    if (f->suppressed_by.len)
        property(w, "plimsoll:suppressed_by", f->suppressed_by);
    pl_jsonw_end_array(w);
}

/* n findings that differ in nothing but their package. */
static void affects(struct bom *b, const struct pl_finding *f, size_t n)
{
    struct pl_jsonw *w = &b->w;
    pl_jsonw_array(w, "affects");
    for (size_t i = 0; i < n; i++) {
        if (!pl_doc_package(b->r, &f[i]))
            continue;
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "ref", b->refs[f[i].package]);
        if (f[i].installed_version.len) {
            pl_jsonw_array(w, "versions");
            pl_jsonw_object(w, NULL);
            pl_jsonw_text(w, "version", f[i].installed_version);
            pl_jsonw_text(w, "status",
                          f[i].suppressed_by.len ? PL_LIT("unaffected") : PL_LIT("affected"));
            pl_jsonw_end_object(w);
            pl_jsonw_end_array(w);
        }
        pl_jsonw_end_object(w);
    }
    pl_jsonw_end_array(w);
}

static bool same_word(const struct pl_finding *x, const struct pl_finding *y)
{
    return pl_span_eq(x->id, y->id) && x->class_id == y->class_id && x->severity == y->severity &&
           x->status == y->status && x->priority == y->priority &&
           pl_span_eq(x->fixed_version, y->fixed_version) &&
           pl_span_eq(x->fix.command, y->fix.command) && pl_span_eq(x->note, y->note) &&
           pl_span_eq(x->suppressed_by, y->suppressed_by) &&
           pl_span_eq(x->suppressed_reason, y->suppressed_reason);
}

static void vulnerability(struct bom *b, const struct pl_finding *f, size_t n)
{
    struct pl_jsonw *w = &b->w;
    pl_span ref = pl_doc_hash(f->key, 16, b->a);
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "bom-ref",
                  pl_span_str(pl_arena_printf(b->a, "vulnerability-%.*s", PL_FMT(ref))));
    pl_jsonw_text(w, "id", f->id);
    source(b, f->feed, pl_doc_link(f, b->a));
    aliases(b, f);
    ratings(b, f);
    weaknesses(b, f);
    text(b, "description", pl_doc_title(f));
    if (f->title.len)
        text(b, "detail", f->description);
    recommendation(b, f);
    advisories(b, f);
    if (f->published.len >= 19)
        pl_jsonw_text(w, "published", pl_doc_time(f->published, b->a));
    analysis(b, f);
    affects(b, f, n);
    vulnerability_properties(b, f);
    pl_jsonw_end_object(w);
}

static void vulnerabilities(struct bom *b)
{
    const struct pl_report *r = b->r;
    pl_jsonw_array(&b->w, "vulnerabilities");
    for (size_t i = 0, n; i < r->n_findings; i += n) {
        for (n = 1; i + n < r->n_findings && same_word(&r->findings[i], &r->findings[i + n]);)
            n++;
        if (pl_doc_is_vuln(&r->findings[i]))
            vulnerability(b, &r->findings[i], n);
    }
    pl_jsonw_end_array(&b->w);
}

static pl_rc write_cyclonedx(const struct pl_report *const *reports, size_t n,
                             const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct bom b = { .a = &a };
    char uuid[37];
    pl_arena_init(&a, SIZE_MAX / 2);
    pl_rc rc = pl_format_check(&pl_format_cyclonedx, n, err);
    if (rc)
        return rc;
    (void)o;
    b.r = reports[0];
    pl_jsonw_init(&b.w, out, false);
    if (!make_refs(&b))
        return pl_fail(err, PL_ENOMEM, "CycloneDX: out of memory");
    pl_doc_uuid(pl_doc_identity(b.r, "cyclonedx", &a), uuid);
    pl_jsonw_object(&b.w, NULL);
    pl_jsonw_text(&b.w, "$schema", PL_LIT("http://cyclonedx.org/schema/bom-1.6.schema.json"));
    pl_jsonw_text(&b.w, "bomFormat", PL_LIT("CycloneDX"));
    pl_jsonw_text(&b.w, "specVersion", PL_LIT("1.6"));
    pl_jsonw_text(&b.w, "serialNumber", pl_span_str(pl_arena_printf(&a, "urn:uuid:%s", uuid)));
    pl_jsonw_int(&b.w, "version", 1);
    metadata(&b);
    inventory(&b);
    vulnerabilities(&b);
    pl_jsonw_end_object(&b.w);
    return PL_OK;
}

const struct pl_format pl_format_cyclonedx = {
    .name = "cyclonedx",
    .what = "bill of materials with vulnerabilities, CycloneDX 1.6 JSON",
    .spec = "CycloneDX 1.6 (ECMA-424)",
    .media_type = "application/vnd.cyclonedx+json; version=1.6",
    .one_image = true,
    .write = write_cyclonedx,
};
