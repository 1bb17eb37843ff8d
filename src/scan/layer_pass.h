/* layer_pass.h - one pass over one layer: walk it, offer files to the analyzers that want them,
 * and answer with the encoded layer report.
 *
 * In a child process: pl_layer_pass_start(), then pl_layer_pass_read() whenever pass->child.out can
 * be read, until it says so; then pl_layer_pass_finish(). A layer that is broken or too large still
 * gives a report, with a gap in it; only a child that crashed, or met its own ceilings, gives none.
 */
#pragma once
#include <stdatomic.h>

#include "analyzer/analyzer.h"
#include "base/buf.h"
#include "base/child.h"
#include "image/source.h"

/* pl_analyzers_for(), or a test's own. */
typedef size_t (*pl_analyzers_fn)(pl_span path, const struct pl_analyzer **out, size_t max);

struct pl_layer_job {
    const char *name;        /* for messages: "layer sha256:..." */
    struct pl_stream stream; /* fd stays the caller's; unused with a tree */
    int tree_fd;             /* a directory tree instead (rootfs); -1: none */
    /* Not NULL: the stream is no tar but a document for this reader (struct pl_source). */
    pl_rc (*document)(pl_span bytes, const struct pl_limits *limits, struct pl_sink *out,
                      struct pl_err *err);
    const struct pl_limits *limits;
    pl_analyzers_fn analyzers_for;
    const struct pl_analyzer *const *rows; /* all of them: whose files have companions */
    size_t n_rows;
};

struct pl_layer_pass {
    struct pl_child child;
    struct pl_buf answer;       /* the encoded report once pl_layer_pass_finish() was PL_OK */
    _Atomic uint64_t *position; /* a page shared with the child */
    unsigned sandbox;           /* PL_SANDBOX_*, known after pl_layer_pass_finish() */
};

pl_rc pl_layer_pass_start(const struct pl_layer_job *job, struct pl_layer_pass *out,
                          struct pl_err *err) PL_CHECKED;
/* Take what the child has written so far, without waiting. */
pl_rc pl_layer_pass_read(struct pl_layer_pass *p, bool *ended, struct pl_err *err) PL_CHECKED;
/* Stored bytes read so far; entries seen, for a tree. */
uint64_t pl_layer_pass_position(const struct pl_layer_pass *p);
pl_rc pl_layer_pass_finish(struct pl_layer_pass *p, struct pl_err *err) PL_CHECKED;
void pl_layer_pass_close(struct pl_layer_pass *p); /* kills what still runs */

/* The pass itself, here and now: for the child, and for fuzzers. position may be NULL. */
pl_rc pl_layer_pass_run(const struct pl_layer_job *job, _Atomic uint64_t *position,
                        struct pl_buf *out, struct pl_err *err) PL_CHECKED;

static inline void pl_auto_layer_pass(struct pl_layer_pass *p) { pl_layer_pass_close(p); }
