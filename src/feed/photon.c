/* photon.c - Photon OS: one row a CVE, package and release line.
 *
 * Spec: cve_data_photon<release>.json. The release stands in the version ("1.10.8-2.ph1"), or
 * else in the file's name. Packages are source packages. */
#include "feed/record.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '[' && pl_head_key(f->head, 2, "cve_id") &&
           pl_head_key(f->head, 2, "pkg");
}

struct photon {
    struct pl_record r;
    struct pl_advisory_sink *out;
    const char *path;
    char covered[32];
};

/* The digits behind the last such part. */
static bool number_after(pl_span s, pl_span part, pl_span *out)
{
    size_t at, best = SIZE_MAX;
    for (size_t from = 0; (at = pl_span_find(pl_span_from(s, from), part)) != SIZE_MAX;) {
        from += at + part.len;
        if (from < s.len && s.ptr[from] >= '0' && s.ptr[from] <= '9')
            best = from;
    }
    if (best == SIZE_MAX)
        return false;
    size_t n = 1;
    while (best + n < s.len && s.ptr[best + n] >= '0' && s.ptr[best + n] <= '9')
        n++;
    *out = pl_span_sub(s, best, n);
    return true;
}

static pl_rc row(struct photon *p, const json_t *rec, struct pl_err *err)
{
    pl_span id = pl_json_text(rec, "cve_id"), package = pl_json_text(rec, "pkg"), release;
    pl_span fixed = pl_json_text(rec, "res_ver");
    if (id.len == 0 || package.len == 0) {
        p->out->skip(p->out, id.len ? id : pl_span_str(p->path), "a row without CVE or package");
        return PL_OK;
    }
    if (!number_after(fixed, PL_LIT(".ph"), &release) &&
        !number_after(pl_json_text(rec, "aff_ver"), PL_LIT(".ph"), &release) &&
        !number_after(pl_span_str(p->path), PL_LIT("photon"), &release)) {
        p->out->skip(p->out, id, "names no release of Photon");
        return PL_OK;
    }
    pl_record_reset(&p->r);
    p->r.a.id = id;
    pl_span stream = pl_record_printf(&p->r, "photon:%.*s.0", PL_FMT(release));
    if (!pl_span_eq(stream, pl_span_str(p->covered))) {
        p->out->covers(p->out, stream);
        snprintf(p->covered, sizeof(p->covered), "%.*s", PL_FMT(stream));
    }
    double score = pl_json_number(rec, "cve_score", -1);
    if (score > 0)
        pl_record_cvss(&p->r, PL_LIT("photon"), PL_SPAN_NONE, score);
    bool no_fix = fixed.len == 0 || pl_span_eq_nocase(fixed, PL_LIT("NA"));
    enum pl_status status = pl_span_eq_nocase(pl_json_text(rec, "status"), PL_LIT("Not Affected"))
                                ? PL_STATUS_NOT_AFFECTED
                            : no_fix ? PL_STATUS_AFFECTED
                                     : PL_STATUS_FIXED;
    pl_record_affected(&p->r, stream, package, "rpm", status,
                       status == PL_STATUS_FIXED ? fixed : PL_SPAN_NONE)
        ->of_source = true;
    return pl_record_emit(&p->r, p->out, err);
}

static pl_rc element(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct photon *p = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "a row larger than any should be" };
    (void)key;
    if (!value.ptr || pl_json_parse(value, &rec, &why)) {
        p->out->skip(p->out, pl_span_str(p->path), why.msg);
        return PL_OK;
    }
    return row(p, rec, err);
}

static pl_rc read_photon(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct photon p = { .out = out, .path = f->path };
    pl_record_init(&p.r, "photon", f->limits);
    pl_rc rc = pl_json_each(f->reader, "", f->limits->record_bytes, element, &p, err);
    pl_record_done(&p.r);
    return rc;
}

const struct pl_feed pl_feed_photon = {
    .name = "photon",
    .what = "Photon OS vulnerability data",
    .spec = "cve_data_photon<release>.json",
    .folder = "photon",
    .rank = 10,
    .sniff = sniff,
    .read = read_photon,
};
