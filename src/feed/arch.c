/* arch.c - Arch Linux: groups of vulnerabilities (AVG) and the packages they touch.
 *
 * Spec: security.archlinux.org/all.json. pacman orders versions as rpm does
 * ([epoch:]version-release, alpm's vercmp is rpmvercmp). "Testing": the fix is on its way. */
#include "feed/record.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '[' && pl_head_key(f->head, 2, "packages") &&
           pl_head_key(f->head, 2, "issues");
}

struct arch {
    struct pl_record r;
    struct pl_advisory_sink *out;
};

static pl_rc group(struct arch *a, const json_t *rec, struct pl_err *err)
{
    pl_span status = pl_json_text(rec, "status"), fixed = pl_json_text(rec, "fixed"), text;
    pl_record_reset(&a->r);
    a->r.a.id = pl_json_text(rec, "name");
    if (a->r.a.id.len == 0) {
        a->out->skip(a->out, PL_LIT("arch"), "a group without a name");
        return PL_OK;
    }
    a->r.a.title = pl_json_text(rec, "type");
    a->r.a.severity = pl_severity_parse(pl_json_text(rec, "severity"));
    pl_json_each_text(pl_json_array(rec, "issues"), i, text)
        pl_record_vuln(&a->r, text, PL_SEVERITY_UNKNOWN);
    pl_json_each_text(pl_json_array(rec, "advisories"), i, text) pl_record_reference(
        &a->r, pl_record_printf(&a->r, "https://security.archlinux.org/%.*s", PL_FMT(text)));
    enum pl_status s = pl_span_eq(status, PL_LIT("Not affected")) ? PL_STATUS_NOT_AFFECTED
                       : fixed.len                                ? PL_STATUS_FIXED
                       : pl_span_eq(status, PL_LIT("Unknown"))    ? PL_STATUS_UNDER_INVESTIGATION
                                                                  : PL_STATUS_AFFECTED;
    pl_json_each_text(pl_json_array(rec, "packages"), i, text) pl_record_affected(
        &a->r, PL_LIT("arch"), text, "rpm", s, s == PL_STATUS_FIXED ? fixed : PL_SPAN_NONE);
    return pl_record_emit(&a->r, a->out, err);
}

static pl_rc element(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct arch *a = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "a group larger than any should be" };
    (void)key;
    if (!value.ptr || pl_json_parse(value, &rec, &why)) {
        a->out->skip(a->out, PL_LIT("arch"), why.msg);
        return PL_OK;
    }
    return group(a, rec, err);
}

static pl_rc read_arch(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct arch a = { .out = out };
    out->covers(out, PL_LIT("arch"));
    pl_record_init(&a.r, "arch", f->limits);
    pl_rc rc = pl_json_each(f->reader, "", f->limits->record_bytes, element, &a, err);
    pl_record_done(&a.r);
    return rc;
}

const struct pl_feed pl_feed_arch = {
    .name = "arch",
    .what = "Arch Linux security tracker",
    .spec = "security.archlinux.org/all.json",
    .folder = "arch",
    .rank = 10,
    .sniff = sniff,
    .read = read_arch,
};
