/* yaml.h - a YAML document as a small tree that remembers where each thing was written, for files
 * that people write for us. One document; anchors and aliases are refused (a few lines of them
 * stand for gigabytes), tags are ignored, depth and number of nodes are bounded.
 * Spec: YAML 1.1, as libyaml reads it. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum pl_yaml_kind { PL_YAML_TEXT, PL_YAML_LIST, PL_YAML_MAP };

struct pl_yaml {
    enum pl_yaml_kind kind;
    bool plain;            /* text without quotes: may be read as a number, true, null */
    unsigned line, column; /* from 1 */
    pl_span text;          /* of a text; NUL-ended */
    pl_span key;           /* in a map: its key */
    unsigned key_line, key_column;
    struct pl_yaml *first, *next; /* members of a list or map, in the order of the file */
    size_t n;
};

/* file is named in messages: "FILE:3:5: ...". *out NULL: an empty document. */
pl_rc pl_yaml_parse(const char *file, pl_span text, struct pl_arena *a, struct pl_yaml **out,
                    struct pl_err *err) PL_CHECKED;
/* A whole file, at most max bytes. "-" is no file here. Its bytes are in a. */
pl_rc pl_read_whole(const char *file, size_t max, struct pl_arena *a, pl_span *out,
                    struct pl_err *err) PL_CHECKED;

/* ---- reading what is expected; every failure is PL_EFORMAT with the place ---- */

pl_rc pl_yaml_fail(const char *file, const struct pl_yaml *at, struct pl_err *err, const char *fmt,
                   ...) PL_PRINTF(4, 5);
/* A map with no other keys than these. An unknown one is refused with the nearest known. */
pl_rc pl_yaml_keys(const char *file, const struct pl_yaml *map, const char *const *keys, size_t n,
                   struct pl_err *err) PL_CHECKED;
const struct pl_yaml *pl_yaml_get(const struct pl_yaml *map, const char *key); /* NULL: absent */
/* Each leaves out as it is when the key is absent. */
pl_rc pl_yaml_text(const char *file, const struct pl_yaml *map, const char *key, pl_span *out,
                   struct pl_err *err) PL_CHECKED;
pl_rc pl_yaml_bool(const char *file, const struct pl_yaml *map, const char *key, int *out,
                   struct pl_err *err) PL_CHECKED; /* 0 or 1: true false yes no */
pl_rc pl_yaml_number(const char *file, const struct pl_yaml *map, const char *key, double most,
                     double *out, struct pl_err *err) PL_CHECKED;
/* A list of texts, or one text for a list of one. An empty list is refused: it matches nothing. */
pl_rc pl_yaml_texts(const char *file, const struct pl_yaml *map, const char *key,
                    struct pl_arena *a, const struct pl_yaml ***out, size_t *n,
                    struct pl_err *err) PL_CHECKED;
