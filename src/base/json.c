#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"

pl_rc pl_json_parse(pl_span text, json_t **out, struct pl_err *err)
{
    json_error_t e;
    json_t *root =
        json_loadb(text.ptr ? text.ptr : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    if (!root)
        return pl_fail(err,
                       json_error_code(&e) == json_error_out_of_memory ? PL_ENOMEM : PL_EFORMAT,
                       "JSON: line %d, column %d: %s", e.line, e.column, e.text);
    *out = root;
    return PL_OK;
}

pl_span pl_json_span(const json_t *string)
{
    return json_is_string(string)
               ? pl_span_of(json_string_value(string), json_string_length(string))
               : PL_SPAN_NONE;
}

pl_span pl_json_text(const json_t *object, const char *key)
{
    return pl_json_span(json_object_get(object, key));
}

const json_t *pl_json_array(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_array(v) ? v : NULL;
}

const json_t *pl_json_object(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_object(v) ? v : NULL;
}

bool pl_json_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

double pl_json_number(const json_t *object, const char *key, double absent)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : absent;
}

/* ---- framing ---- */

struct framer {
    struct pl_reader *in;
    char buf[64 << 10];
    size_t at, len;
    uint64_t offset;
    bool ended;
    struct pl_buf value, key;
    size_t max_value;
    pl_json_fn fn;
    void *ctx;
};

enum { MAX_NESTING = 100000 };

/* The next byte, or -1 at the end; *rc tells a failed read. */
static int peek(struct framer *f, pl_rc *rc, struct pl_err *err)
{
    if (f->at == f->len) {
        size_t got = 0;
        if (f->ended)
            return -1;
        *rc = f->in->read(f->in, f->buf, sizeof(f->buf), &got, err);
        if (*rc || got == 0) {
            f->ended = true;
            return -1;
        }
        f->at = 0;
        f->len = got;
    }
    return (unsigned char)f->buf[f->at];
}

static int next(struct framer *f, pl_rc *rc, struct pl_err *err)
{
    int c = peek(f, rc, err);
    if (c >= 0) {
        f->at++;
        f->offset++;
    }
    return c;
}

static pl_rc broken(struct framer *f, pl_rc rc, struct pl_err *err)
{
    if (rc)
        return rc;
    return pl_fail(err, PL_EFORMAT, "JSON: %s at byte %" PRIu64,
                   f->ended && f->at == f->len ? "ends early" : "unexpected character", f->offset);
}

static int skip_blank(struct framer *f, pl_rc *rc, struct pl_err *err)
{
    int c;
    while ((c = peek(f, rc, err)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        next(f, rc, err);
    /* a byte order mark, as Windows tools write it */
    if (c == 0xef && f->offset == 0) {
        next(f, rc, err), next(f, rc, err), next(f, rc, err);
        return skip_blank(f, rc, err);
    }
    return c;
}

struct keeper {
    struct pl_buf *into; /* NULL: skip */
    size_t max;
    uint64_t size;
};

static void keep(struct keeper *k, int c)
{
    k->size++;
    if (k->into && k->size <= k->max)
        pl_buf_char(k->into, (char)c);
}

static pl_rc string(struct framer *f, struct keeper *k, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    int c = next(f, &rc, err);
    if (c != '"')
        return broken(f, rc, err);
    keep(k, c);
    for (;;) {
        c = next(f, &rc, err);
        if (c < 0)
            return broken(f, rc, err);
        keep(k, c);
        if (c == '"')
            return PL_OK;
        if (c == '\\') {
            c = next(f, &rc, err);
            if (c < 0)
                return broken(f, rc, err);
            keep(k, c);
        }
    }
}

/* One value of any kind, kept or not. Nesting is counted, not recursed. */
static pl_rc value(struct framer *f, struct keeper *k, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    size_t depth = 0;
    for (;;) {
        int c = skip_blank(f, &rc, err);
        if (c < 0)
            return broken(f, rc, err);
        if (c == '"') {
            rc = string(f, k, err);
            if (rc)
                return rc;
        } else if (c == '{' || c == '[') {
            keep(k, next(f, &rc, err));
            if (++depth > MAX_NESTING)
                return pl_fail(err, PL_ELIMIT, "JSON: nested more than %d deep at byte %" PRIu64,
                               MAX_NESTING, f->offset);
            continue;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return broken(f, rc, err);
            keep(k, next(f, &rc, err));
            depth--;
        } else if (c == ',' || c == ':') {
            if (depth == 0)
                return broken(f, rc, err);
            keep(k, next(f, &rc, err));
            continue;
        } else {
            bool any = false;
            while ((c = peek(f, &rc, err)) >= 0 && !strchr(" \t\r\n,:{}[]\"", c)) {
                keep(k, next(f, &rc, err));
                any = true;
            }
            if (!any)
                return broken(f, rc, err);
        }
        if (depth == 0)
            return PL_OK;
    }
}

static pl_rc one_value(struct framer *f, pl_span key, struct pl_err *err)
{
    f->value.len = 0;
    struct keeper k = { .into = &f->value, .max = f->max_value };
    pl_rc rc = value(f, &k, err);
    if (rc)
        return rc;
    if (f->value.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_span text =
        k.size > f->max_value ? pl_span_of(NULL, (size_t)k.size) : pl_buf_span(&f->value);
    return f->fn(f->ctx, key, text, err);
}

/* The members of the container that begins here: each to one_value() when path is empty, else the
 * one that path names is entered and the others are skipped. */
static pl_rc container(struct framer *f, pl_span path, struct pl_err *err)
{
    for (;;) {
        pl_rc rc = PL_OK;
        pl_span name = { 0 };
        bool last = path.len == 0;
        if (!last)
            pl_span_split(&path, '.', &name);
        int open = skip_blank(f, &rc, err);
        if (open != '{' && open != '[')
            return broken(f, rc, err);
        next(f, &rc, err);
        bool entered = false;
        for (bool first = true;; first = false) {
            int c = skip_blank(f, &rc, err);
            if (c == (open == '{' ? '}' : ']')) {
                next(f, &rc, err);
                break;
            }
            if (!first) {
                if (c != ',')
                    return broken(f, rc, err);
                next(f, &rc, err);
                skip_blank(f, &rc, err);
            }
            pl_span key = { 0 };
            if (open == '{') {
                f->key.len = 0;
                struct keeper k = { .into = &f->key, .max = 64 << 10 };
                rc = string(f, &k, err);
                if (rc)
                    return rc;
                if (f->key.failed || f->key.len < 2)
                    return pl_fail(err, PL_ENOMEM, "out of memory");
                key = pl_span_sub(pl_buf_span(&f->key), 1, f->key.len - 2);
                c = skip_blank(f, &rc, err);
                if (c != ':')
                    return broken(f, rc, err);
                next(f, &rc, err);
            }
            if (last) {
                rc = one_value(f, key, err);
            } else if (open == '{' && pl_span_eq(key, name)) {
                int c2 = skip_blank(f, &rc, err);
                if (!rc && (c2 == '{' || c2 == '[')) {
                    entered = true;
                    break;
                }
                struct keeper k = { 0 };
                rc = value(f, &k, err);
            } else {
                struct keeper k = { 0 };
                rc = value(f, &k, err);
            }
            if (rc)
                return rc;
        }
        if (!entered)
            return PL_OK;
    }
}

pl_rc pl_json_each(struct pl_reader *in, const char *path, size_t max_value, pl_json_fn fn,
                   void *ctx, struct pl_err *err)
{
    struct framer *f = calloc(1, sizeof(*f));
    if (!f)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    f->in = in;
    f->max_value = max_value;
    f->fn = fn;
    f->ctx = ctx;
    pl_rc rc = container(f, pl_span_str(path), err);
    pl_buf_done(&f->value);
    pl_buf_done(&f->key);
    free(f);
    return rc;
}

/* ---- writing ---- */

void pl_jsonw_init(struct pl_jsonw *w, FILE *out, bool compact)
{
    *w = (struct pl_jsonw){ .out = out, .compact = compact };
}

static void put_string(FILE *out, pl_span s)
{
    fputc('"', out);
    while (s.len) {
        unsigned char c = (unsigned char)s.ptr[0];
        size_t n = pl_span_utf8(s);
        if (n == 0) {
            fputs("\xef\xbf\xbd", out);
            n = 1;
        } else if (c == '"' || c == '\\') {
            fputc('\\', out);
            fputc(c, out);
        } else if (c == '\n') {
            fputs("\\n", out);
        } else if (c == '\t') {
            fputs("\\t", out);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(out, "\\u%04x", c);
        } else {
            fwrite(s.ptr, 1, n, out);
        }
        s = pl_span_from(s, n);
    }
    fputc('"', out);
}

static void newline(struct pl_jsonw *w)
{
    if (w->compact)
        return;
    fputc('\n', w->out);
    for (int i = 0; i < w->depth; i++)
        fputs("  ", w->out);
}

static void begin_span(struct pl_jsonw *w, pl_span key)
{
    if (w->comma[w->depth])
        fputc(',', w->out);
    if (w->depth)
        newline(w);
    w->comma[w->depth] = true;
    if (key.ptr) {
        put_string(w->out, key);
        fputs(w->compact ? ":" : ": ", w->out);
    }
}

static void begin(struct pl_jsonw *w, const char *key) { begin_span(w, pl_span_str(key)); }

static void open_container(struct pl_jsonw *w, const char *key, char c)
{
    begin(w, key);
    fputc(c, w->out);
    if (w->depth < (int)PL_COUNT(w->comma) - 1)
        w->depth++;
    w->comma[w->depth] = false;
}

static void close_container(struct pl_jsonw *w, char c)
{
    bool any = w->comma[w->depth];
    if (w->depth)
        w->depth--;
    if (any)
        newline(w);
    fputc(c, w->out);
    if (w->depth == 0)
        fputc('\n', w->out);
}

void pl_jsonw_object(struct pl_jsonw *w, const char *key) { open_container(w, key, '{'); }
void pl_jsonw_array(struct pl_jsonw *w, const char *key) { open_container(w, key, '['); }
void pl_jsonw_end_object(struct pl_jsonw *w) { close_container(w, '}'); }
void pl_jsonw_end_array(struct pl_jsonw *w) { close_container(w, ']'); }

void pl_jsonw_text(struct pl_jsonw *w, const char *key, pl_span v)
{
    begin(w, key);
    put_string(w->out, v);
}

void pl_jsonw_text_or_null(struct pl_jsonw *w, const char *key, pl_span v)
{
    if (v.len == 0)
        pl_jsonw_null(w, key);
    else
        pl_jsonw_text(w, key, v);
}

void pl_jsonw_int(struct pl_jsonw *w, const char *key, int64_t v)
{
    begin(w, key);
    fprintf(w->out, "%" PRId64, v);
}

void pl_jsonw_double(struct pl_jsonw *w, const char *key, double v, int decimals)
{
    begin(w, key);
    fprintf(w->out, "%.*f", decimals, v);
}

void pl_jsonw_bool(struct pl_jsonw *w, const char *key, bool v)
{
    begin(w, key);
    fputs(v ? "true" : "false", w->out);
}

void pl_jsonw_null(struct pl_jsonw *w, const char *key)
{
    begin(w, key);
    fputs("null", w->out);
}

void pl_jsonw_key_text(struct pl_jsonw *w, pl_span key, pl_span v)
{
    begin_span(w, key.ptr ? key : PL_LIT(""));
    put_string(w->out, v);
}
