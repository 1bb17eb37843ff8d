/* nvd.c - the National Vulnerability Database: descriptions, scores, weaknesses; and for programs
 * known by their bytes, affected versions by the product's name (nvd_programs.c).
 *
 * Spec: NVD API 2.0; the yearly files are the same page in one piece. */
#include "feed/nvd_programs.h"

enum { MAX_REFERENCES = 64 };

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '{' && pl_head_key(f->head, 1, "vulnerabilities") &&
           pl_head_key(f->head, 3, "cve") && !pl_head_key(f->head, 1, "document");
}

struct nvd {
    struct pl_advisory_sink *out;
    struct pl_record r;
    struct pl_products products;
};

static pl_span english(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        if (pl_span_starts(pl_json_text(d, "lang"), PL_LIT("en")))
            return pl_json_text(d, "value");
    }
    return PL_SPAN_NONE;
}

/* Newest version first; the word of the first primary score is NVD's severity. Version 2 has its
 * word beside cvssData. */
static enum pl_severity scores(struct nvd *n, const json_t *metrics)
{
    static const char *const versions[] = { "cvssMetricV40", "cvssMetricV31", "cvssMetricV30",
                                            "cvssMetricV2" };
    enum pl_severity first = PL_SEVERITY_UNKNOWN, primary = PL_SEVERITY_UNKNOWN;
    for (size_t k = 0; k < PL_COUNT(versions); k++) {
        const json_t *list = pl_json_array(metrics, versions[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *m = json_array_get(list, i), *data = pl_json_object(m, "cvssData");
            pl_span source = pl_json_text(m, "source");
            if (pl_span_eq(source, PL_LIT("nvd@nist.gov")))
                source = PL_LIT("nvd");
            pl_record_cvss(&n->r, source, pl_json_text(data, "vectorString"),
                           pl_json_number(data, "baseScore", -1));
            pl_span word = pl_json_text(data, "baseSeverity");
            enum pl_severity s =
                pl_severity_parse(word.len ? word : pl_json_text(m, "baseSeverity"));
            if (first == PL_SEVERITY_UNKNOWN)
                first = s;
            if (primary == PL_SEVERITY_UNKNOWN &&
                pl_span_eq(pl_json_text(m, "type"), PL_LIT("Primary")))
                primary = s;
        }
    }
    return primary != PL_SEVERITY_UNKNOWN ? primary : first;
}

static void weaknesses(struct nvd *n, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *words = pl_json_array(json_array_get(list, i), "description");
        for (size_t k = 0; k < json_array_size(words); k++) {
            pl_span cwe = pl_json_text(json_array_get(words, k), "value");
            /* "NVD-CWE-noinfo" and "NVD-CWE-Other" say nothing */
            if (pl_span_starts(cwe, PL_LIT("CWE-")))
                pl_record_cwe(&n->r, cwe);
        }
    }
}

/* The vulnerability's own facts are told already; here is only what it affects. */
static pl_rc programs(struct nvd *n, const json_t *cve, enum pl_severity severity,
                      struct pl_err *err)
{
    pl_record_reset(&n->r);
    n->r.a.id = pl_json_text(cve, "id");
    n->r.a.severity = severity;
    n->r.a.published = pl_json_text(cve, "published");
    n->r.a.modified = pl_json_text(cve, "lastModified");
    pl_nvd_programs(&n->products, cve, &n->r);
    return n->r.affected.n || n->r.failed ? pl_record_emit(&n->r, n->out, err) : PL_OK;
}

static pl_rc facts(struct nvd *n, const json_t *cve, struct pl_err *err)
{
    struct pl_vuln_facts v = {
        .id = pl_json_text(cve, "id"),
        .description = english(pl_json_array(cve, "descriptions")),
        .epss = -1,
        .epss_percentile = -1,
        .published = pl_json_text(cve, "published"),
        .modified = pl_json_text(cve, "lastModified"),
        .rejected = pl_span_eq(pl_json_text(cve, "vulnStatus"), PL_LIT("Rejected")),
    };
    if (!pl_is_cve(v.id)) {
        n->out->skip(n->out, v.id.len ? v.id : PL_LIT("nvd"), "an entry without a CVE");
        return PL_OK;
    }
    pl_record_reset(&n->r);
    v.severity = scores(n, pl_json_object(cve, "metrics"));
    weaknesses(n, pl_json_array(cve, "weaknesses"));
    const json_t *links = pl_json_array(cve, "references");
    for (size_t i = 0; i < json_array_size(links) && i < MAX_REFERENCES; i++)
        pl_record_reference(&n->r, pl_json_text(json_array_get(links, i), "url"));
    if (n->r.failed) {
        n->out->skip(n->out, v.id, "the record is too large");
        return PL_OK;
    }
    v.cvss = n->r.cvss.items;
    v.n_cvss = n->r.cvss.n;
    v.cwes = n->r.cwes.items;
    v.n_cwes = n->r.cwes.n;
    v.references = n->r.references.items;
    v.n_references = n->r.references.n;
    pl_rc rc = n->out->vuln(n->out, &v, err);
    return rc || v.rejected ? rc : programs(n, cve, v.severity, err);
}

static pl_rc entry(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct nvd *n = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "an entry larger than any should be" };
    (void)key;
    if (!value.ptr || pl_json_parse(value, &rec, &why)) {
        n->out->skip(n->out, PL_LIT("nvd"), why.msg);
        return PL_OK;
    }
    return facts(n, pl_json_object(rec, "cve"), err);
}

static pl_rc page(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct nvd *n = ctx;
    (void)err;
    if (pl_span_eq(key, PL_LIT("timestamp")) && value.ptr && value.len > 2)
        n->out->published(n->out, pl_span_sub(value, 1, value.len - 2));
    return PL_OK;
}

static pl_rc read_nvd(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct nvd n = { .out = out };
    pl_rc rc = pl_json_each(f->reader, "", 256, page, &n, err);
    if (!rc)
        rc = f->rewind(f, err);
    if (rc)
        return rc;
    pl_record_init(&n.r, "nvd", f->limits);
    out->covers(out, PL_LIT("generic"));
    rc = pl_products_init(&n.products, err);
    rc = rc ? rc
            : pl_json_each(f->reader, "vulnerabilities", f->limits->record_bytes, entry, &n, err);
    pl_products_done(&n.products);
    pl_record_done(&n.r);
    return rc;
}

const struct pl_feed pl_feed_nvd = {
    .name = "nvd",
    .what = "NIST National Vulnerability Database",
    .spec = "NVD API 2.0",
    .folder = "nvd",
    .rank = 90,
    .sniff = sniff,
    .read = read_nvd,
};
