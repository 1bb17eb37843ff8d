/* feed_rows.h - for tests of feed readers: a feed file in memory or on disk, and a sink that
 * writes what it is given as lines, so that a case is a document and the lines it must give. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "feed/feed.h"

struct bytes_file {
    struct pl_feed_file file;
    struct pl_reader reader;
    pl_span bytes;
    size_t at, step; /* step: most that one read gives; 0 no limit */
};

static pl_rc bytes_read(struct pl_reader *r, void *buf, size_t size, size_t *got,
                        struct pl_err *err)
{
    (void)err;
    struct bytes_file *b = (struct bytes_file *)((char *)r - offsetof(struct bytes_file, reader));
    pl_span part = pl_span_sub(b->bytes, b->at, b->step && b->step < size ? b->step : size);
    if (part.len)
        memcpy(buf, part.ptr, part.len);
    b->at += part.len;
    *got = part.len;
    return PL_OK;
}

static pl_rc bytes_rewind(struct pl_feed_file *f, struct pl_err *err)
{
    (void)err;
    ((struct bytes_file *)f)->at = 0;
    return PL_OK;
}

static PL_UNUSED void bytes_file(struct bytes_file *b, const char *path, pl_span bytes)
{
    *b = (struct bytes_file){ .bytes = bytes };
    b->reader.read = bytes_read;
    b->file = (struct pl_feed_file){ .path = path,
                                     .head = pl_span_sub(bytes, 0, 64 * PL_KIB),
                                     .reader = &b->reader,
                                     .rewind = bytes_rewind,
                                     .limits = &PL_LIMITS };
}

struct row_sink {
    struct pl_advisory_sink sink;
    FILE *out;
    unsigned long advisories, rows, facts, skipped;
};

static void put(FILE *out, pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        fputc(s.ptr[i] == '\n' || s.ptr[i] == '\t' ? ' ' : s.ptr[i], out);
}

static void field(FILE *out, const char *name, pl_span s)
{
    if (!s.len)
        return;
    fprintf(out, "\t%s=", name);
    put(out, s);
}

static void put_cvss(FILE *out, const struct pl_cvss *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "\tcvss=%.*s:", PL_FMT(c[i].source));
        if (c[i].score >= 0)
            fprintf(out, "%.1f", c[i].score);
        fprintf(out, "/%.*s", PL_FMT(c[i].vector));
    }
}

static void put_affected(struct row_sink *s, const struct pl_affected *a)
{
    FILE *o = s->out;
    fprintf(o, "  %.*s\t%.*s\t%s", PL_FMT(a->stream), PL_FMT(a->package),
            pl_status_text(a->status));
    for (size_t i = 0; i < a->n_ranges; i++) {
        field(o, a->ranges[i].introduced_excluded ? "after" : "from", a->ranges[i].introduced);
        field(o, "fixed", a->ranges[i].fixed);
        field(o, "last", a->ranges[i].last_affected);
    }
    field(o, "arch", a->arch);
    field(o, "module", a->module);
    field(o, "channel", a->channel);
    field(o, "note", a->note);
    fprintf(o, "\t%.*s%s\n", PL_FMT(a->scheme), a->of_source ? " source" : "");
    s->rows++;
}

static pl_rc row_advisory(struct pl_advisory_sink *sink, const struct pl_advisory *a,
                          struct pl_err *err)
{
    (void)err;
    struct row_sink *s = (struct row_sink *)sink;
    s->advisories++;
    fprintf(s->out, "%.*s\t%.*s\t%s", PL_FMT(a->feed), PL_FMT(a->id),
            pl_severity_text(a->severity));
    field(s->out, "published", a->published);
    field(s->out, "modified", a->modified);
    put_cvss(s->out, a->cvss, a->n_cvss);
    for (size_t i = 0; i < a->n_cwes; i++)
        field(s->out, "cwe", a->cwes[i]);
    fputc('\n', s->out);
    for (size_t i = 0; i < a->n_vulns; i++)
        fprintf(s->out, "  vuln\t%.*s\t%s\n", PL_FMT(a->vulns[i].id),
                pl_severity_text(a->vulns[i].severity));
    for (size_t i = 0; i < a->n_affected; i++)
        put_affected(s, &a->affected[i]);
    return PL_OK;
}

static pl_rc row_vuln(struct pl_advisory_sink *sink, const struct pl_vuln_facts *v,
                      struct pl_err *err)
{
    (void)err;
    struct row_sink *s = (struct row_sink *)sink;
    s->facts++;
    fprintf(s->out, "facts\t%.*s", PL_FMT(v->id));
    put_cvss(s->out, v->cvss, v->n_cvss);
    for (size_t i = 0; i < v->n_cwes; i++)
        field(s->out, "cwe", v->cwes[i]);
    fputc('\n', s->out);
    return PL_OK;
}

static void row_skip(struct pl_advisory_sink *sink, pl_span what, const char *why)
{
    struct row_sink *s = (struct row_sink *)sink;
    s->skipped++;
    fprintf(s->out, "skip\t%.*s\t%s\n", PL_FMT(what), why);
}

static void row_covers(struct pl_advisory_sink *sink, pl_span stream)
{
    fprintf(((struct row_sink *)sink)->out, "covers\t%.*s\n", PL_FMT(stream));
}

static void row_published(struct pl_advisory_sink *sink, pl_span when)
{
    fprintf(((struct row_sink *)sink)->out, "feed of\t%.*s\n", PL_FMT(when));
}

static PL_UNUSED struct row_sink row_sink(FILE *out)
{
    return (struct row_sink){
        .sink = { row_advisory, row_vuln, row_skip, row_covers, row_published }, .out = out
    };
}

static PL_UNUSED pl_span slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return PL_SPAN_NONE;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *bytes = malloc(size > 0 ? (size_t)size : 1);
    size_t got = bytes && size > 0 ? fread(bytes, 1, (size_t)size, f) : 0;
    fclose(f);
    return pl_span_of(bytes, got);
}

/* Read one document as db build does: sniffed, then read. path: as the feed is told. */
static PL_UNUSED pl_rc read_document(const char *path, pl_span bytes, size_t step,
                                     struct row_sink *to, struct pl_err *err)
{
    struct bytes_file b;
    bytes_file(&b, path, bytes);
    b.step = step;
    const struct pl_feed *feed = pl_feed_sniff(&b.file);
    if (!feed)
        return pl_fail(err, PL_EFORMAT, "no feed");
    return feed->read(&b.file, &to->sink, err);
}

/* Every tests/cases/feed/<row>/<case>: the one document beside rows.txt gives those lines. With
 * RENEW set the lines are written instead. */
static PL_UNUSED void run_case(const char *dir, const char *document)
{
    char path[8192], want_path[8192];
    snprintf(path, sizeof(path), "%s/%s", dir, document);
    snprintf(want_path, sizeof(want_path), "%s/rows.txt", dir);
    pl_span bytes = slurp(path);
    assert_non_null(bytes.ptr);
    for (size_t step = 0; step < 3; step += 1) { /* whole, byte by byte, in twos */
        char *got = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&got, &n);
        struct row_sink sink = row_sink(out);
        struct pl_err err = { 0 };
        pl_rc rc = read_document(path + strlen(PL_SOURCE_ROOT "/tests/cases/feed/"), bytes, step,
                                 &sink, &err);
        if (rc)
            fprintf(out, "error\t%s\n", err.msg);
        fclose(out);
        if (getenv("RENEW")) {
            FILE *f = fopen(want_path, "wb");
            assert_non_null(f);
            fwrite(got, 1, n, f);
            fclose(f);
        }
        pl_span want = slurp(want_path);
        if (!pl_span_eq(want, pl_span_of(got, n)))
            fail_msg("%s\n--- wanted\n%.*s--- got\n%s", path, (int)want.len, want.ptr, got);
        free((char *)(uintptr_t)want.ptr);
        free(got);
    }
    free((char *)(uintptr_t)bytes.ptr);
}

static PL_UNUSED unsigned run_cases(const char *row)
{
    char root[2048], dir[4096];
    unsigned n = 0;
    snprintf(root, sizeof(root), "%s/tests/cases/feed/%s", PL_SOURCE_ROOT, row);
    DIR *d = opendir(root);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(dir, sizeof(dir), "%s/%s", root, e->d_name);
        DIR *c = opendir(dir);
        for (struct dirent *x; c && (x = readdir(c));)
            if (x->d_name[0] != '.' && strcmp(x->d_name, "rows.txt")) {
                run_case(dir, x->d_name);
                n++;
            }
        if (c)
            closedir(c);
    }
    if (d)
        closedir(d);
    return n;
}

/* `test_x FILE...` prints what a file gives. */
static PL_UNUSED int print_files(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        pl_span bytes = slurp(argv[i]);
        struct row_sink sink = row_sink(stdout);
        struct pl_err err = { 0 };
        if (read_document(argv[i], bytes, 0, &sink, &err)) {
            printf("error\t%s\n", err.msg);
            failed = 1;
        }
        fprintf(stderr, "%s: %lu advisories, %lu rows, %lu facts, %lu skipped\n", argv[i],
                sink.advisories, sink.rows, sink.facts, sink.skipped);
        free((char *)(uintptr_t)bytes.ptr);
    }
    return failed;
}
