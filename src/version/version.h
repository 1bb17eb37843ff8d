/* version.h - how versions order: one file per scheme, pure functions on spans, no memory.
 *
 * One more scheme is one file with its row and one word in schemes.def. */
#pragma once
#include "base/span.h"

struct pl_scheme {
    const char *name; /* "deb": stable; on the command line and in the advisory database */
    const char *what; /* one line for people */
    const char *spec; /* where the order is written down */
    /* <0, 0, >0. Defined for any two byte strings (what the scheme does not allow orders somehow,
     * but always the same way); time linear in the length of both. */
    int (*compare)(pl_span a, pl_span b);
    /* Does the scheme allow it? A caller that must not guess asks before it compares. */
    bool (*valid)(pl_span v);
};

const struct pl_scheme *pl_scheme_find(pl_span name); /* NULL when unknown */
/* The order of a package type's versions: "npm" -> semver; most are named alike. NULL when none. */
const struct pl_scheme *pl_scheme_of_type(pl_span type);
extern const struct pl_scheme *const pl_schemes[];
extern const size_t pl_n_schemes;
