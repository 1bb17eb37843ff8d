/* openEuler's CVRF: one document is one advisory, for one or more releases.
 *
 * The product tree lists packages, each with the CPE of its release; each vulnerability lists the
 * releases it is fixed in. So a package's row belongs to the vulnerabilities that name its
 * release. The document gives no epochs: versions are compared with epoch 0.
 * Spec: CVRF 1.1 (ICASI); openEuler security/data/cvrf. */
#include "base/arena.h"
#include "base/map.h"
#include "base/xml.h"
#include "feed/feed.h"

#include <stdlib.h>

enum { MAX_PACKAGES = 100000, MAX_VULNS = 8192, MAX_PRODUCTS = 64, MAX_REFERENCES = 64 };

struct package {
    pl_span name, fixed, stream;
    pl_span arch[8];
    size_t n_arch;
};

struct vuln {
    pl_span id, severity, vector, score;
    pl_span products[MAX_PRODUCTS]; /* streams it is fixed in */
    size_t n_products;
};

struct reading {
    struct pl_advisory_sink *out;
    struct pl_arena arena;
    struct pl_map by_key; /* number of a package, from 1 */
    bool full, in_vuln, fixed_status;
    pl_span id, published, modified, synopsis, description, severity;
    pl_span note_title, branch, cpe;
    struct pl_vec packages, vulns, references;
    struct vuln vuln;
};

static pl_span keep(struct reading *r, pl_span text)
{
    pl_span kept = PL_SPAN_NONE;
    if (text.len && !pl_arena_copy(&r->arena, text, &kept))
        r->full = true;
    return kept;
}

static void *push(struct reading *r, struct pl_vec *list, size_t most)
{
    void *item = list->n < most ? pl_vec_push(&r->arena, list) : NULL;
    if (!item)
        r->full = true;
    return item;
}

/* "cpe:/a:openEuler:openEuler:22.03-LTS-SP3" or "openEuler-22.03-LTS-SP3" */
static pl_span stream_of(struct reading *r, pl_span text)
{
    size_t colon = pl_span_rchr(text, ':');
    if (pl_span_starts(text, PL_LIT("cpe:")) && colon != SIZE_MAX &&
        pl_span_find(text, PL_LIT(":openEuler:")) != SIZE_MAX)
        text = pl_span_from(text, colon + 1);
    else if (!pl_span_skip_lit(&text, PL_LIT("openEuler-")))
        return PL_SPAN_NONE;
    if (!text.len)
        return PL_SPAN_NONE;
    return pl_span_str(pl_arena_printf(&r->arena, "openeuler:%.*s", PL_FMT(text)));
}

/* "firefox-128.8.0-1.oe2203sp3.aarch64.rpm": from the right, name may hold dashes. */
static bool split_file(pl_span file, pl_span *name, pl_span *evr, pl_span *arch)
{
    if (!pl_span_ends(file, PL_LIT(".rpm")))
        return false;
    file.len -= 4;
    size_t dot = pl_span_rchr(file, '.');
    if (dot == SIZE_MAX)
        return false;
    *arch = pl_span_from(file, dot + 1);
    file.len = dot;
    size_t release = pl_span_rchr(file, '-');
    if (release == SIZE_MAX)
        return false;
    size_t version = pl_span_rchr(pl_span_sub(file, 0, release), '-');
    if (version == SIZE_MAX || !version)
        return false;
    *name = pl_span_sub(file, 0, version);
    *evr = pl_span_from(file, version + 1);
    return true;
}

static void close_product(struct reading *r, pl_span text)
{
    pl_span name, evr, arch, stream = stream_of(r, r->cpe);
    if (!split_file(text, &name, &evr, &arch) || !stream.len || pl_span_eq(arch, PL_LIT("src")))
        return;
    char *key =
        pl_arena_printf(&r->arena, "%.*s|%.*s|%.*s", PL_FMT(name), PL_FMT(evr), PL_FMT(stream));
    void **at = key ? pl_map_at(&r->by_key, pl_span_str(key)) : NULL;
    if (!at) {
        r->full = true;
        return;
    }
    if (!*at) {
        struct package *p = push(r, &r->packages, MAX_PACKAGES);
        if (!p)
            return;
        *p = (struct package){ .name = keep(r, name), .fixed = keep(r, evr), .stream = stream };
        *at = (void *)(uintptr_t)r->packages.n;
    }
    struct package *p = (struct package *)r->packages.items + ((uintptr_t)*at - 1);
    for (size_t i = 0; i < p->n_arch; i++)
        if (pl_span_eq(p->arch[i], arch))
            return;
    if (p->n_arch < PL_COUNT(p->arch))
        p->arch[p->n_arch++] = keep(r, arch);
}

static pl_rc on_open(void *ctx, pl_span name, const struct pl_xml_attrs *a, unsigned depth,
                     struct pl_err *err)
{
    struct reading *r = ctx;
    if (depth == 1 && !pl_span_eq(name, PL_LIT("cvrfdoc")))
        return pl_fail(err, PL_EFORMAT, "not cvrfdoc but %.*s", PL_FMT(name));
    if (depth == 2 && pl_span_eq(name, PL_LIT("Vulnerability"))) {
        r->in_vuln = true;
        r->vuln = (struct vuln){ 0 };
    } else if (pl_span_eq(name, PL_LIT("Note"))) {
        r->note_title = keep(r, pl_xml_attr(a, "Title"));
    } else if (pl_span_eq(name, PL_LIT("FullProductName"))) {
        r->cpe = keep(r, pl_xml_attr(a, "CPE"));
    } else if (pl_span_eq(name, PL_LIT("Status"))) {
        r->fixed_status = pl_span_eq(pl_xml_attr(a, "Type"), PL_LIT("Fixed"));
    }
    return PL_OK;
}

static void close_in_vuln(struct reading *r, pl_span name, pl_span text)
{
    struct vuln *v = &r->vuln;
    if (pl_span_eq(name, PL_LIT("CVE"))) {
        v->id = keep(r, text);
    } else if (pl_span_eq(name, PL_LIT("ProductID")) && r->fixed_status) {
        pl_span stream = stream_of(r, text);
        if (stream.len && v->n_products < MAX_PRODUCTS)
            v->products[v->n_products++] = stream;
    } else if (pl_span_eq(name, PL_LIT("Description")) && !v->severity.len) {
        v->severity = keep(r, text); /* of the threat; that of the remedy comes later */
    } else if (pl_span_eq(name, PL_LIT("BaseScore"))) {
        v->score = keep(r, text);
    } else if (pl_span_eq(name, PL_LIT("Vector"))) {
        v->vector = keep(r, text);
    }
}

static void close_note(struct reading *r, pl_span text)
{
    if (pl_span_eq(r->note_title, PL_LIT("Synopsis")))
        r->synopsis = keep(r, text);
    else if (pl_span_eq(r->note_title, PL_LIT("Description")))
        r->description = keep(r, text);
    else if (pl_span_eq(r->note_title, PL_LIT("Severity")))
        r->severity = keep(r, text);
}

static pl_rc on_close(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err)
{
    struct reading *r = ctx;
    if (depth == 2 && r->in_vuln) {
        r->in_vuln = false;
        struct vuln *v = r->vuln.id.len ? push(r, &r->vulns, MAX_VULNS) : NULL;
        if (v)
            *v = r->vuln;
    } else if (r->in_vuln) {
        close_in_vuln(r, name, text);
    } else if (pl_span_eq(name, PL_LIT("ID")) && !r->id.len) {
        r->id = keep(r, text);
    } else if (pl_span_eq(name, PL_LIT("InitialReleaseDate"))) {
        r->published = keep(r, text);
    } else if (pl_span_eq(name, PL_LIT("CurrentReleaseDate"))) {
        r->modified = keep(r, text);
    } else if (pl_span_eq(name, PL_LIT("Note"))) {
        close_note(r, text);
    } else if (pl_span_eq(name, PL_LIT("FullProductName"))) {
        close_product(r, text);
    } else if (pl_span_eq(name, PL_LIT("URL")) && r->references.n < MAX_REFERENCES) {
        pl_span *url = push(r, &r->references, MAX_REFERENCES);
        if (url)
            *url = keep(r, text);
    }
    return r->full ? pl_fail(err, PL_ELIMIT, "document too large") : PL_OK;
}

/* ---- giving it ---- */

static bool is_fixed_in(const struct vuln *v, pl_span stream)
{
    for (size_t i = 0; i < v->n_products; i++)
        if (pl_span_eq(v->products[i], stream))
            return true;
    return false;
}

static bool same_products(const struct vuln *x, const struct vuln *y)
{
    for (size_t i = 0; i < x->n_products; i++)
        if (!is_fixed_in(y, x->products[i]))
            return false;
    return x->n_products == y->n_products;
}

static pl_span join_arch(struct reading *r, const struct package *p)
{
    char text[256];
    size_t n = 0;
    for (size_t i = 0; i < p->n_arch && p->arch[i].len + n + 2 < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? " " : "",
                              PL_FMT(p->arch[i]));
    return keep(r, pl_span_of(text, n));
}

/* openEuler writes version 3 vectors without their prefix. */
static struct pl_cvss cvss_of(struct reading *r, const struct vuln *v)
{
    char number[16] = "";
    if (v->score.len < sizeof(number) && v->score.len)
        memcpy(number, v->score.ptr, v->score.len);
    bool v3 = pl_span_find(v->vector, PL_LIT("/PR:")) != SIZE_MAX &&
              !pl_span_starts(v->vector, PL_LIT("CVSS:"));
    pl_span vector = v->vector;
    if (v3)
        vector = pl_span_str(pl_arena_printf(&r->arena, "CVSS:3.1/%.*s", PL_FMT(v->vector)));
    return (struct pl_cvss){ .source = PL_LIT("openeuler"),
                             .vector = vector,
                             .score = v->score.len ? strtod(number, NULL) : -1 };
}

static size_t rows_of(struct reading *r, const struct vuln *v, struct pl_affected *rows,
                      struct pl_range *ranges)
{
    const struct package *p = r->packages.items;
    size_t n = 0;
    pl_span channel = PL_SPAN_NONE;
    if (pl_span_find(r->id, PL_LIT("HotPatch")) != SIZE_MAX)
        channel = PL_LIT("hotpatch");
    for (size_t i = 0; i < r->packages.n; i++) {
        if (!is_fixed_in(v, p[i].stream))
            continue;
        ranges[n].fixed = p[i].fixed;
        rows[n] = (struct pl_affected){ .stream = p[i].stream,
                                        .package = p[i].name,
                                        .scheme = PL_LIT("rpm"),
                                        .arch = join_arch(r, &p[i]),
                                        .channel = channel,
                                        .status = PL_STATUS_FIXED,
                                        .ranges = &ranges[n],
                                        .n_ranges = 1 };
        n++;
    }
    return n;
}

/* All vulnerabilities that are fixed in the same releases as the first, in one advisory. */
static pl_rc give_group(struct reading *r, size_t first, bool *given, struct pl_affected *rows,
                        struct pl_range *ranges, struct pl_vuln_ref *refs, struct pl_err *err)
{
    const struct vuln *v = r->vulns.items;
    size_t n = 0;
    for (size_t i = first; i < r->vulns.n; i++) {
        if (given[i] || !same_products(&v[first], &v[i]))
            continue;
        given[i] = true;
        refs[n++] = (struct pl_vuln_ref){ v[i].id, pl_severity_parse(v[i].severity) };
    }
    struct pl_cvss cvss = cvss_of(r, &v[first]);
    bool scored = cvss.vector.len || cvss.score >= 0;
    struct pl_advisory adv = {
        .id = r->id,
        .feed = PL_LIT("openeuler-cvrf"),
        .vulns = refs,
        .n_vulns = n,
        .title = r->synopsis,
        .description = r->description,
        .severity = pl_severity_parse(r->severity),
        .references = r->references.items,
        .n_references = r->references.n,
        .published = r->published,
        .modified = r->modified,
        .affected = rows,
        .cvss = &cvss,
        .n_cvss = n == 1 && scored,
    };
    adv.n_affected = rows_of(r, &v[first], rows, ranges);
    return adv.n_affected ? r->out->advisory(r->out, &adv, err) : PL_OK;
}

/* One advisory has no place for the scores of several. */
static pl_rc give_facts(struct reading *r, struct pl_err *err)
{
    const struct vuln *v = r->vulns.items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; r->vulns.n > 1 && i < r->vulns.n && !rc; i++) {
        struct pl_cvss cvss = cvss_of(r, &v[i]);
        struct pl_vuln_facts facts = {
            .id = v[i].id, .epss = -1, .epss_percentile = -1, .cvss = &cvss, .n_cvss = 1
        };
        if (cvss.vector.len || cvss.score >= 0)
            rc = r->out->vuln(r->out, &facts, err);
    }
    return rc;
}

static void tell_streams(struct reading *r)
{
    const struct package *p = r->packages.items;
    for (size_t i = 0; i < r->packages.n; i++)
        if (!i || !pl_span_eq(p[i].stream, p[i - 1].stream))
            r->out->covers(r->out, p[i].stream);
}

static pl_rc finish(struct reading *r, struct pl_err *err)
{
    if (!r->packages.n || !r->id.len) {
        r->out->skip(r->out, r->id, "no openEuler package in this CVRF document");
        return PL_OK;
    }
    bool *given = pl_arena_array(&r->arena, r->vulns.n, sizeof(*given));
    struct pl_affected *rows = pl_arena_array(&r->arena, r->packages.n, sizeof(*rows));
    struct pl_range *ranges = pl_arena_array(&r->arena, r->packages.n, sizeof(*ranges));
    struct pl_vuln_ref *refs = pl_arena_array(&r->arena, r->vulns.n, sizeof(*refs));
    if (!given || !rows || !ranges || !refs)
        return pl_fail(err, PL_ELIMIT, "document too large");
    tell_streams(r);
    if (r->modified.len)
        r->out->published(r->out, r->modified);
    pl_rc rc = PL_OK;
    for (size_t i = 0; i < r->vulns.n && !rc; i++)
        if (!given[i])
            rc = give_group(r, i, given, rows, ranges, refs, err);
    return rc ? rc : give_facts(r, err);
}

static pl_rc read_document(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    static const struct pl_xml_events events = { on_open, on_close, NULL };
    struct reading r = { .out = out,
                         .packages = PL_VEC(struct package),
                         .vulns = PL_VEC(struct vuln),
                         .references = PL_VEC(pl_span) };
    pl_arena_init(&r.arena, 2 * f->limits->record_bytes);
    pl_rc rc = pl_xml_read(f->reader, &events, &r, NULL, err);
    if (!rc)
        rc = finish(&r, err);
    pl_map_done(&r.by_key);
    pl_arena_done(&r.arena);
    return rc;
}

static bool sniff(const struct pl_feed_file *f)
{
    pl_span head = pl_span_sub(pl_span_trim(f->head), 0, 4096);
    return head.len && head.ptr[0] == '<' && pl_span_find(head, PL_LIT("cvrfdoc")) != SIZE_MAX;
}

const struct pl_feed pl_feed_cvrf = {
    .name = "openeuler-cvrf",
    .what = "openEuler security advisories (CVRF)",
    .spec = "CVRF 1.1 (ICASI)",
    .folder = "openeuler",
    .rank = 10,
    .sniff = sniff,
    .read = read_document,
};
