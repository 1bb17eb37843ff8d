/* feed_target.h - a feed reader over bytes in memory, with a sink that touches all it is given. */
#pragma once
#include <stdint.h>

#include "feed/feed.h"

struct bytes_file {
    struct pl_feed_file file;
    struct pl_reader reader;
    pl_span all, left;
};

static volatile size_t touched;

static void touch(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        touched += (unsigned char)s.ptr[i];
}

static void touch_all(const pl_span *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        touch(s[i]);
}

static void touch_cvss(const struct pl_cvss *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        touch(c[i].source);
        touch(c[i].vector);
        touched += pl_cvss_score(c[i].vector) > 5;
    }
}

static void touch_row(const struct pl_affected *a)
{
    const pl_span text[] = { a->stream, a->package, a->scheme, a->arch,
                             a->module, a->channel, a->note };
    touch_all(text, PL_COUNT(text));
    touch_all(a->versions, a->n_versions);
    for (size_t i = 0; i < a->n_ranges; i++) {
        const struct pl_range *r = &a->ranges[i];
        const pl_span ends[] = { r->introduced, r->fixed, r->last_affected, r->limit };
        touch_all(ends, PL_COUNT(ends));
    }
    touched += strlen(pl_status_text(a->status)) + strlen(pl_severity_text(a->severity));
}

static pl_rc touch_advisory(struct pl_advisory_sink *s, const struct pl_advisory *a,
                            struct pl_err *err)
{
    const pl_span text[] = { a->id, a->feed, a->title, a->description, a->published, a->modified };
    (void)s, (void)err;
    touch_all(text, PL_COUNT(text));
    touch_all(a->aliases, a->n_aliases);
    touch_all(a->references, a->n_references);
    touch_all(a->cwes, a->n_cwes);
    touch_cvss(a->cvss, a->n_cvss);
    for (size_t i = 0; i < a->n_vulns; i++)
        touch(a->vulns[i].id);
    for (size_t i = 0; i < a->n_affected; i++)
        touch_row(&a->affected[i]);
    return PL_OK;
}

static pl_rc touch_vuln(struct pl_advisory_sink *s, const struct pl_vuln_facts *v,
                        struct pl_err *err)
{
    const pl_span text[] = { v->id,      v->title,    v->description, v->kev_added,
                             v->kev_due, v->kev_name, v->published,   v->modified };
    (void)s, (void)err;
    touch_all(text, PL_COUNT(text));
    touch_all(v->references, v->n_references);
    touch_all(v->cwes, v->n_cwes);
    touch_cvss(v->cvss, v->n_cvss);
    return PL_OK;
}

static void touch_skip(struct pl_advisory_sink *s, pl_span what, const char *why)
{
    (void)s;
    touch(what);
    touched += strlen(why);
}

static void touch_text(struct pl_advisory_sink *s, pl_span text)
{
    (void)s;
    touch(text);
}

static pl_rc read_bytes(struct pl_reader *r, void *buf, size_t size, size_t *got,
                        struct pl_err *err)
{
    struct bytes_file *f = (struct bytes_file *)((char *)r - offsetof(struct bytes_file, reader));
    (void)err;
    *got = size < f->left.len ? size : f->left.len;
    if (*got)
        memcpy(buf, f->left.ptr, *got);
    f->left = pl_span_from(f->left, *got);
    return PL_OK;
}

static pl_rc rewind_bytes(struct pl_feed_file *file, struct pl_err *err)
{
    struct bytes_file *f = (struct bytes_file *)file;
    (void)err;
    f->left = f->all;
    return PL_OK;
}

/* Reads the bytes as this row's feed, sniffed or not. */
static inline int feed_target(const struct pl_feed *feed, const uint8_t *data, size_t size)
{
    pl_span all = pl_span_of(data, size);
    struct bytes_file f = { .all = all, .left = all };
    struct pl_limits limits = PL_LIMITS;
    struct pl_advisory_sink sink = { touch_advisory, touch_vuln, touch_skip, touch_text,
                                     touch_text };
    struct pl_err err;
    limits.record_bytes = PL_MIB;
    f.reader.read = read_bytes;
    f.file = (struct pl_feed_file){ .path = "fuzz/3.0/input",
                                    .head = pl_span_sub(all, 0, 64 << 10),
                                    .reader = &f.reader,
                                    .rewind = rewind_bytes,
                                    .limits = &limits };
    touched += feed->sniff(&f.file);
    touched += feed->read(&f.file, &sink, &err) == PL_OK;
    return 0;
}
