/* alma_errata.c - AlmaLinux errata: binary packages of one release.
 *
 * Spec: errata.almalinux.org/<release>/errata.json, a dump of the publisher's database: dates are
 * MongoDB extended JSON ({"$date": milliseconds}, or text). */
#include "feed/streams.h"

#include <time.h>

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_key(f->head, 2, "updateinfo_id") || pl_head_key(f->head, 3, "updateinfo_id");
}

struct alma {
    struct pl_record r;
    struct pl_advisory_sink *out;
    const char *path;
    char covered[32];
};

static pl_span date(struct alma *a, const json_t *rec, const char *key)
{
    const json_t *v = json_object_get(rec, key);
    if (json_is_object(v))
        v = json_object_get(v, "$date");
    if (json_is_string(v))
        return pl_json_span(v);
    double ms = json_is_number(v) ? json_number_value(v) : 0;
    struct tm tm;
    time_t when = ms > 0 && ms < 1e14 ? (time_t)(ms / 1000) : 0;
    if (!when || !gmtime_r(&when, &tm))
        return PL_SPAN_NONE;
    return pl_record_printf(&a->r, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* "1.module_el8.1.0+278+e11acd7c", "9.el9_1" -> "8", "9". */
static pl_span release_number(pl_span release)
{
    for (size_t i = 0; i + 2 < release.len; i++) {
        if (release.ptr[i] != 'e' || release.ptr[i + 1] != 'l')
            continue;
        size_t n = 0;
        while (i + 2 + n < release.len && release.ptr[i + 2 + n] >= '0' &&
               release.ptr[i + 2 + n] <= '9')
            n++;
        if (n && n < 3)
            return pl_span_sub(release, i + 2, n);
    }
    return PL_SPAN_NONE;
}

static void add_row(struct alma *a, const json_t *package, pl_span module)
{
    pl_span name = pl_json_text(package, "name"), version = pl_json_text(package, "version");
    pl_span release = pl_json_text(package, "release"), epoch = pl_json_text(package, "epoch");
    pl_span arch = pl_json_text(package, "arch"), number = release_number(release);
    if (name.len == 0 || version.len == 0 || number.len == 0 || pl_span_eq(arch, PL_LIT("src")))
        return;
    const json_t *e = json_object_get(package, "epoch");
    if (json_is_integer(e))
        epoch = pl_record_printf(&a->r, "%lld", (long long)json_integer_value(e));
    pl_span evr = pl_record_printf(&a->r, "%.*s:%.*s-%.*s", PL_FMT(epoch.len ? epoch : PL_LIT("0")),
                                   PL_FMT(version), PL_FMT(release));
    pl_span stream = pl_record_printf(&a->r, "almalinux:%.*s", PL_FMT(number));
    struct pl_affected *row =
        pl_record_affected(&a->r, stream, name, "rpm", PL_STATUS_FIXED, pl_rpm_version(evr));
    row->arch = arch;
    row->module = module;
    if (!pl_span_eq(stream, pl_span_str(a->covered))) {
        a->out->covers(a->out, stream);
        snprintf(a->covered, sizeof(a->covered), "%.*s", PL_FMT(stream));
    }
}

/* The module's "name:stream" stands with the package, or with the whole erratum; of several there
 * any may be meant. */
static void add_package(struct alma *a, const json_t *rec, const json_t *package)
{
    pl_span module = pl_json_text(package, "module"), release = pl_json_text(package, "release");
    if (pl_span_find(release, PL_LIT(".module")) == SIZE_MAX) {
        add_row(a, package, PL_SPAN_NONE);
        return;
    }
    if (module.len) {
        add_row(a, package, module);
        return;
    }
    const json_t *modules = pl_json_array(rec, "modules");
    pl_span last = { 0 };
    for (size_t i = 0; i < json_array_size(modules); i++) {
        const json_t *m = json_array_get(modules, i);
        pl_span one = pl_record_printf(&a->r, "%.*s:%.*s", PL_FMT(pl_json_text(m, "name")),
                                       PL_FMT(pl_json_text(m, "stream")));
        if (one.len > 1 && !pl_span_eq(one, last)) /* one a architecture */
            add_row(a, package, one);
        last = one;
    }
    if (last.len == 0)
        add_row(a, package, PL_LIT("*"));
}

static void packages(struct alma *a, const json_t *rec)
{
    const json_t *list = pl_json_object(rec, "pkglist");
    const json_t *all = list ? pl_json_array(list, "packages") : pl_json_array(rec, "pkglist");
    if (!all)
        all = pl_json_array(rec, "packages");
    for (size_t i = 0; i < json_array_size(all); i++)
        add_package(a, rec, json_array_get(all, i));
}

static pl_rc erratum(struct alma *a, const json_t *rec, struct pl_err *err)
{
    pl_record_reset(&a->r);
    struct pl_advisory *adv = &a->r.a;
    adv->id = pl_json_text(rec, "updateinfo_id");
    if (adv->id.len == 0) {
        a->out->skip(a->out, pl_span_str(a->path), "an erratum without an id");
        return PL_OK;
    }
    if (!pl_span_eq(pl_json_text(rec, "type"), PL_LIT("security")))
        return PL_OK;
    adv->title = pl_json_text(rec, "title");
    adv->description = pl_json_text(rec, "description");
    adv->severity = pl_severity_parse(pl_json_text(rec, "severity"));
    adv->published = date(a, rec, "issued_date");
    adv->modified = date(a, rec, "updated_date");
    const json_t *refs = pl_json_array(rec, "references");
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const json_t *ref = json_array_get(refs, i);
        pl_span id = pl_json_text(ref, "id"), href = pl_json_text(ref, "href");
        if (pl_is_cve(id))
            pl_record_vuln(&a->r, id, PL_SEVERITY_UNKNOWN);
        else
            pl_record_reference(&a->r, href);
    }
    packages(a, rec);
    return pl_record_emit(&a->r, a->out, err);
}

static pl_rc element(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct alma *a = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "an erratum larger than any should be" };
    (void)key;
    if (!value.ptr || pl_json_parse(value, &rec, &why)) {
        a->out->skip(a->out, pl_span_str(a->path), why.msg);
        return PL_OK;
    }
    return erratum(a, rec, err);
}

static pl_rc read_alma(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct alma a = { .out = out, .path = f->path };
    pl_record_init(&a.r, "alma_errata", f->limits);
    pl_rc rc = pl_json_each(f->reader, pl_head_first(f->head) == '[' ? "" : "data",
                            f->limits->record_bytes, element, &a, err);
    pl_record_done(&a.r);
    return rc;
}

const struct pl_feed pl_feed_alma_errata = {
    .name = "alma_errata",
    .what = "AlmaLinux errata",
    .spec = "errata.almalinux.org/<release>/errata.json",
    .folder = "alma-errata",
    .rank = 10,
    .sniff = sniff,
    .read = read_alma,
};
