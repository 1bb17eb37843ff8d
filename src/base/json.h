/* json.h - JSON in and out. Jansson reads trees; what is too large for a tree is framed first by
 * pl_json_each(), which finds where each value at a given depth begins and ends; our own writer
 * streams, keeps the order we give, and never fails on bytes that are not UTF-8 (they become
 * U+FFFD). Spec: RFC 8259. */
#pragma once
#include "base/err.h"
#include "base/span.h"
#include <jansson.h>
#include <stdio.h>

PL_AUTO_DEFINE(json, json_t *, json_decref)

/* A whole document; nesting is bounded (jansson's 2048). PL_EFORMAT names line and column. */
pl_rc pl_json_parse(pl_span text, json_t **out, struct pl_err *err) PL_CHECKED;

/* Members of a tree, borrowed; empty, NULL or 0 when absent or of another type. */
pl_span pl_json_text(const json_t *object, const char *key);
const json_t *pl_json_array(const json_t *object, const char *key);
const json_t *pl_json_object(const json_t *object, const char *key);
bool pl_json_bool(const json_t *object, const char *key);
double pl_json_number(const json_t *object, const char *key, double absent);
pl_span pl_json_span(const json_t *string); /* empty unless a string */

/* Where bytes come from: fills buf with up to size bytes; *got 0 at the end. */
struct pl_reader {
    pl_rc (*read)(struct pl_reader *r, void *buf, size_t size, size_t *got, struct pl_err *err);
};

/* Frame a large document. path says where the values are: "" = members or elements of the top
 * value itself, "vulnerabilities" = those of its member of that name, "a.b" one level further
 * (names only). fn gets each member's key (raw, escapes kept; empty in an array) and the whole
 * text of its value, valid for the call. A value over max_value bytes is skipped and reported
 * with value.ptr NULL and value.len its size. A document that ends early or is no JSON is
 * PL_EFORMAT with the byte offset. Nothing but strings, nesting and separators is checked: the
 * values are for pl_json_parse(). */
typedef pl_rc (*pl_json_fn)(void *ctx, pl_span key, pl_span value, struct pl_err *err);
pl_rc pl_json_each(struct pl_reader *in, const char *path, size_t max_value, pl_json_fn fn,
                   void *ctx, struct pl_err *err) PL_CHECKED;

/* A writer. Keys are ours (plain ASCII); commas and indentation are its own work. */
struct pl_jsonw {
    FILE *out;
    int depth;
    bool compact;
    bool comma[64];
};
void pl_jsonw_init(struct pl_jsonw *w, FILE *out, bool compact);
void pl_jsonw_object(struct pl_jsonw *w, const char *key); /* key NULL inside an array or on top */
void pl_jsonw_array(struct pl_jsonw *w, const char *key);
void pl_jsonw_end_object(struct pl_jsonw *w);
void pl_jsonw_end_array(struct pl_jsonw *w);
void pl_jsonw_text(struct pl_jsonw *w, const char *key, pl_span value);
void pl_jsonw_text_or_null(struct pl_jsonw *w, const char *key, pl_span value); /* empty: null */
void pl_jsonw_int(struct pl_jsonw *w, const char *key, int64_t value);
void pl_jsonw_double(struct pl_jsonw *w, const char *key, double value, int decimals);
void pl_jsonw_bool(struct pl_jsonw *w, const char *key, bool value);
void pl_jsonw_null(struct pl_jsonw *w, const char *key);
void pl_jsonw_key_text(struct pl_jsonw *w, pl_span key, pl_span value); /* key from outside */
