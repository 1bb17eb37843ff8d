/* kev.c - CISA's catalogue of vulnerabilities that are known to be exploited.
 * Spec: known_exploited_vulnerabilities_schema.json. */
#include "feed/record.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '{' && pl_head_key(f->head, 1, "vulnerabilities") &&
           pl_head_key(f->head, 3, "cveID");
}

struct kev {
    struct pl_advisory_sink *out;
    struct pl_record r;
};

static pl_rc entry(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct kev *k = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "an entry larger than any should be" };
    (void)key;
    if (!value.ptr || pl_json_parse(value, &rec, &why)) {
        k->out->skip(k->out, PL_LIT("kev"), why.msg);
        return PL_OK;
    }
    pl_span id = pl_json_text(rec, "cveID"), cwe;
    if (!pl_is_cve(id)) {
        k->out->skip(k->out, id.len ? id : PL_LIT("kev"), "an entry without a CVE");
        return PL_OK;
    }
    pl_record_reset(&k->r);
    pl_json_each_text(pl_json_array(rec, "cwes"), i, cwe) pl_record_cwe(&k->r, cwe);
    struct pl_vuln_facts v = {
        .id = id,
        .epss = -1,
        .epss_percentile = -1,
        .known_exploited = true,
        .ransomware =
            pl_span_eq_nocase(pl_json_text(rec, "knownRansomwareCampaignUse"), PL_LIT("Known")),
        .kev_added = pl_json_text(rec, "dateAdded"),
        .kev_due = pl_json_text(rec, "dueDate"),
        .kev_name = pl_json_text(rec, "vulnerabilityName"),
        .cwes = k->r.cwes.items,
        .n_cwes = k->r.cwes.n,
    };
    return k->out->vuln(k->out, &v, err);
}

/* The date of the catalogue itself. */
static pl_rc released(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct kev *k = ctx;
    (void)err;
    if (pl_span_eq(key, PL_LIT("dateReleased")) && value.ptr && value.len > 2)
        k->out->published(k->out, pl_span_sub(value, 1, value.len - 2));
    return PL_OK;
}

static pl_rc read_kev(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct kev k = { .out = out };
    pl_rc rc = pl_json_each(f->reader, "", 256, released, &k, err);
    if (!rc)
        rc = f->rewind(f, err);
    if (rc)
        return rc;
    pl_record_init(&k.r, "kev", f->limits);
    rc = pl_json_each(f->reader, "vulnerabilities", f->limits->record_bytes, entry, &k, err);
    pl_record_done(&k.r);
    return rc;
}

const struct pl_feed pl_feed_kev = {
    .name = "kev",
    .what = "CISA Known Exploited Vulnerabilities",
    .spec = "known_exploited_vulnerabilities_schema.json",
    .folder = "kev",
    .rank = 90,
    .sniff = sniff,
    .read = read_kev,
};
