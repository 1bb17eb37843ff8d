/* osv.c - Open Source Vulnerability records: languages, and most distributions too.
 *
 * A file holds one record, an array of them, or one after the other (JSON lines). */
#include "feed/osv.h"

#include "base/map.h"
#include "feed/streams.h"
#include "version/version.h"

enum { MAX_REFERENCES = 64, MAX_EVENTS = 100000 };

bool pl_osv_sniff(const struct pl_feed_file *f)
{
    char first = pl_head_first(f->head);
    unsigned depth = first == '[' ? 2 : 1;
    if (first != '{' && first != '[')
        return false;
    bool id = pl_head_key(f->head, depth, "id"), rows = pl_head_key(f->head, depth, "affected");
    if (pl_head_key(f->head, depth, "schema_version") ||
        (id && (rows || pl_head_key(f->head, depth, "modified"))))
        return true;
    /* Members come in any order, and a kernel's "affected" alone is longer than the head. */
    return rows && (pl_head_key(f->head, depth + 2, "package") ||
                    pl_head_key(f->head, depth + 2, "ecosystem_specific"));
}

struct osv {
    struct pl_record r;
    struct pl_advisory_sink *out;
    const char *path;
    pl_span source;     /* of scores; empty: whoever publishes the record */
    bool distro;        /* some affected entry is of a distribution */
    struct pl_map seen; /* rows of this record, where publishers repeat them per architecture */
};

/* ---- which vulnerabilities ---- */

/* Every CVE of a list becomes one that the record speaks of; how many there were. */
static size_t vulns_of(struct osv *o, const json_t *list)
{
    pl_span id;
    size_t n = 0;
    pl_json_each_text(list, i, id)
    {
        if (pl_is_cve(id)) {
            pl_record_vuln(&o->r, id, PL_SEVERITY_UNKNOWN);
            n++;
        }
    }
    return n;
}

static void aliases_of(struct osv *o, const json_t *list)
{
    pl_span id, cve;
    pl_json_each_text(list, i, id)
    {
        /* "DEBIAN-CVE-2022-1292" is that CVE once more. */
        if (!pl_span_eq(id, o->r.a.id) && (pl_is_cve(id) || !pl_cve_suffix(id, &cve)))
            pl_record_alias(&o->r, id);
    }
}

/* A distribution's advisory names a set of CVEs in `upstream`, or misuses `aliases`, or (older
 * DSA, ALSA, RLSA, SUSE-SU) `related`. Each is a vulnerability of its own; only beside a single
 * one are the other ids its aliases. */
static void distro_vulns(struct osv *o, const json_t *rec)
{
    const json_t *upstream = pl_json_array(rec, "upstream"),
                 *aliases = pl_json_array(rec, "aliases");
    size_t n = vulns_of(o, upstream);
    if (n == 0)
        n = vulns_of(o, aliases);
    if (n == 0)
        n = vulns_of(o, pl_json_array(rec, "related"));
    pl_span id;
    if (n == 0) { /* known by another's id alone: the first stands for it */
        pl_json_each_text(upstream, i, id)
        {
            if (o->r.vulns.n == 0)
                pl_record_vuln(&o->r, id, PL_SEVERITY_UNKNOWN);
        }
    }
    if (o->r.vulns.n > 1)
        return;
    aliases_of(o, upstream);
    aliases_of(o, aliases);
}

static void vulns(struct osv *o, const json_t *rec)
{
    const json_t *aliases = pl_json_array(rec, "aliases");
    pl_span cve, id;
    if (pl_is_cve(o->r.a.id)) {
        aliases_of(o, aliases);
    } else if (pl_cve_suffix(o->r.a.id, &cve)) { /* UBUNTU-CVE-..., ALPINE-CVE-... */
        pl_record_vuln(&o->r, cve, PL_SEVERITY_UNKNOWN);
        aliases_of(o, aliases);
    } else if (o->distro) {
        distro_vulns(o, rec);
    } else {
        /* All aliases are one vulnerability; its CVE names it. */
        pl_json_each_text(aliases, i, id)
        {
            if (pl_is_cve(id) && o->r.vulns.n == 0)
                pl_record_vuln(&o->r, id, PL_SEVERITY_UNKNOWN);
        }
        if (o->r.vulns.n == 0)
            vulns_of(o, pl_json_array(rec, "upstream"));
        aliases_of(o, aliases);
    }
}

/* ---- ranges ---- */

enum event_kind { INTRODUCED, LAST_AFFECTED, FIXED, LIMIT };

struct event {
    enum event_kind kind;
    pl_span version;
};

static bool from_start(pl_span v) { return v.len == 0 || pl_span_eq(v, PL_LIT("0")); }

struct order {
    const struct pl_scheme *scheme;
};

static int by_version(const void *pa, const void *pb, void *ctx)
{
    const struct event *a = pa, *b = pb;
    const struct order *o = ctx;
    bool a0 = a->kind == INTRODUCED && from_start(a->version);
    bool b0 = b->kind == INTRODUCED && from_start(b->version);
    if (a0 || b0)
        return (int)b0 - (int)a0;
    int c = o->scheme ? o->scheme->compare(a->version, b->version) : 0;
    return c ? c : (int)a->kind - (int)b->kind;
}

/* Introduced and its end, in turns, is how nearly all are written: nothing to sort. */
static bool in_turns(const struct event *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((e[i].kind == INTRODUCED) != (i % 2 == 0))
            return false;
    return true;
}

static size_t read_events(struct osv *o, const json_t *list, struct event *e, pl_span *limit,
                          const struct pl_scheme *scheme)
{
    static const char *const names[] = { "introduced", "last_affected", "fixed", "limit" };
    size_t n = 0;
    (void)o;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *event = json_array_get(list, i);
        for (size_t k = 0; k < PL_COUNT(names); k++) {
            pl_span v = pl_json_text(event, names[k]);
            if (v.len == 0)
                continue;
            if (k != LIMIT)
                e[n++] = (struct event){ (enum event_kind)k, v };
            else if (!limit->len || (scheme && scheme->compare(v, *limit) > 0))
                *limit = v; /* below any of them is below the highest */
            break;
        }
    }
    return n;
}

/* OSV's evaluation in one pass: in order of version, introduced opens, fixed or last_affected
 * closes; what is open already or closed already changes nothing. */
static bool add_ranges(struct osv *o, const json_t *range, const char *scheme_name,
                       struct pl_vec *ranges)
{
    const json_t *list = pl_json_array(range, "events");
    size_t size = json_array_size(list);
    if (size == 0 || size > MAX_EVENTS)
        return size == 0;
    struct event *e = pl_arena_array(&o->r.tmp, size, sizeof(*e));
    struct order order = { pl_scheme_find(pl_span_str(scheme_name)) };
    if (!order.scheme) /* an ecosystem without an order of its own here: numbers by value */
        order.scheme = pl_scheme_find(PL_LIT("rpm"));
    pl_span limit = { 0 };
    if (!e)
        return false;
    size_t n = read_events(o, list, e, &limit, order.scheme);
    if (!in_turns(e, n))
        qsort_r(e, n, sizeof(*e), by_version, &order);
    struct pl_range *open = NULL;
    for (size_t i = 0; i < n; i++) {
        if (e[i].kind == INTRODUCED && !open) {
            open = pl_vec_push(&o->r.tmp, ranges);
            if (!open)
                return false;
            open->introduced = from_start(e[i].version) ? PL_SPAN_NONE : e[i].version;
            open->limit = pl_span_eq(limit, PL_LIT("*")) ? PL_SPAN_NONE : limit;
        } else if (e[i].kind != INTRODUCED && open) {
            *(e[i].kind == FIXED ? &open->fixed : &open->last_affected) = e[i].version;
            open = NULL;
        }
    }
    return true;
}

static bool inside(const struct pl_scheme *s, const struct pl_range *r, pl_span v)
{
    return (!r->introduced.len || s->compare(r->introduced, v) <= 0) &&
           (!r->fixed.len || s->compare(v, r->fixed) < 0) &&
           (!r->last_affected.len || s->compare(v, r->last_affected) <= 0) &&
           (!r->limit.len || s->compare(v, r->limit) < 0);
}

static bool usable(const struct pl_scheme *s, const struct pl_range *r)
{
    return (!r->introduced.len || s->valid(r->introduced)) &&
           (!r->fixed.len || s->valid(r->fixed)) &&
           (!r->last_affected.len || s->valid(r->last_affected)) &&
           (!r->limit.len || s->valid(r->limit));
}

/* Enumerated versions that no range says already. Collectors of distribution records enumerate
 * what the range covers, thousands a package: there the ranges suffice. */
static bool add_versions(struct osv *o, const json_t *list, const struct pl_stream *at,
                         const struct pl_vec *ranges, struct pl_vec *versions)
{
    const struct pl_scheme *s = pl_scheme_find(pl_span_str(at->scheme));
    const struct pl_range *r = ranges->items;
    bool all = !s || ranges->n == 0;
    pl_span v;
    if (at->distro && ranges->n)
        return true;
    for (size_t i = 0; !all && i < ranges->n; i++)
        all = !usable(s, &r[i]);
    pl_json_each_text(list, i, v)
    {
        bool said = false;
        for (size_t k = 0; !all && !said && k < ranges->n; k++)
            said = s->valid(v) && inside(s, &r[k], v);
        if (said)
            continue;
        pl_span *one = pl_vec_push(&o->r.tmp, versions);
        if (!one)
            return false;
        *one = v;
    }
    return true;
}

/* ---- one affected entry ---- */

static enum pl_severity row_severity(const json_t *affected)
{
    static const char *const places[] = { "ecosystem_specific", "database_specific" };
    static const char *const words[] = { "severity", "urgency", "ubuntu_priority" };
    for (size_t i = 0; i < PL_COUNT(places); i++)
        for (size_t k = 0; k < PL_COUNT(words); k++) {
            const json_t *object = pl_json_object(affected, places[i]);
            enum pl_severity s = pl_severity_parse(pl_json_text(object, words[k]));
            if (s != PL_SEVERITY_UNKNOWN)
                return s;
        }
    pl_span type;
    const json_t *list = pl_json_array(affected, "severity");
    for (size_t i = 0; i < json_array_size(list); i++) {
        type = pl_json_text(json_array_get(list, i), "type");
        if (pl_span_eq(type, PL_LIT("Ubuntu")))
            return pl_severity_parse(pl_json_text(json_array_get(list, i), "score"));
    }
    return PL_SEVERITY_UNKNOWN;
}

/* Red Hat's first records end versions in the architecture that the purl names. */
static void cut_arch(struct osv *o, const json_t *package, struct pl_affected *row)
{
    pl_span purl = pl_json_text(package, "purl");
    size_t at = pl_span_find(purl, PL_LIT("arch="));
    if (at == SIZE_MAX || !pl_span_starts(row->stream, PL_LIT("rhel:")))
        return;
    pl_span arch = pl_span_from(purl, at + 5);
    arch = pl_span_sub(arch, 0, pl_span_chr(arch, '&'));
    struct pl_range *r = (struct pl_range *)(uintptr_t)row->ranges;
    for (size_t i = 0; i < row->n_ranges; i++) {
        if (r[i].fixed.len > arch.len + 1 && pl_span_ends(r[i].fixed, arch) &&
            r[i].fixed.ptr[r[i].fixed.len - arch.len - 1] == '.')
            r[i].fixed.len -= arch.len + 1;
    }
    if (pl_span_eq(arch, PL_LIT("src")))
        row->of_source = true;
    else
        row->arch = arch;
    (void)o;
}

/* Said already in this record? Rocky repeats a source package for every architecture. */
static bool repeated(struct osv *o, const struct pl_affected *row)
{
    const struct pl_range *r = row->ranges;
    if (!pl_span_eq(row->scheme, PL_LIT("rpm")) || row->n_ranges != 1)
        return false;
    pl_span key = pl_record_printf(&o->r, "%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%d",
                                   PL_FMT(row->stream), PL_FMT(row->channel), PL_FMT(row->package),
                                   PL_FMT(row->arch), PL_FMT(row->module), PL_FMT(r->introduced),
                                   PL_FMT(r->fixed), row->of_source);
    void **at = pl_map_at(&o->seen, key);
    if (!at || *at)
        return at != NULL;
    *at = o;
    return false;
}

static bool is_module_version(pl_span v)
{
    return pl_span_find(v, PL_LIT(".module+el")) != SIZE_MAX ||
           pl_span_find(v, PL_LIT(".module_el")) != SIZE_MAX;
}

static void keep_row(struct osv *o, const struct pl_affected *row)
{
    if (repeated(o, row))
        return;
    struct pl_affected *a =
        pl_record_affected(&o->r, row->stream, row->package, "rpm", row->status, PL_SPAN_NONE);
    *a = *row;
}

/* OSV has no word for modules, but the titles of Red Hat's and its rebuilders' advisories do:
 * "Moderate: virt:rhel and virt-devel:rhel security update". A row for each. Without one there,
 * "*": some module's. */
static void keep_module_rows(struct osv *o, struct pl_affected *row, pl_span title)
{
    pl_span word;
    bool any = false;
    while (pl_span_word(&title, &word)) {
        size_t colon = pl_span_chr(word, ':');
        if (colon == SIZE_MAX || colon == 0 || colon + 1 == word.len ||
            pl_span_rchr(word, ':') != colon || pl_span_find(word, PL_LIT("-20")) != SIZE_MAX)
            continue;
        if (word.ptr[word.len - 1] == ',' || word.ptr[word.len - 1] == ';')
            word.len--;
        row->module = word;
        keep_row(o, row);
        any = true;
    }
    row->module = PL_LIT("*");
    if (!any)
        keep_row(o, row);
}

static void set_status(struct pl_affected *row)
{
    row->status = PL_STATUS_AFFECTED;
    for (size_t i = 0; i < row->n_ranges; i++)
        if (row->ranges[i].fixed.len)
            row->status = PL_STATUS_FIXED;
}

static void add_affected(struct osv *o, const json_t *rec, const json_t *affected)
{
    const json_t *package = pl_json_object(affected, "package");
    struct pl_stream at;
    pl_span name = pl_json_text(package, "name");
    if (!name.len || !pl_stream_of_ecosystem(&o->r, pl_json_text(package, "ecosystem"), &at))
        return;
    o->distro = o->distro || at.distro;
    struct pl_vec ranges = PL_VEC(struct pl_range), versions = PL_VEC(pl_span);
    const json_t *list = pl_json_array(affected, "ranges");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *range = json_array_get(list, i);
        if (pl_span_eq(pl_json_text(range, "type"), PL_LIT("GIT")))
            continue; /* commits, not versions */
        if (!add_ranges(o, range, at.scheme, &ranges))
            o->r.failed = true;
    }
    if (!add_versions(o, pl_json_array(affected, "versions"), &at, &ranges, &versions))
        o->r.failed = true;
    if (ranges.n == 0 && versions.n == 0)
        return;
    struct pl_range *r = ranges.items;
    bool module = false, rpm = strcmp(at.scheme, "rpm") == 0;
    for (size_t i = 0; rpm && i < ranges.n; i++) {
        r[i].fixed = pl_rpm_version(r[i].fixed);
        r[i].introduced = pl_rpm_version(r[i].introduced);
        module = module || is_module_version(r[i].fixed);
    }
    struct pl_affected row = { .stream = at.stream,
                               .channel = at.channel,
                               .package = pl_package_name(&o->r, at.names, name),
                               .of_source = at.of_source,
                               .scheme = pl_span_str(at.scheme),
                               .severity = row_severity(affected),
                               .ranges = r,
                               .n_ranges = ranges.n,
                               .versions = versions.items,
                               .n_versions = versions.n };
    /* "mariadb:10.5::Judy", as some exports write a package of a module. */
    size_t inner = rpm ? pl_span_find(row.package, PL_LIT("::")) : SIZE_MAX;
    if (inner != SIZE_MAX && inner + 2 < row.package.len) {
        row.module = pl_span_sub(row.package, 0, inner);
        row.package = pl_span_from(row.package, inner + 2);
    }
    set_status(&row);
    cut_arch(o, package, &row);
    pl_span availability =
        pl_json_text(pl_json_object(affected, "ecosystem_specific"), "availability");
    if (!row.channel.len && pl_span_find(availability, PL_LIT("Ubuntu Pro")) != SIZE_MAX)
        row.channel = PL_LIT("esm");
    if (module && !row.module.len)
        keep_module_rows(o, &row, pl_json_text(rec, "summary"));
    else
        keep_row(o, &row);
}

/* ---- one record ---- */

/* "Important: skopeo security update", of Red Hat and its rebuilders. */
static enum pl_severity title_severity(pl_span title)
{
    size_t colon = pl_span_chr(title, ':');
    return colon == SIZE_MAX ? PL_SEVERITY_UNKNOWN
                             : pl_severity_parse(pl_span_sub(title, 0, colon));
}

static pl_span score_source(struct osv *o)
{
    if (o->source.len)
        return o->source;
    const struct pl_affected *rows = o->r.affected.items;
    if (pl_span_starts(o->r.a.id, PL_LIT("GHSA-")))
        return PL_LIT("ghsa");
    if (!o->distro || o->r.affected.n == 0)
        return PL_LIT("osv");
    return pl_span_sub(rows[0].stream, 0, pl_span_chr(rows[0].stream, ':'));
}

static void scores(struct osv *o, const json_t *list, pl_span source)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *s = json_array_get(list, i);
        pl_span type = pl_json_text(s, "type"), score = pl_json_text(s, "score");
        if (pl_span_starts(type, PL_LIT("CVSS_")))
            pl_record_cvss(&o->r, source, score, -1);
        else if (o->r.a.severity == PL_SEVERITY_UNKNOWN)
            o->r.a.severity = pl_severity_parse(score);
    }
}

static void severity(struct osv *o, const json_t *rec)
{
    pl_span source = score_source(o);
    o->r.a.severity =
        pl_severity_parse(pl_json_text(pl_json_object(rec, "database_specific"), "severity"));
    scores(o, pl_json_array(rec, "severity"), source);
    if (o->r.cvss.n == 0) {
        const json_t *affected = pl_json_array(rec, "affected");
        for (size_t i = 0; i < json_array_size(affected) && i < MAX_REFERENCES; i++)
            scores(o, pl_json_array(json_array_get(affected, i), "severity"), source);
    }
    if (o->r.a.severity == PL_SEVERITY_UNKNOWN && o->distro)
        o->r.a.severity = title_severity(o->r.a.title);
}

static void links(struct osv *o, const json_t *rec)
{
    const json_t *list = pl_json_array(rec, "references");
    for (size_t i = 0; i < json_array_size(list) && i < MAX_REFERENCES; i++)
        pl_record_reference(&o->r, pl_json_text(json_array_get(list, i), "url"));
    pl_span cwe;
    pl_json_each_text(pl_json_array(pl_json_object(rec, "database_specific"), "cwe_ids"), i, cwe)
        pl_record_cwe(&o->r, cwe);
}

static void covers(struct osv *o)
{
    const struct pl_affected *rows = o->r.affected.items;
    for (size_t i = 0; i < o->r.affected.n; i++)
        if (i == 0 || !pl_span_eq(rows[i].stream, rows[i - 1].stream))
            o->out->covers(o->out, rows[i].stream);
}

/* Bug fix and enhancement advisories of the rpm world that name no CVE: no vulnerability. */
static bool is_no_flaw(struct osv *o)
{
    static const char *const kinds[] = { "ALBA-", "ALEA-",    "RLBA-",    "RLEA-",       "RHBA-",
                                         "RHEA-", "SUSE-RU-", "SUSE-FU-", "openSUSE-RU-" };
    for (size_t i = 0; i < PL_COUNT(kinds); i++)
        if (pl_span_starts(o->r.a.id, pl_span_str(kinds[i])))
            return o->r.vulns.n == 0;
    return false;
}

static pl_rc record(struct osv *o, const json_t *rec, struct pl_err *err)
{
    struct pl_advisory *a = &o->r.a;
    pl_record_reset(&o->r);
    pl_map_done(&o->seen);
    o->distro = false;
    a->id = pl_json_text(rec, "id");
    if (a->id.len == 0 || a->id.len > 256) {
        o->out->skip(o->out, pl_span_str(o->path), "a record without an id");
        return PL_OK;
    }
    a->title = pl_json_text(rec, "summary");
    a->description = pl_json_text(rec, "details");
    a->published = pl_json_text(rec, "published");
    a->modified = pl_json_text(rec, "modified");
    o->out->published(o->out, a->modified); /* an export is as old as its newest record */
    a->withdrawn = pl_json_text(rec, "withdrawn").len > 0;
    a->malicious = pl_span_starts(a->id, PL_LIT("MAL-"));
    const json_t *affected = pl_json_array(rec, "affected");
    for (size_t i = 0; i < json_array_size(affected); i++)
        add_affected(o, rec, json_array_get(affected, i));
    vulns(o, rec);
    severity(o, rec);
    links(o, rec);
    if (is_no_flaw(o))
        return PL_OK;
    covers(o);
    if (a->withdrawn)
        o->r.affected.n = 0;
    return pl_record_emit(&o->r, o->out, err);
}

static pl_rc text(struct osv *o, pl_span json, struct pl_err *err)
{
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why;
    pl_rc rc = pl_json_parse(json, &rec, &why);
    if (rc == PL_ENOMEM)
        return pl_fail(err, rc, "%s", why.msg);
    if (rc || !json_is_object(rec)) {
        o->out->skip(o->out, pl_span_str(o->path), rc ? why.msg : "a record that is no object");
        return PL_OK;
    }
    return record(o, rec, err);
}

/* ---- the file ---- */

static pl_rc element(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct osv *o = ctx;
    (void)key;
    if (!value.ptr) {
        o->out->skip(o->out, pl_span_str(o->path), "a record larger than any should be");
        return PL_OK;
    }
    return text(o, value, err);
}

/* Where a run of objects stands: how deep, and whether in a string. */
struct nesting {
    size_t depth;
    bool in_string, escaped;
};

/* The place behind the object that ends in s from `at` on; SIZE_MAX when it does not end. */
static size_t object_end(struct nesting *n, pl_span s, size_t at)
{
    for (; at < s.len; at++) {
        char c = s.ptr[at];
        if (n->in_string) {
            if (n->escaped)
                n->escaped = false;
            else if (c == '\\')
                n->escaped = true;
            else if (c == '"')
                n->in_string = false;
        } else if (c == '"') {
            n->in_string = true;
        } else if (c == '{') {
            n->depth++;
        } else if (c == '}' && n->depth && --n->depth == 0) {
            return at + 1;
        }
    }
    return SIZE_MAX;
}

/* Objects one after the other, whatever stands between them. */
static pl_rc read_objects(struct osv *o, struct pl_feed_file *f, struct pl_buf *buf,
                          struct pl_err *err)
{
    struct nesting n = { 0 };
    size_t begin = 0, at = 0;
    for (;;) {
        size_t end = object_end(&n, pl_buf_span(buf), at);
        if (end != SIZE_MAX) {
            pl_rc rc = text(o, pl_span_sub(pl_buf_span(buf), begin, end - begin), err);
            if (rc)
                return rc;
            for (at = end; at < buf->len && strchr(" \t\r\n,", buf->ptr[at]);)
                at++;
            begin = at;
            continue;
        }
        if (begin) {
            memmove(buf->ptr, buf->ptr + begin, buf->len - begin);
            buf->len -= begin;
            begin = 0;
        }
        at = buf->len;
        if (buf->len > f->limits->record_bytes)
            return pl_fail(err, PL_ELIMIT, "a record larger than %zu bytes",
                           f->limits->record_bytes);
        size_t got = 0;
        if (!pl_buf_reserve(buf, 64 << 10))
            return pl_fail(err, PL_ENOMEM, "out of memory");
        pl_rc rc = f->reader->read(f->reader, buf->ptr + buf->len, buf->room - buf->len, &got, err);
        if (rc)
            return rc;
        buf->len += got;
        if (got == 0)
            break;
    }
    if (pl_span_trim(pl_buf_span(buf)).len)
        o->out->skip(o->out, pl_span_str(f->path), "ends in the middle of a record");
    return PL_OK;
}

pl_rc pl_osv_read(struct pl_feed_file *f, const char *feed, const char *source,
                  struct pl_advisory_sink *out, struct pl_err *err)
{
    struct osv o = { .out = out, .path = f->path, .source = pl_span_str(source) };
    PL_AUTO(buf) struct pl_buf buf = { 0 };
    pl_record_init(&o.r, feed, f->limits);
    pl_rc rc = pl_head_first(f->head) == '['
                   ? pl_json_each(f->reader, "", f->limits->record_bytes, element, &o, err)
                   : read_objects(&o, f, &buf, err);
    pl_map_done(&o.seen);
    pl_record_done(&o.r);
    return rc;
}

static pl_rc read_osv(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    return pl_osv_read(f, "osv", NULL, out, err);
}

const struct pl_feed pl_feed_osv = {
    .name = "osv",
    .what = "Open Source Vulnerabilities",
    .spec = "OSV schema 1.7",
    .folder = "osv",
    .rank = 40,
    .sniff = pl_osv_sniff,
    .read = read_osv,
};
