/* echo.c - Echo: source package, CVE, the version that fixes it.
 * Spec: advisory.echohq.com/data.json, {package: {CVE: {fixed_version, severity}}}. */
#include "feed/record.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '{' && pl_head_key(f->head, 3, "fixed_version") &&
           !pl_head_key(f->head, 1, "id");
}

struct echo {
    struct pl_record r;
    struct pl_advisory_sink *out;
};

static pl_rc package(struct echo *e, pl_span name, const json_t *cves, struct pl_err *err)
{
    const char *id;
    json_t *rec;
    pl_rc rc = PL_OK;
    json_object_foreach((json_t *)(uintptr_t)cves, id, rec)
    {
        pl_span fixed = pl_json_text(rec, "fixed_version");
        pl_record_reset(&e->r);
        e->r.a.id = pl_span_str(id);
        e->r.a.severity = pl_severity_parse(pl_json_text(rec, "severity"));
        enum pl_status s = pl_span_eq(fixed, PL_LIT("0")) ? PL_STATUS_NOT_AFFECTED
                           : fixed.len                    ? PL_STATUS_FIXED
                                                          : PL_STATUS_AFFECTED;
        pl_record_affected(&e->r, PL_LIT("echo"), name, "deb", s,
                           s == PL_STATUS_FIXED ? fixed : PL_SPAN_NONE)
            ->of_source = true;
        rc = pl_record_emit(&e->r, e->out, err);
        if (rc)
            break;
    }
    return rc;
}

static pl_rc member(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct echo *e = ctx;
    PL_AUTO(json) json_t *cves = NULL;
    struct pl_err why = { .msg = "a package larger than any should be" };
    if (!value.ptr || pl_json_parse(value, &cves, &why) || !json_is_object(cves)) {
        e->out->skip(e->out, key, cves ? "no object" : why.msg);
        return PL_OK;
    }
    return package(e, key, cves, err);
}

static pl_rc read_echo(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct echo e = { .out = out };
    out->covers(out, PL_LIT("echo"));
    pl_record_init(&e.r, "echo", f->limits);
    pl_rc rc = pl_json_each(f->reader, "", f->limits->record_bytes, member, &e, err);
    pl_record_done(&e.r);
    return rc;
}

const struct pl_feed pl_feed_echo = {
    .name = "echo",
    .what = "Echo advisories",
    .spec = "advisory.echohq.com/data.json",
    .folder = "echo",
    .rank = 10,
    .sniff = sniff,
    .read = read_echo,
};
