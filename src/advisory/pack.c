#include "advisory/pack.h"

#include <math.h>
#include <zstd.h>

enum { MAX_BODY = 1 << 30, DEFLATE_FROM = 400, DEFLATE_LEVEL = 3 };

enum { /* bits of an entry's first byte; the low three are its status */
       OF_SOURCE = 8,
       HAS_NOTE = 16,
       HAS_VERSIONS = 32,
       HAS_LIMITS = 64, /* arch, module or channel */
       MALICIOUS = 128,
};
enum { /* bits of a range */
       HAS_INTRODUCED = 1,
       HAS_FIXED = 2,
       HAS_LAST = 4,
       HAS_LIMIT = 8,
       EXCLUDED = 16,
};

pl_span pl_keep(pl_span text, size_t max)
{
    if (text.len <= max)
        return text;
    size_t n = max;
    while (n > 0 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
        n--;
    return pl_span_of(text.ptr, n);
}

static bool take_uint(pl_span *in, uint64_t max, uint64_t *out)
{
    return pl_span_varint(in, out) && *out <= max;
}

static bool take_word(pl_span *in, uint32_t *out)
{
    uint64_t v;
    if (!take_uint(in, UINT32_MAX, &v))
        return false;
    *out = (uint32_t)v;
    return true;
}

/* A count of things that take at least one byte each. */
static bool take_count(pl_span *in, size_t *out)
{
    uint64_t n;
    if (!take_uint(in, in->len, &n))
        return false;
    *out = (size_t)n;
    return true;
}

static void pack_texts(struct pl_buf *out, const pl_span *texts, size_t n)
{
    pl_buf_varint(out, n);
    for (size_t i = 0; i < n; i++)
        pl_buf_text(out, texts[i]);
}

static bool unpack_texts(pl_span *in, struct pl_arena *a, const pl_span **out, size_t *n)
{
    *out = NULL;
    if (!take_count(in, n))
        return false;
    if (*n == 0)
        return true;
    pl_span *texts = pl_arena_array(a, *n, sizeof(*texts));
    for (size_t i = 0; texts && i < *n; i++)
        if (!pl_span_text(in, &texts[i]))
            return false;
    *out = texts;
    return texts;
}

/* ---- entries ---- */

void pl_vulns_pack(struct pl_buf *out, const uint64_t *vulns, size_t n)
{
    pl_buf_varint(out, n);
    for (size_t i = 0; i < n; i++)
        pl_buf_varint(out, vulns[i]);
}

bool pl_vulns_unpack(pl_span *in, struct pl_arena *a, const uint64_t **out, size_t *n)
{
    if (!take_count(in, n))
        return false;
    uint64_t *v = pl_arena_array(a, *n, sizeof(*v));
    for (size_t i = 0; v && i < *n; i++)
        if (!pl_span_varint(in, &v[i]))
            return false;
    *out = v;
    return v;
}

static void pack_range(struct pl_buf *out, const struct pl_range *r)
{
    unsigned bits = (r->introduced.len ? HAS_INTRODUCED : 0) | (r->fixed.len ? HAS_FIXED : 0) |
                    (r->last_affected.len ? HAS_LAST : 0) | (r->limit.len ? HAS_LIMIT : 0) |
                    (r->introduced_excluded ? EXCLUDED : 0);
    pl_buf_char(out, (char)bits);
    if (bits & HAS_INTRODUCED)
        pl_buf_text(out, r->introduced);
    if (bits & HAS_FIXED)
        pl_buf_text(out, r->fixed);
    if (bits & HAS_LAST)
        pl_buf_text(out, r->last_affected);
    if (bits & HAS_LIMIT)
        pl_buf_text(out, r->limit);
}

static bool unpack_range(pl_span *in, struct pl_range *r)
{
    uint8_t bits;
    *r = (struct pl_range){ 0 };
    if (!pl_span_u8(in, &bits))
        return false;
    r->introduced_excluded = bits & EXCLUDED;
    return (!(bits & HAS_INTRODUCED) || pl_span_text(in, &r->introduced)) &&
           (!(bits & HAS_FIXED) || pl_span_text(in, &r->fixed)) &&
           (!(bits & HAS_LAST) || pl_span_text(in, &r->last_affected)) &&
           (!(bits & HAS_LIMIT) || pl_span_text(in, &r->limit));
}

void pl_entry_pack_tail(struct pl_buf *out, const struct pl_entry_row *e)
{
    bool limits = e->arch || e->module || e->channel;
    pl_buf_char(out, (char)((unsigned)e->status | (e->of_source ? OF_SOURCE : 0) |
                            (e->note.len ? HAS_NOTE : 0) | (e->n_versions ? HAS_VERSIONS : 0) |
                            (limits ? HAS_LIMITS : 0) | (e->malicious ? MALICIOUS : 0)));
    pl_buf_char(out, (char)e->severity);
    pl_buf_varint(out, e->scheme);
    if (limits) {
        pl_buf_varint(out, e->arch);
        pl_buf_varint(out, e->module);
        pl_buf_varint(out, e->channel);
    }
    if (e->note.len)
        pl_buf_text(out, pl_keep(e->note, PL_KEEP_NOTE));
    pl_buf_varint(out, e->n_ranges);
    for (size_t i = 0; i < e->n_ranges; i++)
        pack_range(out, &e->ranges[i]);
    if (e->n_versions)
        pack_texts(out, e->versions, e->n_versions);
}

/* An entry is its length, then head and tail: a reader that knows less skips the rest. */
void pl_entry_pack(struct pl_buf *out, uint64_t advisory, uint64_t feed, const uint64_t *vulns,
                   size_t n_vulns, pl_span tail, struct pl_buf *scratch)
{
    scratch->len = 0;
    pl_buf_varint(scratch, advisory);
    pl_buf_varint(scratch, feed);
    pl_vulns_pack(scratch, vulns, n_vulns);
    pl_buf_add(scratch, tail);
    pl_buf_text(out, pl_buf_span(scratch));
    out->failed |= scratch->failed;
}

static bool unpack_ranges(pl_span *in, struct pl_arena *a, struct pl_entry_row *out)
{
    if (!take_count(in, &out->n_ranges))
        return false;
    struct pl_range *ranges = pl_arena_array(a, out->n_ranges, sizeof(*ranges));
    for (size_t i = 0; ranges && i < out->n_ranges; i++)
        if (!unpack_range(in, &ranges[i]))
            return false;
    out->ranges = ranges;
    return ranges;
}

bool pl_entry_unpack_tail(pl_span *in, struct pl_arena *a, struct pl_entry_row *out)
{
    uint8_t bits, severity;
    if (!pl_span_u8(in, &bits) || (bits & 7) > PL_STATUS_UNDER_INVESTIGATION ||
        !pl_span_u8(in, &severity) || severity > PL_SEVERITY_CRITICAL)
        return false;
    out->status = (enum pl_status)(bits & 7);
    out->severity = (enum pl_severity)severity;
    out->of_source = bits & OF_SOURCE;
    out->malicious = bits & MALICIOUS;
    return take_word(in, &out->scheme) &&
           (!(bits & HAS_LIMITS) || (take_word(in, &out->arch) && take_word(in, &out->module) &&
                                     take_word(in, &out->channel))) &&
           (!(bits & HAS_NOTE) || pl_span_text(in, &out->note)) && unpack_ranges(in, a, out) &&
           (!(bits & HAS_VERSIONS) || unpack_texts(in, a, &out->versions, &out->n_versions));
}

bool pl_entry_split(pl_span *in, struct pl_arena *a, struct pl_entry_row *out, pl_span *tail,
                    bool *broken)
{
    pl_span body;
    *out = (struct pl_entry_row){ 0 };
    *broken = false;
    if (in->len == 0)
        return false;
    *broken = !pl_span_text(in, &body) || !pl_span_varint(&body, &out->advisory) ||
              !pl_span_varint(&body, &out->feed) ||
              !pl_vulns_unpack(&body, a, &out->vulns, &out->n_vulns);
    *tail = body;
    return !*broken;
}

bool pl_entry_unpack(pl_span *in, struct pl_arena *a, struct pl_entry_row *out, bool *broken)
{
    pl_span tail;
    if (!pl_entry_split(in, a, out, &tail, broken))
        return false;
    *broken = !pl_entry_unpack_tail(&tail, a, out);
    return !*broken;
}

/* ---- parts ---- */

enum { KNOWN_EXPLOITED = 1, RANSOMWARE = 2, REJECTED = 4, HAS_EPSS = 8 };

static void pack_micro(struct pl_buf *out, double v) /* 0 is "not known", so one is added */
{
    pl_buf_varint(out, v < 0 || !(v <= 1000) ? 0 : (uint64_t)llround(v * 1e6) + 1);
}

static bool unpack_micro(pl_span *in, double *v)
{
    uint64_t n;
    if (!take_uint(in, (uint64_t)1 << 40, &n))
        return false;
    *v = n == 0 ? -1 : (double)(n - 1) / 1e6;
    return true;
}

static void pack_cvss(struct pl_buf *out, const struct pl_cvss *cvss, size_t n)
{
    n = n > PL_KEEP_CVSS ? PL_KEEP_CVSS : n;
    pl_buf_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        pl_buf_text(out, pl_keep(cvss[i].source, PL_KEEP_NOTE));
        pl_buf_text(out, pl_keep(cvss[i].vector, PL_KEEP_NOTE));
        pack_micro(out, cvss[i].score);
    }
}

static bool unpack_cvss(pl_span *in, struct pl_arena *a, const struct pl_cvss **out, size_t *n)
{
    if (!take_count(in, n))
        return false;
    struct pl_cvss *cvss = pl_arena_array(a, *n, sizeof(*cvss));
    for (size_t i = 0; cvss && i < *n; i++)
        if (!pl_span_text(in, &cvss[i].source) || !pl_span_text(in, &cvss[i].vector) ||
            !unpack_micro(in, &cvss[i].score))
            return false;
    *out = cvss;
    return cvss;
}

static void pack_urls(struct pl_buf *out, const pl_span *urls, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        kept += urls[i].len > 0 && urls[i].len <= PL_KEEP_URL;
    kept = kept > PL_KEEP_REFERENCES ? PL_KEEP_REFERENCES : kept;
    pl_buf_varint(out, kept);
    for (size_t i = 0; kept > 0 && i < n; i++)
        if (urls[i].len > 0 && urls[i].len <= PL_KEEP_URL) {
            pl_buf_text(out, urls[i]);
            kept--;
        }
}

static size_t at_most(size_t n, size_t max) { return n > max ? max : n; }

static void pack_facts(struct pl_buf *out, const struct pl_vuln_facts *f)
{
    bool epss = f->epss >= 0;
    pl_buf_char(out, (char)((f->known_exploited ? KNOWN_EXPLOITED : 0) |
                            (f->ransomware ? RANSOMWARE : 0) | (f->rejected ? REJECTED : 0) |
                            (epss ? HAS_EPSS : 0)));
    pl_buf_char(out, (char)f->severity);
    pl_buf_text(out, pl_keep(f->title, PL_KEEP_TITLE));
    pl_buf_text(out, pl_keep(f->description, PL_KEEP_DESCRIPTION));
    pl_buf_text(out, pl_keep(f->published, PL_KEEP_NOTE));
    pl_buf_text(out, pl_keep(f->modified, PL_KEEP_NOTE));
    if (f->known_exploited) {
        pl_buf_text(out, pl_keep(f->kev_added, PL_KEEP_NOTE));
        pl_buf_text(out, pl_keep(f->kev_due, PL_KEEP_NOTE));
        pl_buf_text(out, pl_keep(f->kev_name, PL_KEEP_TITLE));
    }
    if (epss) {
        pack_micro(out, f->epss);
        pack_micro(out, f->epss_percentile);
    }
    pack_cvss(out, f->cvss, f->n_cvss);
    pack_urls(out, f->references, f->n_references);
    pack_texts(out, f->cwes, at_most(f->n_cwes, PL_KEEP_CWES));
}

static bool unpack_facts(pl_span *in, struct pl_arena *a, struct pl_vuln_facts *f)
{
    uint8_t bits, severity;
    *f = (struct pl_vuln_facts){ .epss = -1, .epss_percentile = -1 };
    if (!pl_span_u8(in, &bits) || !pl_span_u8(in, &severity) || severity > PL_SEVERITY_CRITICAL)
        return false;
    f->known_exploited = bits & KNOWN_EXPLOITED;
    f->ransomware = bits & RANSOMWARE;
    f->rejected = bits & REJECTED;
    f->severity = (enum pl_severity)severity;
    return pl_span_text(in, &f->title) && pl_span_text(in, &f->description) &&
           pl_span_text(in, &f->published) && pl_span_text(in, &f->modified) &&
           (!f->known_exploited ||
            (pl_span_text(in, &f->kev_added) && pl_span_text(in, &f->kev_due) &&
             pl_span_text(in, &f->kev_name))) &&
           (!(bits & HAS_EPSS) ||
            (unpack_micro(in, &f->epss) && unpack_micro(in, &f->epss_percentile))) &&
           unpack_cvss(in, a, &f->cvss, &f->n_cvss) &&
           unpack_texts(in, a, &f->references, &f->n_references) &&
           unpack_texts(in, a, &f->cwes, &f->n_cwes);
}

void pl_part_pack(struct pl_buf *out, const struct pl_part *p)
{
    pl_buf_varint(out, p->file);
    pl_buf_text(out, p->own_id);
    pack_texts(out, p->aliases, at_most(p->n_aliases, PL_KEEP_ALIASES));
    pack_facts(out, &p->facts);
}

bool pl_part_unpack(pl_span *in, struct pl_arena *a, struct pl_part *out)
{
    *out = (struct pl_part){ 0 };
    return pl_span_varint(in, &out->file) && pl_span_text(in, &out->own_id) &&
           unpack_texts(in, a, &out->aliases, &out->n_aliases) && unpack_facts(in, a, &out->facts);
}

/* ---- bodies ---- */

bool pl_body_deflate(pl_span in, struct pl_buf *out)
{
    if (in.len < DEFLATE_FROM) {
        pl_buf_char(out, 0);
        pl_buf_add(out, in);
        return !out->failed;
    }
    size_t bound = ZSTD_compressBound(in.len);
    pl_buf_char(out, 1);
    if (!pl_buf_reserve(out, bound))
        return false;
    size_t n = ZSTD_compress(out->ptr + out->len, bound, in.ptr, in.len, DEFLATE_LEVEL);
    if (ZSTD_isError(n))
        return false;
    out->len += n;
    return true;
}

bool pl_body_inflate(pl_span in, struct pl_arena *a, pl_span *out)
{
    static __thread ZSTD_DCtx *context; /* one a thread: making one costs more than using it */
    uint8_t how;
    if (!pl_span_u8(&in, &how) || how > 1)
        return false;
    if (how == 0)
        return pl_arena_copy(a, in, out);
    unsigned long long size = ZSTD_getFrameContentSize(in.ptr, in.len);
    if (size > MAX_BODY) /* also "unknown" and "error" */
        return false;
    char *p = pl_arena_alloc(a, (size_t)size + 1);
    if (!p || (!context && !(context = ZSTD_createDCtx())))
        return false;
    if (ZSTD_decompressDCtx(context, p, (size_t)size, in.ptr, in.len) != size)
        return false;
    *out = pl_span_of(p, (size_t)size);
    return true;
}
