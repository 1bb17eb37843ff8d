#include "base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/nearest.h"

enum { DEPTH = 16, NODES = 200000, MEMBERS = 20000, KEYS = 200 };

struct reading {
    const char *file;
    struct pl_arena *a;
    yaml_parser_t parser;
    struct pl_yaml *open[DEPTH], **tail[DEPTH]; /* what is being filled */
    struct pl_yaml *key[DEPTH];                 /* of a map: a key that waits for its value */
    size_t depth, n_nodes;
    struct pl_yaml *root;
    bool done;
};

static pl_rc fail_at(const char *file, unsigned line, unsigned column, struct pl_err *err,
                     const char *why)
{
    return pl_fail(err, PL_EFORMAT, "%s:%u:%u: %s", file, line, column, why);
}

pl_rc pl_yaml_fail(const char *file, const struct pl_yaml *at, struct pl_err *err, const char *fmt,
                   ...)
{
    char why[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    return fail_at(file, at ? at->line : 1, at ? at->column : 1, err, why);
}

static pl_rc broken(const struct reading *r, struct pl_err *err)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return pl_fail(err, PL_ENOMEM, "%s: out of memory", r->file);
    if (p->error == YAML_READER_ERROR)
        return pl_fail(err, PL_EFORMAT, "%s: byte %zu: %s", r->file, p->problem_offset,
                       p->problem ? p->problem : "not text");
    return fail_at(r->file, (unsigned)p->problem_mark.line + 1,
                   (unsigned)p->problem_mark.column + 1, err, p->problem ? p->problem : "not YAML");
}

static pl_rc check_key(struct reading *r, const struct pl_yaml *map, const struct pl_yaml *key,
                       struct pl_err *err)
{
    if (key->kind != PL_YAML_TEXT)
        return pl_yaml_fail(r->file, key, err, "a key must be a word");
    if (map->n >= KEYS)
        return pl_yaml_fail(r->file, key, err, "more than %d keys in one place", KEYS);
    for (const struct pl_yaml *m = map->first; m; m = m->next)
        if (pl_span_eq(m->key, key->text))
            return pl_yaml_fail(r->file, key, err, "\"%.*s\" is there twice (first in line %u)",
                                PL_FMT(key->text), m->key_line);
    return PL_OK;
}

/* A new node in its place: the document's top, a list's end, a map's key or value. */
static pl_rc place(struct reading *r, struct pl_yaml *node, struct pl_err *err)
{
    if (r->depth == 0) {
        r->root = node;
        return PL_OK;
    }
    size_t top = r->depth - 1;
    struct pl_yaml *in = r->open[top];
    if (in->kind == PL_YAML_MAP) {
        if (!r->key[top]) {
            r->key[top] = node;
            return check_key(r, in, node, err);
        }
        node->key = r->key[top]->text;
        node->key_line = r->key[top]->line;
        node->key_column = r->key[top]->column;
        r->key[top] = NULL;
    }
    if (in->n >= MEMBERS)
        return pl_yaml_fail(r->file, node, err, "more than %d entries in one list", MEMBERS);
    *r->tail[top] = node;
    r->tail[top] = &node->next;
    in->n++;
    return PL_OK;
}

static pl_rc add(struct reading *r, const yaml_event_t *e, enum pl_yaml_kind kind,
                 struct pl_err *err)
{
    struct pl_yaml *node = pl_arena_alloc(r->a, sizeof(*node));
    if (!node || ++r->n_nodes > NODES)
        return pl_fail(err, PL_ELIMIT, "%s: too large", r->file);
    node->kind = kind;
    node->line = (unsigned)e->start_mark.line + 1;
    node->column = (unsigned)e->start_mark.column + 1;
    if (kind == PL_YAML_TEXT) {
        node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        if (!pl_arena_copy(r->a, pl_span_of(e->data.scalar.value, e->data.scalar.length),
                           &node->text))
            return pl_fail(err, PL_ELIMIT, "%s: too large", r->file);
    }
    pl_rc rc = place(r, node, err);
    if (rc || kind == PL_YAML_TEXT)
        return rc;
    if (r->depth == DEPTH)
        return pl_yaml_fail(r->file, node, err, "nested more than %d deep", DEPTH);
    r->open[r->depth] = node;
    r->key[r->depth] = NULL;
    r->tail[r->depth++] = &node->first;
    return PL_OK;
}

static pl_rc take_event(struct reading *r, const yaml_event_t *e, struct pl_err *err)
{
    unsigned line = (unsigned)e->start_mark.line + 1, column = (unsigned)e->start_mark.column + 1;
    switch (e->type) {
    case YAML_SCALAR_EVENT: return add(r, e, PL_YAML_TEXT, err);
    case YAML_SEQUENCE_START_EVENT: return add(r, e, PL_YAML_LIST, err);
    case YAML_MAPPING_START_EVENT: return add(r, e, PL_YAML_MAP, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: r->depth--; return PL_OK;
    case YAML_ALIAS_EVENT:
        return fail_at(r->file, line, column, err, "aliases (*name) are not read; write it out");
    case YAML_DOCUMENT_START_EVENT:
        return r->root ? fail_at(r->file, line, column, err, "a second document; one is read")
                       : PL_OK;
    case YAML_STREAM_END_EVENT: r->done = true; return PL_OK;
    default: return PL_OK;
    }
}

pl_rc pl_yaml_parse(const char *file, pl_span text, struct pl_arena *a, struct pl_yaml **out,
                    struct pl_err *err)
{
    struct reading r = { .file = file, .a = a };
    pl_rc rc = PL_OK;
    if (!yaml_parser_initialize(&r.parser))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len ? text.ptr : ""),
                                 text.len);
    while (!rc && !r.done) {
        yaml_event_t e;
        if (!yaml_parser_parse(&r.parser, &e)) {
            rc = broken(&r, err);
            break;
        }
        rc = take_event(&r, &e, err);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&r.parser);
    if (!rc)
        *out = r.root;
    return rc;
}

pl_rc pl_read_whole(const char *file, size_t max, struct pl_arena *a, pl_span *out,
                    struct pl_err *err)
{
    PL_AUTO(fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    PL_AUTO(free) void *bytes = NULL;
    struct stat st;
    size_t n = 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return pl_fail_errno(err, errno == ENOENT ? PL_EABSENT : PL_EIO, errno, "cannot read %s",
                             file);
    if (S_ISDIR(st.st_mode))
        return pl_fail(err, PL_EUSAGE, "cannot read %s: it is a directory", file);
    size_t room = S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size <= max
                      ? (size_t)st.st_size + 1
                      : max + 1;
    bytes = malloc(room);
    if (!bytes)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    for (ssize_t got = 1; got != 0 && n < room;) {
        got = read(fd, (char *)bytes + n, room - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return pl_fail_errno(err, PL_EIO, errno, "cannot read %s", file);
        n += (size_t)got;
    }
    if (n > max)
        return pl_fail(err, PL_ELIMIT, "%s is larger than %zu MiB", file, max >> 20);
    return pl_arena_copy(a, pl_span_of(bytes, n), out) ? PL_OK
                                                       : pl_fail(err, PL_ENOMEM, "out of memory");
}

/* ---- reading what is expected ---- */

static const char *kind_text(const struct pl_yaml *y)
{
    static const char *const words[] = { "a text", "a list", "a map" };
    return words[y->kind];
}

pl_rc pl_yaml_keys(const char *file, const struct pl_yaml *map, const char *const *keys, size_t n,
                   struct pl_err *err)
{
    if (map->kind != PL_YAML_MAP)
        return pl_yaml_fail(file, map, err, "%s where \"%s: ...\" and the like are wanted",
                            kind_text(map), keys[0]);
    for (const struct pl_yaml *m = map->first; m; m = m->next) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known = known || pl_span_eq(m->key, pl_span_str(keys[i]));
        if (known)
            continue;
        char why[400];
        const char *near = pl_nearest(m->key, keys, n);
        snprintf(why, sizeof(why), "no key \"%.*s\"; %s%s%s",
                 (int)(m->key.len < 60 ? m->key.len : 60), m->key.ptr,
                 near ? "did you mean \"" : "there are ", near ? near : "", near ? "\"?" : "");
        for (size_t i = 0; !near && i < n; i++)
            snprintf(why + strlen(why), sizeof(why) - strlen(why), "%s%s", i ? ", " : "", keys[i]);
        return fail_at(file, m->key_line, m->key_column, err, why);
    }
    return PL_OK;
}

const struct pl_yaml *pl_yaml_get(const struct pl_yaml *map, const char *key)
{
    for (const struct pl_yaml *m = map->first; m; m = m->next)
        if (pl_span_eq(m->key, pl_span_str(key)))
            return m;
    return NULL;
}

pl_rc pl_yaml_text(const char *file, const struct pl_yaml *map, const char *key, pl_span *out,
                   struct pl_err *err)
{
    const struct pl_yaml *y = pl_yaml_get(map, key);
    if (!y)
        return PL_OK;
    if (y->kind != PL_YAML_TEXT || y->text.len == 0)
        return pl_yaml_fail(file, y, err, "%s wants a text", key);
    *out = y->text;
    return PL_OK;
}

pl_rc pl_yaml_bool(const char *file, const struct pl_yaml *map, const char *key, int *out,
                   struct pl_err *err)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };
    const struct pl_yaml *y = pl_yaml_get(map, key);
    if (!y)
        return PL_OK;
    for (size_t i = 0; y->kind == PL_YAML_TEXT && i < PL_COUNT(words); i++)
        if (pl_span_eq_nocase(y->text, pl_span_str(words[i]))) {
            *out = (int)(i & 1);
            return PL_OK;
        }
    return pl_yaml_fail(file, y, err, "%s wants true or false", key);
}

pl_rc pl_yaml_number(const char *file, const struct pl_yaml *map, const char *key, double most,
                     double *out, struct pl_err *err)
{
    const struct pl_yaml *y = pl_yaml_get(map, key);
    char *end = NULL;
    if (!y)
        return PL_OK;
    double v = y->kind == PL_YAML_TEXT && y->text.len ? strtod(y->text.ptr, &end) : NAN;
    if (!isfinite(v) || !end || *end || v < 0 || v > most)
        return pl_yaml_fail(file, y, err, "%s wants a number from 0 to %g", key, most);
    *out = v;
    return PL_OK;
}

pl_rc pl_yaml_texts(const char *file, const struct pl_yaml *map, const char *key,
                    struct pl_arena *a, const struct pl_yaml ***out, size_t *n, struct pl_err *err)
{
    const struct pl_yaml *y = pl_yaml_get(map, key);
    if (!y)
        return PL_OK;
    bool one = y->kind == PL_YAML_TEXT;
    if (y->kind == PL_YAML_MAP || (!one && y->n == 0))
        return pl_yaml_fail(file, y, err, "%s wants a list, such as [a, b]", key);
    const struct pl_yaml **items = pl_arena_array(a, one ? 1 : y->n, sizeof(*items));
    size_t k = 0;
    if (!items)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    for (const struct pl_yaml *m = one ? y : y->first; m; m = one ? NULL : m->next) {
        if (m->kind != PL_YAML_TEXT || m->text.len == 0)
            return pl_yaml_fail(file, m, err, "%s wants texts in its list", key);
        items[k++] = m;
    }
    *out = items;
    *n = k;
    return PL_OK;
}
