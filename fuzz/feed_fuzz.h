/* feed_fuzz.h - any bytes through one feed's reader, whatever its sniffing would say of them. */
#pragma once
#include "feed/feed.h"

struct fuzz_file {
    struct pl_feed_file file;
    struct pl_reader reader;
    pl_span bytes;
    size_t at;
};

static pl_rc fuzz_read(struct pl_reader *r, void *buf, size_t size, size_t *got, struct pl_err *err)
{
    (void)err;
    struct fuzz_file *f = (struct fuzz_file *)((char *)r - offsetof(struct fuzz_file, reader));
    pl_span part = pl_span_sub(f->bytes, f->at, size > 4096 ? 4096 : size);
    if (part.len)
        memcpy(buf, part.ptr, part.len);
    f->at += part.len;
    *got = part.len;
    return PL_OK;
}

static pl_rc fuzz_rewind(struct pl_feed_file *f, struct pl_err *err)
{
    (void)err;
    ((struct fuzz_file *)f)->at = 0;
    return PL_OK;
}

/* Reads every byte of a text, so that the sanitizer sees one that is not there. */
static void touch(pl_span s)
{
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum = (unsigned char)(sum + (unsigned char)s.ptr[i]);
}

static pl_rc fuzz_advisory(struct pl_advisory_sink *s, const struct pl_advisory *a,
                           struct pl_err *err)
{
    (void)s, (void)err;
    touch(a->id), touch(a->title), touch(a->description), touch(a->published), touch(a->modified);
    for (size_t i = 0; i < a->n_vulns; i++)
        touch(a->vulns[i].id);
    for (size_t i = 0; i < a->n_references; i++)
        touch(a->references[i]);
    for (size_t i = 0; i < a->n_cvss; i++)
        touch(a->cvss[i].vector);
    for (size_t i = 0; i < a->n_affected; i++) {
        const struct pl_affected *x = &a->affected[i];
        touch(x->stream), touch(x->package), touch(x->arch), touch(x->module);
        touch(x->channel), touch(x->note);
        for (size_t k = 0; k < x->n_ranges; k++)
            touch(x->ranges[k].introduced), touch(x->ranges[k].fixed),
                touch(x->ranges[k].last_affected);
    }
    return PL_OK;
}

static pl_rc fuzz_vuln(struct pl_advisory_sink *s, const struct pl_vuln_facts *v,
                       struct pl_err *err)
{
    (void)s, (void)err;
    touch(v->id);
    for (size_t i = 0; i < v->n_cvss; i++)
        touch(v->cvss[i].vector);
    return PL_OK;
}

static void fuzz_skip(struct pl_advisory_sink *s, pl_span what, const char *why)
{
    (void)s;
    touch(what), touch(pl_span_str(why));
}

static void fuzz_text(struct pl_advisory_sink *s, pl_span text)
{
    (void)s;
    touch(text);
}

static inline void fuzz_feed(const struct pl_feed *feed, const uint8_t *data, size_t size)
{
    struct pl_limits limits = PL_LIMITS;
    limits.record_bytes = PL_MIB; /* so that the ceiling is met too */
    struct pl_advisory_sink sink = { fuzz_advisory, fuzz_vuln, fuzz_skip, fuzz_text, fuzz_text };
    struct fuzz_file f = { .bytes = pl_span_of(data, size), .reader.read = fuzz_read };
    f.file = (struct pl_feed_file){ .path = "updateinfo/rocky8/x.xml",
                                    .head = pl_span_sub(f.bytes, 0, 64 * PL_KIB),
                                    .reader = &f.reader,
                                    .rewind = fuzz_rewind,
                                    .limits = &limits };
    struct pl_err err;
    feed->sniff(&f.file);
    (void)!feed->read(&f.file, &sink, &err);
}
