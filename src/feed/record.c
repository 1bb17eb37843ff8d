#include "feed/record.h"

#include <stdarg.h>
#include <stdio.h>

/* One record's lists; the largest seen (a kernel's VEX) needs some MiB. */
enum { RECORD_ARENA = 128 << 20 };

void pl_record_init(struct pl_record *r, const char *feed, const struct pl_limits *limits)
{
    *r = (struct pl_record){ .feed = feed };
    size_t ceiling =
        limits->record_bytes < RECORD_ARENA / 2 ? limits->record_bytes * 2 : (size_t)RECORD_ARENA;
    pl_arena_init(&r->tmp, ceiling);
    pl_record_reset(r);
}

void pl_record_done(struct pl_record *r) { pl_arena_done(&r->tmp); }

void pl_record_reset(struct pl_record *r)
{
    pl_arena_reset(&r->tmp);
    r->a = (struct pl_advisory){ .feed = pl_span_str(r->feed) };
    r->aliases = PL_VEC(pl_span);
    r->references = PL_VEC(pl_span);
    r->cwes = PL_VEC(pl_span);
    r->vulns = PL_VEC(struct pl_vuln_ref);
    r->cvss = PL_VEC(struct pl_cvss);
    r->affected = PL_VEC(struct pl_affected);
    r->failed = false;
}

static void *push(struct pl_record *r, struct pl_vec *v)
{
    void *item = pl_vec_push(&r->tmp, v);
    if (!item)
        r->failed = true;
    return item;
}

/* Lists of identifiers and links are short, and looked through only while they are. */
enum { LOOK_THROUGH = 64 };

static void add_text(struct pl_record *r, struct pl_vec *v, pl_span text)
{
    const pl_span *items = v->items;
    if (text.len == 0)
        return;
    for (size_t i = 0; i < v->n && i < LOOK_THROUGH; i++)
        if (pl_span_eq(items[i], text))
            return;
    pl_span *item = push(r, v);
    if (item)
        *item = text;
}

void pl_record_alias(struct pl_record *r, pl_span id) { add_text(r, &r->aliases, id); }
void pl_record_reference(struct pl_record *r, pl_span url) { add_text(r, &r->references, url); }
void pl_record_cwe(struct pl_record *r, pl_span cwe) { add_text(r, &r->cwes, cwe); }

void pl_record_vuln(struct pl_record *r, pl_span id, enum pl_severity severity)
{
    const struct pl_vuln_ref *have = r->vulns.items;
    if (id.len == 0)
        return;
    for (size_t i = 0; i < r->vulns.n && i < LOOK_THROUGH; i++)
        if (pl_span_eq(have[i].id, id))
            return;
    struct pl_vuln_ref *v = push(r, &r->vulns);
    if (v)
        *v = (struct pl_vuln_ref){ .id = id, .severity = severity };
}

void pl_record_cvss(struct pl_record *r, pl_span source, pl_span vector, double score)
{
    const struct pl_cvss *have = r->cvss.items;
    if (vector.len == 0 && score < 0)
        return;
    for (size_t i = 0; i < r->cvss.n && i < LOOK_THROUGH; i++)
        if (pl_span_eq(have[i].vector, vector) && pl_span_eq(have[i].source, source))
            return;
    struct pl_cvss *c = push(r, &r->cvss);
    if (c)
        *c = (struct pl_cvss){ .source = source, .vector = vector, .score = score };
}

struct pl_affected *pl_record_affected(struct pl_record *r, pl_span stream, pl_span package,
                                       const char *scheme, enum pl_status status, pl_span fixed)
{
    struct pl_affected *row = push(r, &r->affected);
    struct pl_range *range = pl_arena_alloc(&r->tmp, sizeof(*range));
    if (!row || !range) {
        r->failed = true;
        row = &r->spare;
    }
    *row = (struct pl_affected){
        .stream = stream, .package = package, .scheme = pl_span_str(scheme), .status = status
    };
    if (range) {
        range->fixed = fixed;
        row->ranges = range;
        row->n_ranges = 1;
    }
    return row;
}

pl_rc pl_record_emit(struct pl_record *r, struct pl_advisory_sink *out, struct pl_err *err)
{
    if (r->failed) {
        out->skip(out, r->a.id, "the record is too large");
        return PL_OK;
    }
    struct pl_advisory *a = &r->a;
    a->aliases = r->aliases.items;
    a->n_aliases = r->aliases.n;
    a->vulns = r->vulns.items;
    a->n_vulns = r->vulns.n;
    a->cvss = r->cvss.items;
    a->n_cvss = r->cvss.n;
    a->references = r->references.items;
    a->n_references = r->references.n;
    a->cwes = r->cwes.items;
    a->n_cwes = r->cwes.n;
    a->affected = r->affected.items;
    a->n_affected = r->affected.n;
    return out->advisory(out, a, err);
}

pl_span pl_record_printf(struct pl_record *r, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        r->failed = true;
        return PL_SPAN_NONE;
    }
    return pl_record_copy(r, pl_span_of(text, (size_t)n));
}

pl_span pl_record_copy(struct pl_record *r, pl_span s)
{
    pl_span out = { 0 };
    if (!pl_arena_copy(&r->tmp, s, &out))
        r->failed = true;
    return out;
}

pl_span pl_record_lower(struct pl_record *r, pl_span s)
{
    size_t i = 0;
    while (i < s.len && !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z'))
        i++;
    if (i == s.len)
        return s;
    char *p = pl_arena_str(&r->tmp, s);
    if (!p) {
        r->failed = true;
        return PL_SPAN_NONE;
    }
    for (; i < s.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + ('a' - 'A'));
    return pl_span_of(p, s.len);
}

bool pl_cve_suffix(pl_span id, pl_span *out)
{
    size_t at = pl_span_find(id, PL_LIT("CVE-"));
    if (at == SIZE_MAX || !pl_is_cve(pl_span_from(id, at)))
        return false;
    *out = pl_span_from(id, at);
    return true;
}

static bool skip_string(pl_span *in, pl_span *out)
{
    size_t i = 1;
    while (i < in->len && in->ptr[i] != '"')
        i += in->ptr[i] == '\\' ? 2 : 1;
    if (i >= in->len)
        return false;
    *out = pl_span_sub(*in, 1, i - 1);
    *in = pl_span_from(*in, i + 1);
    return true;
}

bool pl_head_key(pl_span head, unsigned depth, const char *key)
{
    unsigned at = 0;
    while (head.len) {
        char c = head.ptr[0];
        pl_span text;
        if (c == '"') {
            if (!skip_string(&head, &text))
                return false;
            size_t i = 0;
            while (i < head.len && strchr(" \t\r\n", head.ptr[i]))
                i++;
            if (at == depth && i < head.len && head.ptr[i] == ':' &&
                pl_span_eq(text, pl_span_str(key)))
                return true;
            continue;
        }
        if (c == '{' || c == '[')
            at++;
        else if ((c == '}' || c == ']') && at-- <= 1)
            return false;
        head = pl_span_from(head, 1);
    }
    return false;
}

char pl_head_first(pl_span head)
{
    pl_span_skip_lit(&head, PL_LIT("\xef\xbb\xbf"));
    head = pl_span_trim(head);
    return head.len ? head.ptr[0] : 0;
}

pl_rc pl_read_all(struct pl_reader *in, size_t max, struct pl_buf *buf, struct pl_err *err)
{
    for (;;) {
        size_t got = 0;
        if (!pl_buf_reserve(buf, 64 << 10))
            return pl_fail(err, PL_ENOMEM, "out of memory");
        pl_rc rc = in->read(in, buf->ptr + buf->len, buf->room - buf->len, &got, err);
        if (rc || got == 0)
            return rc;
        buf->len += got;
        if (buf->len > max)
            return pl_fail(err, PL_ELIMIT, "larger than %zu bytes", max);
    }
}

static pl_rc read_span(struct pl_reader *in, void *to, size_t size, size_t *got, struct pl_err *err)
{
    struct pl_span_reader *r = (struct pl_span_reader *)in;
    (void)err;
    *got = size < r->left.len ? size : r->left.len;
    if (*got)
        memcpy(to, r->left.ptr, *got);
    r->left = pl_span_from(r->left, *got);
    return PL_OK;
}

void pl_span_reader_init(struct pl_span_reader *r, pl_span bytes)
{
    *r = (struct pl_span_reader){ .reader = { read_span }, .left = bytes };
}
