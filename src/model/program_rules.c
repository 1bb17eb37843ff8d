#include "model/program_rules.h"

#include <pthread.h>

#include "base/limits.h"
#include "base/rules.h"
#include "base/yaml.h"

struct reader {
    const char *file;
    struct pl_arena *a;
    struct pl_err *err;
};

static pl_rc full(const struct reader *r)
{
    return pl_fail(r->err, PL_ENOMEM, "%s: no room", r->file);
}

static pl_rc texts(const struct reader *r, const struct pl_yaml *map, const char *key,
                   const pl_span **out, size_t *n)
{
    const struct pl_yaml **nodes = NULL;
    size_t count = 0;
    pl_rc rc = pl_yaml_texts(r->file, map, key, r->a, &nodes, &count, r->err);
    pl_span *list = rc ? NULL : pl_arena_array(r->a, count + 1, sizeof(*list));
    if (!list)
        return rc ? rc : full(r);
    for (size_t i = 0; i < count; i++)
        list[i] = nodes[i]->text;
    *out = list;
    *n = count;
    return PL_OK;
}

static pl_rc flag(const struct reader *r, const struct pl_yaml *map, const char *key, bool *out)
{
    int yes = 0;
    pl_rc rc = pl_yaml_bool(r->file, map, key, &yes, r->err);
    *out = yes;
    return rc;
}

static pl_rc text(const struct reader *r, const struct pl_yaml *map, const char *key, pl_span *out)
{
    return pl_yaml_text(r->file, map, key, out, r->err);
}

/* The members of a list of maps that have these keys alone; NULL and no error: the list is absent.
 */
static pl_rc maps(const struct reader *r, const struct pl_yaml *rule, const char *key,
                  const char *const *keys, size_t n_keys, const struct pl_yaml **first, size_t *n)
{
    const struct pl_yaml *list = pl_yaml_get(rule, key);
    pl_rc rc = PL_OK;
    if (list && list->kind != PL_YAML_LIST)
        return pl_yaml_fail(r->file, list, r->err, "%s is a list", key);
    *first = list ? list->first : NULL;
    *n = list ? list->n : 0;
    for (const struct pl_yaml *m = *first; !rc && m; m = m->next)
        rc = m->kind == PL_YAML_MAP ? pl_yaml_keys(r->file, m, keys, n_keys, r->err)
                                    : pl_yaml_fail(r->file, m, r->err, "%s is a list of maps", key);
    return rc;
}

static pl_rc read_find(const struct reader *r, const struct pl_yaml *rule,
                       struct pl_program_rule *out)
{
    static const char *const keys[] = { "near", "version" };
    const struct pl_yaml *m = NULL;
    pl_rc rc = maps(r, rule, "find", keys, PL_COUNT(keys), &m, &out->n_find);
    struct pl_program_find *f = rc ? NULL : pl_arena_array(r->a, out->n_find + 1, sizeof(*f));
    if (!f)
        return rc ? rc : full(r);
    out->find = f;
    for (; !rc && m; m = m->next, f++) {
        rc = text(r, m, "near", &f->near);
        rc = rc ? rc : text(r, m, "version", &f->version);
        if (!rc && !f->version.len)
            rc = pl_yaml_fail(r->file, m, r->err, "version is needed: a pattern");
        if (!rc && f->near.len < 3 && !(out->text && !f->near.len))
            rc = pl_yaml_fail(r->file, m, r->err,
                              "near needs three bytes or more; only text files do without it");
    }
    return rc;
}

static pl_rc read_samples(const struct reader *r, const struct pl_yaml *rule,
                          struct pl_program_rule *out)
{
    static const char *const keys[] = { "path", "text", "version" };
    const struct pl_yaml *m = NULL;
    pl_rc rc = maps(r, rule, "samples", keys, PL_COUNT(keys), &m, &out->n_samples);
    struct pl_program_sample *s = rc ? NULL : pl_arena_array(r->a, out->n_samples + 1, sizeof(*s));
    if (!s)
        return rc ? rc : full(r);
    out->samples = s;
    for (; !rc && m; m = m->next, s++) {
        rc = text(r, m, "path", &s->path);
        rc = rc ? rc : text(r, m, "text", &s->text);
        rc = rc ? rc : text(r, m, "version", &s->version);
    }
    return rc;
}

static pl_rc check_rule(const struct reader *r, const struct pl_yaml *at,
                        struct pl_program_rule *rule)
{
    if (!rule->name.len || !rule->n_files)
        return pl_yaml_fail(r->file, at, r->err, "a rule needs name and files");
    if (rule->by_name ? !rule->path.len : !rule->n_find)
        return pl_yaml_fail(r->file, at, r->err,
                            rule->by_name ? "by_name needs path" : "a rule needs find");
    for (size_t i = 0; i < rule->n_cpe; i++)
        if (pl_span_chr(rule->cpe[i], ':') == SIZE_MAX)
            return pl_yaml_fail(r->file, at, r->err, "cpe is \"vendor:product\"");
    if (!rule->package.len)
        rule->package = rule->name;
    return PL_OK;
}

static pl_rc read_rule(const struct reader *r, const struct pl_yaml *n, struct pl_program_rule *out)
{
    static const char *const keys[] = { "name",    "type", "package", "files", "text",
                                        "by_name", "path", "find",    "also",  "cpe",
                                        "bitnami", "note", "samples" };
    *out = (struct pl_program_rule){ .type = PL_LIT("generic"), .file = r->file };
    if (n->kind != PL_YAML_MAP)
        return pl_yaml_fail(r->file, n, r->err, "a rule is a map");
    pl_rc rc = pl_yaml_keys(r->file, n, keys, PL_COUNT(keys), r->err);
    rc = rc ? rc : text(r, n, "name", &out->name);
    rc = rc ? rc : text(r, n, "type", &out->type);
    rc = rc ? rc : text(r, n, "package", &out->package);
    rc = rc ? rc : text(r, n, "path", &out->path);
    rc = rc ? rc : text(r, n, "bitnami", &out->bitnami);
    rc = rc ? rc : flag(r, n, "text", &out->text);
    rc = rc ? rc : flag(r, n, "by_name", &out->by_name);
    rc = rc ? rc : texts(r, n, "files", &out->files, &out->n_files);
    rc = rc ? rc : texts(r, n, "also", &out->also, &out->n_also);
    rc = rc ? rc : texts(r, n, "cpe", &out->cpe, &out->n_cpe);
    rc = rc ? rc : read_find(r, n, out);
    rc = rc ? rc : read_samples(r, n, out);
    return rc ? rc : check_rule(r, n, out);
}

pl_rc pl_program_rules_parse(const char *file, pl_span yaml, struct pl_arena *a, struct pl_vec *out,
                             struct pl_err *err)
{
    const struct reader r = { .file = file, .a = a, .err = err };
    struct pl_yaml *top = NULL;
    pl_rc rc = pl_yaml_parse(file, yaml, a, &top, err);
    if (rc || !top)
        return rc;
    if (top->kind != PL_YAML_LIST)
        return pl_yaml_fail(file, top, err, "a file of rules is a list");
    for (const struct pl_yaml *n = top->first; !rc && n; n = n->next) {
        struct pl_program_rule rule;
        rc = read_rule(&r, n, &rule);
        struct pl_program_rule *at = rc ? NULL : pl_vec_push(a, out);
        if (!at)
            return rc ? rc : full(&r);
        *at = rule;
    }
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
