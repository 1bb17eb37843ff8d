#include "model/program_rules.h"

#include <pthread.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/rules.h"

struct reader {
    const char *file;
    yaml_document_t doc;
    struct pl_arena *a;
    struct pl_err *err;
};

static pl_rc bad(struct reader *r, const yaml_node_t *at, const char *what)
{
    return pl_fail(r->err, PL_EFORMAT, "%s: line %zu: %s", r->file, at->start_mark.line + 1, what);
}

static pl_rc full(struct reader *r) { return pl_fail(r->err, PL_ENOMEM, "%s: no room", r->file); }

static pl_span scalar(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? pl_span_of(n->data.scalar.value, n->data.scalar.length)
                                       : PL_SPAN_NONE;
}

static pl_rc text(struct reader *r, const yaml_node_t *n, pl_span *out)
{
    if (n->type != YAML_SCALAR_NODE)
        return bad(r, n, "a text is wanted here");
    return pl_arena_copy(r->a, scalar(n), out) ? PL_OK : full(r);
}

static size_t list_length(const yaml_node_t *n)
{
    return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
}

static yaml_node_t *item(struct reader *r, const yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(&r->doc, list->data.sequence.items.start[i]);
}

/* Sequences of YAML hold any number of nodes; those of rules are short. */
static pl_rc list(struct reader *r, const yaml_node_t *n, size_t size, void **out, size_t *count)
{
    if (n->type != YAML_SEQUENCE_NODE)
        return bad(r, n, "a list is wanted here");
    *count = list_length(n);
    *out = pl_arena_array(r->a, *count + 1, size);
    return *out ? PL_OK : full(r);
}

static pl_rc texts(struct reader *r, const yaml_node_t *n, const pl_span **out, size_t *count)
{
    void *items;
    pl_rc rc = list(r, n, sizeof(pl_span), &items, count);
    for (size_t i = 0; !rc && i < *count; i++)
        rc = text(r, item(r, n, i), (pl_span *)items + i);
    *out = items;
    return rc;
}

/* ---- maps: each key is a row ---- */

struct key {
    const char *name;
    pl_rc (*read)(struct reader *r, const yaml_node_t *n, void *into, size_t at);
    size_t at;
};

static pl_rc read_map(struct reader *r, const yaml_node_t *n, const struct key *keys, size_t n_keys,
                      void *into)
{
    if (n->type != YAML_MAPPING_NODE)
        return bad(r, n, "a map is wanted here");
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);
        const struct key *row = NULL;
        for (size_t i = 0; i < n_keys; i++)
            if (pl_span_eq(scalar(k), pl_span_str(keys[i].name)))
                row = &keys[i];
        if (!row)
            return bad(r, k, "no such key in a rule");
        pl_rc rc = row->read(r, yaml_document_get_node(&r->doc, p->value), into, row->at);
        if (rc)
            return rc;
    }
    return PL_OK;
}

static pl_rc key_text(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    return text(r, n, (pl_span *)(void *)((char *)into + at));
}

static pl_rc key_flag(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    bool yes = pl_span_eq(scalar(n), PL_LIT("true"));
    if (!yes && !pl_span_eq(scalar(n), PL_LIT("false")))
        return bad(r, n, "true or false is wanted here");
    *((bool *)into + at) = yes;
    return PL_OK;
}

static pl_rc key_note(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    (void)into;
    (void)at;
    return n->type == YAML_SCALAR_NODE ? PL_OK : bad(r, n, "a text is wanted here");
}

static pl_rc key_files(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    struct pl_program_rule *rule = into;
    (void)at;
    return texts(r, n, &rule->files, &rule->n_files);
}

static pl_rc key_also(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    struct pl_program_rule *rule = into;
    (void)at;
    return texts(r, n, &rule->also, &rule->n_also);
}

static pl_rc key_cpe(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    struct pl_program_rule *rule = into;
    (void)at;
    pl_rc rc = texts(r, n, &rule->cpe, &rule->n_cpe);
    for (size_t i = 0; !rc && i < rule->n_cpe; i++)
        if (pl_span_chr(rule->cpe[i], ':') == SIZE_MAX)
            rc = bad(r, n, "\"vendor:product\" is wanted here");
    return rc;
}

static pl_rc key_find(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    static const struct key keys[] = {
        { "near", key_text, offsetof(struct pl_program_find, near) },
        { "version", key_text, offsetof(struct pl_program_find, version) },
    };
    struct pl_program_rule *rule = into;
    void *items;
    (void)at;
    pl_rc rc = list(r, n, sizeof(struct pl_program_find), &items, &rule->n_find);
    struct pl_program_find *f = items;
    for (size_t i = 0; !rc && i < rule->n_find; i++) {
        rc = read_map(r, item(r, n, i), keys, PL_COUNT(keys), &f[i]);
        if (!rc && !f[i].version.len)
            rc = bad(r, item(r, n, i), "version is needed");
    }
    rule->find = items;
    return rc;
}

static pl_rc key_samples(struct reader *r, const yaml_node_t *n, void *into, size_t at)
{
    static const struct key keys[] = {
        { "path", key_text, offsetof(struct pl_program_sample, path) },
        { "text", key_text, offsetof(struct pl_program_sample, text) },
        { "version", key_text, offsetof(struct pl_program_sample, version) },
    };
    struct pl_program_rule *rule = into;
    void *items;
    (void)at;
    pl_rc rc = list(r, n, sizeof(struct pl_program_sample), &items, &rule->n_samples);
    for (size_t i = 0; !rc && i < rule->n_samples; i++)
        rc = read_map(r, item(r, n, i), keys, PL_COUNT(keys), (struct pl_program_sample *)items + i);
    rule->samples = items;
    return rc;
}

static const struct key rule_keys[] = {
    { "name", key_text, offsetof(struct pl_program_rule, name) },
    { "type", key_text, offsetof(struct pl_program_rule, type) },
    { "package", key_text, offsetof(struct pl_program_rule, package) },
    { "files", key_files, 0 },
    { "text", key_flag, offsetof(struct pl_program_rule, text) },
    { "by_name", key_flag, offsetof(struct pl_program_rule, by_name) },
    { "path", key_text, offsetof(struct pl_program_rule, path) },
    { "find", key_find, 0 },
    { "also", key_also, 0 },
    { "cpe", key_cpe, 0 },
    { "bitnami", key_text, offsetof(struct pl_program_rule, bitnami) },
    { "note", key_note, 0 },
    { "samples", key_samples, 0 },
};

static pl_rc read_rule(struct reader *r, const yaml_node_t *n, struct pl_program_rule *out)
{
    *out = (struct pl_program_rule){ .type = PL_LIT("generic"), .file = r->file };
    pl_rc rc = read_map(r, n, rule_keys, PL_COUNT(rule_keys), out);
    if (rc)
        return rc;
    if (!out->name.len || !out->n_files)
        return bad(r, n, "a rule needs name and files");
    if (out->by_name ? !out->path.len : !out->n_find)
        return bad(r, n, out->by_name ? "by_name needs path" : "a rule needs find");
    for (size_t i = 0; i < out->n_find; i++)
        if (out->find[i].near.len < 3 && !(out->text && !out->find[i].near.len))
            return bad(r, n, "near needs three bytes or more; only text files do without it");
    if (!out->package.len)
        out->package = out->name;
    return PL_OK;
}

static pl_rc read_rules(struct reader *r, struct pl_vec *out)
{
    const yaml_node_t *top = yaml_document_get_root_node(&r->doc);
    if (!top)
        return PL_OK;
    if (top->type != YAML_SEQUENCE_NODE)
        return bad(r, top, "a file of rules is a list");
    for (size_t i = 0; i < list_length(top); i++) {
        struct pl_program_rule rule;
        pl_rc rc = read_rule(r, item(r, top, i), &rule);
        struct pl_program_rule *at = rc ? NULL : pl_vec_push(r->a, out);
        if (!at)
            return rc ? rc : full(r);
        *at = rule;
    }
    return PL_OK;
}

pl_rc pl_program_rules_parse(const char *file, pl_span yaml, struct pl_arena *a, struct pl_vec *out,
                             struct pl_err *err)
{
    struct reader r = { .file = file, .a = a, .err = err };
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return pl_fail(err, PL_ENOMEM, "%s: no room", file);
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.ptr, yaml.len);
    pl_rc rc;
    if (!yaml_parser_load(&parser, &r.doc)) {
        rc = pl_fail(err, PL_EFORMAT, "%s: line %zu: %s", file, parser.problem_mark.line + 1,
                     parser.problem ? parser.problem : "not YAML");
    } else {
        rc = read_rules(&r, out);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* ---- the rules that the program carries ---- */

static struct {
    struct pl_arena arena;
    struct pl_vec rules;
    struct pl_err err;
} carried;

static void read_carried(void)
{
    pl_span folder = PL_LIT("programs/");
    pl_rc rc = PL_OK;
    pl_arena_init(&carried.arena, 64 * PL_MIB);
    carried.rules = PL_VEC(struct pl_program_rule);
    for (size_t i = 0; !rc && i < pl_n_rule_files; i++) {
        const struct pl_rule_file *f = &pl_rule_files[i];
        if (pl_span_starts(pl_span_str(f->name), folder))
            rc = pl_program_rules_parse(f->name, pl_span_of(f->bytes, f->len), &carried.arena,
                                        &carried.rules, &carried.err);
    }
}

const struct pl_program_rule *pl_program_rules(size_t *n, const char **why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_carried);
    *n = carried.rules.n;
    if (why)
        *why = carried.err.msg;
    return carried.err.rc ? NULL : carried.rules.items;
}

const struct pl_program_rule *pl_program_rule_find(pl_span package)
{
    size_t n;
    const struct pl_program_rule *r = pl_program_rules(&n, NULL);
    for (size_t i = 0; r && i < n; i++)
        if (pl_span_eq(r[i].package, package))
            return &r[i];
    return NULL;
}
