/* oval_flat.h - one definition's tree while oval_eval.c walks it and oval_rows.c writes of it. */
#pragma once
#include "feed/oval.h"

enum { OVAL_MAX_PLACES = 512, OVAL_MAX_ROWS = 400000 };
enum leaf { LEAF_TRUE, LEAF_FALSE, LEAF_PLACE, LEAF_PACKAGE, LEAF_MISSING };

struct places {
    struct oval_place *at;
    size_t n; /* 0: never; one that is empty: always */
};

struct flat { /* one for each node */
    enum leaf leaf;
    bool has_package;
    uint32_t first, next; /* child, sibling; UINT32_MAX none */
    const struct oval_test *test;
    struct places places; /* what the node itself asks; below a package: what holds there */
};

struct flattening {
    const struct oval_store *store;
    const struct oval_profile *profile;
    const struct oval_def *def;
    pl_span path;
    struct pl_arena *a;
    struct pl_vec *rows;
    const struct oval_node *nodes;
    struct flat *flat;
    struct places usual; /* of the metadata, for trees that name no release */
    struct pl_map seen;
    pl_span channel; /* "eus-8.4" when all its products are of that kind */
    bool unaffected;
};

/* The rows of one test of a package, for each of the places. */
pl_rc pl_oval_rows_of_leaf(struct flattening *f, uint32_t node, struct places where,
                           struct pl_err *err) PL_CHECKED;
