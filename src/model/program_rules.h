/* program_rules.h - how programs are known by their own bytes: rules/programs/ read into structs.
 *
 * The analyzer compiles them to find programs, feeds and matching take the product names. One file
 * is a YAML list of rules; docs/adding-a-program-rule.md says what each key means. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* Where `near` stands, `version` is tried on the bytes around it; its first group is the version.
 * A text file does without `near`: then its first 4 KiB are tried. */
struct pl_program_find {
    pl_span near, version;
};

struct pl_program_sample {
    pl_span path, text; /* path empty: one made from the first glob */
    pl_span version;    /* empty: the rule must not see anything in it */
};

struct pl_program_rule {
    pl_span name; /* of the rule */
    pl_span type, package;
    const pl_span *files; /* globs from the image root */
    size_t n_files;
    bool text;    /* the files are not ELF: they are read whole, up to 1 MiB */
    bool by_name; /* the path says all */
    pl_span path; /* pattern on the path; by_name: its first group is the version; else what it
                     finds must be how the version begins ("3.11" of libpython3.11.so) */
    const struct pl_program_find *find;
    size_t n_find;
    const pl_span *also; /* all must stand somewhere in the file too */
    size_t n_also;
    const pl_span *cpe; /* "vendor:product" as NVD names it */
    size_t n_cpe;
    pl_span bitnami; /* the product's name in Bitnami's advisories */
    const struct pl_program_sample *samples;
    size_t n_samples;
    const char *file; /* it was read from */
};

/* The rules of one file, appended to `out` (of struct pl_program_rule); text lives in `a`.
 * PL_EFORMAT with file and line. */
pl_rc pl_program_rules_parse(const char *file, pl_span yaml, struct pl_arena *a, struct pl_vec *out,
                             struct pl_err *err) PL_CHECKED;

/* The rules that the program carries, read once; NULL and why when they are broken. */
const struct pl_program_rule *pl_program_rules(size_t *n, const char **why);
/* The rule whose package is so named; NULL when none. */
const struct pl_program_rule *pl_program_rule_find(pl_span package);
