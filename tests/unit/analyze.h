/* analyze.h - for tests: files through the analyzers, and what came out as text.
 *
 * Text is one line a thing, so that an expectation can be read and compared by eye:
 *     package TYPE NAME VERSION ARCH key=value...
 *     database ROW PATH COUNT
 *     owned TYPE PACKAGE PATH DIGEST
 *     fact KIND PATH SIZE
 *     gap REASON PATH: detail */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>

#include "analyzer/analyzer.h"

struct analysis {
    struct pl_sink *sink;
    struct pl_buf bytes;
    struct pl_arena arena;
    struct pl_layer_report report;
};

static inline void analysis_init(struct analysis *a)
{
    *a = (struct analysis){ .sink = pl_sink_new(&PL_LIMITS) };
    pl_arena_init(&a->arena, 1024 * PL_MIB);
}

static inline void analysis_done(struct analysis *a)
{
    pl_sink_free(a->sink);
    pl_buf_done(&a->bytes);
    pl_arena_done(&a->arena);
}

/* One file through every row that wants it; returns how many did. */
static inline size_t analyze(struct analysis *a, const char *path, pl_span bytes, pl_span beside)
{
    const struct pl_analyzer *rows[16];
    size_t n = pl_analyzers_for(pl_span_str(path), rows, PL_COUNT(rows)), wanted = 0;
    struct pl_arena tmp;
    pl_arena_init(&tmp, 256 * PL_MIB);
    for (size_t i = 0; i < n; i++) {
        struct pl_err err = { 0 };
        struct pl_memory_blocks blocks;
        const struct pl_input in = { .path = pl_span_str(path),
                                     .bytes =
                                         rows[i]->stream || rows[i]->by_name ? PL_SPAN_NONE : bytes,
                                     .beside = beside,
                                     .mode = 0644,
                                     .limits = &PL_LIMITS,
                                     .tmp = &tmp };
        if (!pl_span_starts(bytes, pl_span_of(rows[i]->magic, rows[i]->magic_len)))
            continue;
        wanted++;
        pl_memory_blocks_init(&blocks, bytes, 4000);
        if (rows[i]->stream ? rows[i]->stream(&in, &blocks.blocks, a->sink, &err)
                            : rows[i]->parse(&in, a->sink, &err))
            fail_msg("%s: %s: %s", rows[i]->name, path, err.msg);
        pl_arena_reset(&tmp);
    }
    pl_arena_done(&tmp);
    return wanted;
}

/* Through the encoding and back, as a layer's child does. */
static inline const struct pl_layer_report *analysis_report(struct analysis *a)
{
    struct pl_err err = { 0 };
    const struct pl_layer_totals none = { 0 };
    if (pl_sink_encode(a->sink, &none, &a->bytes, &err) ||
        pl_layer_report_decode(pl_buf_span(&a->bytes), &PL_LIMITS, &a->arena, &a->report, &err))
        fail_msg("layer report: %s", err.msg);
    return &a->report;
}

static inline void print_value(FILE *f, const char *key, pl_span value)
{
    if (value.len)
        fprintf(f, " %s=%.*s", key, PL_FMT(value));
}

static inline void print_package(FILE *f, const struct pl_package *p)
{
    fprintf(f, "package %.*s %.*s %.*s %.*s", PL_FMT(p->type), PL_FMT(p->name), PL_FMT(p->version),
            PL_FMT(p->arch));
    print_value(f, "source", p->source_name);
    print_value(f, "source-version", p->source_version);
    print_value(f, "vendor", p->vendor);
    print_value(f, "module", p->module);
    print_value(f, "licenses", p->licenses);
    print_value(f, "status", p->status);
    print_value(f, "repository", p->repository);
    if (p->flags & PL_PACKAGE_KERNEL_HEADERS)
        fprintf(f, " kernel-headers");
    if (p->flags & PL_PACKAGE_PARTIAL)
        fprintf(f, " partial");
    fprintf(f, " in %.*s\n", PL_FMT(p->path));
}

static inline void print_report(FILE *f, const struct pl_layer_report *r)
{
    struct pl_owned_iter it;
    struct pl_owned o;
    for (size_t i = 0; i < r->n_packages; i++)
        print_package(f, &r->packages[i]);
    for (size_t i = 0; i < r->n_databases; i++)
        fprintf(f, "database %.*s %.*s %llu\n", PL_FMT(r->databases[i].analyzer),
                PL_FMT(r->databases[i].path), (unsigned long long)r->databases[i].n_packages);
    for (pl_owned_iter_init(&it, r); pl_owned_next(&it, &o);)
        fprintf(f, "owned %.*s %.*s %.*s %.*s\n", PL_FMT(o.type), PL_FMT(o.package), PL_FMT(o.path),
                PL_FMT(o.digest));
    for (size_t i = 0; i < r->n_facts; i++)
        fprintf(f, "fact %.*s %.*s %zu\n", PL_FMT(r->facts[i].kind), PL_FMT(r->facts[i].path),
                r->facts[i].bytes.len);
    for (size_t i = 0; i < r->n_gaps; i++)
        fprintf(f, "gap %.*s %.*s: %.*s\n", PL_FMT(r->gaps[i].reason), PL_FMT(r->gaps[i].path),
                PL_FMT(r->gaps[i].detail));
}

/* The same as a string; free() it. Lines are sorted, so that an order inside the layer report is
 * nobody's expectation. */
static inline int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline char *analysis_text(struct analysis *a)
{
    char *text = NULL, *sorted = NULL, *save = NULL;
    size_t size = 0, n = 0, room = 0;
    char **lines = NULL;
    FILE *f = open_memstream(&text, &size);
    print_report(f, analysis_report(a));
    fclose(f);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (n == room)
            lines = realloc(lines, (room = room * 2 + 64) * sizeof(*lines));
        lines[n++] = line;
    }
    if (n)
        qsort(lines, n, sizeof(*lines), compare_lines);
    f = open_memstream(&sorted, &size);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s\n", lines[i]);
    fclose(f);
    free(lines);
    free(text);
    return sorted;
}

/* A whole file; NULL span when it cannot be read. free((void *)ptr). */
static inline pl_span slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return PL_SPAN_NONE;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *p = malloc((size_t)size + 1);
    if (!p || fread(p, 1, (size_t)size, f) != (size_t)size)
        fail_msg("cannot read %s", path);
    fclose(f);
    return pl_span_of(p, (size_t)size);
}
