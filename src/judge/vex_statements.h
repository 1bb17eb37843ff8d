/* vex_statements.h - VEX documents of either form as one kind of statement. vex.c applies them,
 * vex_openvex.c and vex_cyclonedx.c read them. */
#pragma once
#include "base/json.h"
#include "base/map.h"
#include "judge/vex.h"
#include "model/purl.h"

/* One thing that a statement is about: an image, a package, or anything by its text. */
struct pl_vex_thing {
    bool whole;  /* the target itself, whatever it is called */
    bool parsed; /* purl holds */
    struct pl_purl purl;
    pl_span text;    /* as written */
    pl_span hash;    /* hex of a SHA-256, of an image's manifest or configuration; may be empty */
    bool never;      /* a range in vers: form: matches nothing, rather than too much */
    pl_span version; /* this version only (CycloneDX affects[].versions); empty: any */
};

struct pl_vex_product {
    struct pl_vex_thing thing;
    struct pl_vex_thing *parts; /* subcomponents */
    size_t n_parts;
};

struct pl_vex_statement {
    const char *file;
    pl_span *ids;
    size_t n_ids;
    struct pl_vex_product *products;
    size_t n_products;
    pl_span status; /* OpenVEX's word */
    pl_span justification, impact, action, timestamp;
    size_t order;
};

struct pl_vex {
    struct pl_arena a;
    struct pl_vec statements; /* struct pl_vex_statement */
};

/* The document's statements, pushed. Text is copied. */
pl_rc pl_vex_read_openvex(struct pl_vex *v, const char *file, const json_t *doc,
                          const struct pl_log *log, struct pl_err *err) PL_CHECKED;
pl_rc pl_vex_read_cyclonedx(struct pl_vex *v, const char *file, const json_t *doc,
                            const struct pl_log *log, struct pl_err *err) PL_CHECKED;
/* NULL when memory ends. */
struct pl_vex_statement *pl_vex_push(struct pl_vex *v, const char *file, size_t room_ids,
                                     size_t room_products);
bool pl_vex_thing_of(struct pl_vex *v, pl_span text, struct pl_vex_thing *out);
bool pl_vex_copy(struct pl_vex *v, pl_span s, pl_span *out);
