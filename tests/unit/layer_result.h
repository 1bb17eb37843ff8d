/* layer_result.h - for tests of the layer pass: run a job here and now, look at its report. */
#pragma once
#include "scan/layer_pass.h"

struct result {
    struct pl_buf bytes;
    struct pl_arena arena;
    struct pl_layer_report r;
};

static inline void run_job(const struct pl_layer_job *job, struct result *out)
{
    struct pl_err err = { 0 };
    *out = (struct result){ 0 };
    pl_arena_init(&out->arena, 64 << 20);
    assert_int_equal(pl_layer_pass_run(job, NULL, &out->bytes, &err), PL_OK);
    assert_int_equal(
        pl_layer_report_decode(pl_buf_span(&out->bytes), &PL_LIMITS, &out->arena, &out->r, &err),
        PL_OK);
}

static inline void done(struct result *r)
{
    pl_buf_done(&r->bytes);
    pl_arena_done(&r->arena);
}

static inline const struct pl_fact *fact_of(const struct result *r, const char *path)
{
    const struct pl_fact *found = NULL;
    for (size_t i = 0; i < r->r.n_facts; i++)
        if (pl_span_eq(r->r.facts[i].path, pl_span_str(path))) {
            assert_null(found);
            found = &r->r.facts[i];
        }
    return found;
}

static inline void assert_fact(const struct result *r, const char *path, const char *bytes)
{
    const struct pl_fact *f = fact_of(r, path);
    assert_non_null(f);
    assert_true(pl_span_eq(f->bytes, pl_span_str(bytes)));
}

static inline void assert_gap(const struct result *r, const char *path, const char *reason,
                              const char *words)
{
    for (size_t i = 0; i < r->r.n_gaps; i++) {
        const struct pl_gap *g = &r->r.gaps[i];
        if (pl_span_eq(g->path, pl_span_str(path)) && pl_span_eq(g->reason, pl_span_str(reason)) &&
            pl_span_find(g->detail, pl_span_str(words)) != SIZE_MAX)
            return;
    }
    fail_msg("no gap %s of \"%s\" that says \"%s\"", reason, path, words);
}
