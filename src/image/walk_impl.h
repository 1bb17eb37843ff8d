/* walk_impl.h - what the two walkers share: a table of verbs, and how names become clean. */
#pragma once
#include "image/walk.h"

struct pl_walk_ops {
    pl_rc (*next)(struct pl_walk *w, const struct pl_entry **out, struct pl_err *err);
    pl_rc (*read)(struct pl_walk *w, pl_span *out, struct pl_err *err);
    pl_rc (*finish)(struct pl_walk *w, struct pl_layer_totals *out, struct pl_err *err);
    uint64_t (*position)(const struct pl_walk *w);
    void (*watch)(struct pl_walk *w, _Atomic uint64_t *position);
    void (*close)(struct pl_walk *w);
};

struct pl_walk {
    const struct pl_walk_ops *ops;
    const struct pl_limits *limits;
    size_t n_entries;
    const char *flaw_reason; /* NULL: none */
    char flaw[128];
};

enum { PL_PATH_ROOM = 4096 }; /* of struct pl_entry_iter; limits->path_bytes is never more */

/* Leading "/" and "./", empty and "." parts dropped, ".." resolved against the root, NUL ends it.
 * False when longer than limit (at most PL_PATH_ROOM): out then holds its beginning. */
bool pl_path_clean(pl_span raw, size_t limit, char out[PL_PATH_ROOM], size_t *len);

/* One more entry; PL_ELIMIT beyond limits->layer_entries. */
pl_rc pl_walk_count(struct pl_walk *w, struct pl_err *err) PL_CHECKED;
void pl_walk_set_flaw(struct pl_walk *w, const char *reason, const char *fmt, ...) PL_PRINTF(3, 4);
