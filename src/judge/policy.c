#include <stdlib.h>

#include "judge/policy_rules.h"

enum { FILE_BYTES = 4 << 20, MEMORY = 256 << 20 };

/* ---- lists of words ---- */

typedef bool (*word_fn)(pl_span word, unsigned *bits);

static bool class_word(pl_span word, unsigned *bits)
{
    enum pl_class c;
    if (!pl_class_parse(word, &c))
        return false;
    *bits |= 1u << c;
    return true;
}

static bool severity_word(pl_span word, unsigned *bits)
{
    for (int s = PL_SEVERITY_UNKNOWN; s <= PL_SEVERITY_CRITICAL; s++)
        if (pl_span_eq_nocase(word, pl_span_str(pl_severity_text((enum pl_severity)s)))) {
            *bits |= 1u << s;
            return true;
        }
    return false;
}

static bool priority_word(pl_span word, unsigned *bits)
{
    for (int p = PL_PRIORITY_LOW; p <= PL_PRIORITY_HIGH; p++)
        if (pl_span_eq_nocase(word, pl_span_str(pl_priority_text((enum pl_priority)p)))) {
            *bits |= 1u << p;
            return true;
        }
    return false;
}

static bool coverage_word(pl_span word, unsigned *bits)
{
    if (pl_span_eq(word, PL_LIT("gaps"))) {
        *bits |= PL_COVERAGE_BIT_GAPS;
        return true;
    }
    for (int s = PL_COVERAGE_PARTIAL; s <= PL_COVERAGE_SKIPPED; s++)
        if (pl_span_eq(word, pl_span_str(pl_coverage_text((enum pl_coverage_state)s)))) {
            *bits |= 1u << s;
            return true;
        }
    return false;
}

static const struct list_key {
    const char *key;
    word_fn parse;
    const char *words;
    size_t at;
} list_keys[] = {
    { "classes", class_word, "os-vuln, app-vuln, malware, sensitive, baseline, build, trust",
      offsetof(struct pl_rule, classes) },
    { "severities", severity_word, "critical, high, medium, low, negligible, unknown",
      offsetof(struct pl_rule, severities) },
    { "priorities", priority_word, "high, medium, low", offsetof(struct pl_rule, priorities) },
    { "coverage", coverage_word, "partial, unsupported, end_of_life, skipped, gaps",
      offsetof(struct pl_rule, coverage) },
};

static pl_rc read_words(struct pl_policy *p, const struct pl_yaml *match, const struct list_key *k,
                        struct pl_rule *rule, struct pl_err *err)
{
    const struct pl_yaml **items = NULL;
    size_t n = 0;
    unsigned *bits = (unsigned *)(void *)((char *)rule + k->at);
    pl_rc rc = pl_yaml_texts(p->file, match, k->key, &p->a, &items, &n, err);
    for (size_t i = 0; !rc && i < n; i++)
        if (!k->parse(items[i]->text, bits))
            rc = pl_yaml_fail(p->file, items[i], err, "%s: no \"%.*s\" (%s)", k->key,
                              PL_FMT(items[i]->text), k->words);
    return rc;
}

/* ---- a rule ---- */

static pl_rc read_statuses(struct pl_policy *p, const struct pl_yaml *match, struct pl_rule *r,
                           struct pl_err *err)
{
    enum pl_status status;
    pl_rc rc = pl_yaml_texts(p->file, match, "statuses", &p->a, &r->statuses, &r->n_statuses, err);
    for (size_t i = 0; !rc && i < r->n_statuses; i++)
        if (!pl_status_parse(r->statuses[i]->text, &status))
            rc = pl_yaml_fail(p->file, r->statuses[i], err,
                              "statuses: no \"%.*s\" (fixed, affected, will_not_fix, "
                              "fix_deferred, end_of_life, under_investigation)",
                              PL_FMT(r->statuses[i]->text));
    return rc;
}

static bool asks_of_findings(const struct pl_rule *r)
{
    return r->severities || r->priorities || r->n_ids || r->n_packages || r->n_types ||
           r->n_statuses || r->age_days_min >= 0 || r->epss_min >= 0 || r->fixable >= 0 ||
           r->known_exploited >= 0 || r->base >= 0;
}

static pl_rc read_match(struct pl_policy *p, const struct pl_yaml *match, struct pl_rule *r,
                        struct pl_err *err)
{
    static const char *const keys[] = { "classes",  "severities",      "priorities", "ids",
                                        "packages", "types",           "statuses",   "age_days_min",
                                        "fixable",  "known_exploited", "epss_min",   "base",
                                        "coverage" };
    const char *file = p->file;
    if (match->kind == PL_YAML_TEXT && match->plain && match->text.len == 0)
        return PL_OK;
    pl_rc rc = pl_yaml_keys(file, match, keys, PL_COUNT(keys), err);
    for (size_t i = 0; !rc && i < PL_COUNT(list_keys); i++)
        rc = read_words(p, match, &list_keys[i], r, err);
    rc = rc ? rc : pl_yaml_texts(file, match, "ids", &p->a, &r->ids, &r->n_ids, err);
    rc = rc ? rc : pl_yaml_texts(file, match, "packages", &p->a, &r->packages, &r->n_packages, err);
    rc = rc ? rc : pl_yaml_texts(file, match, "types", &p->a, &r->types, &r->n_types, err);
    rc = rc ? rc : read_statuses(p, match, r, err);
    rc = rc ? rc : pl_yaml_number(file, match, "age_days_min", 100000, &r->age_days_min, err);
    rc = rc ? rc : pl_yaml_number(file, match, "epss_min", 1, &r->epss_min, err);
    rc = rc ? rc : pl_yaml_bool(file, match, "fixable", &r->fixable, err);
    rc = rc ? rc : pl_yaml_bool(file, match, "known_exploited", &r->known_exploited, err);
    rc = rc ? rc : pl_yaml_bool(file, match, "base", &r->base, err);
    if (!rc && r->coverage && asks_of_findings(r))
        return pl_yaml_fail(file, match, err,
                            "a rule about coverage takes no other keys but classes: coverage is "
                            "the image's, not a finding's");
    return rc;
}

static pl_rc action_word(const char *file, const struct pl_yaml *y, enum pl_action *out,
                         struct pl_err *err)
{
    static const char *const words[] = { "allow", "warn", "deny" };
    for (int i = 0; y->kind == PL_YAML_TEXT && i < (int)PL_COUNT(words); i++)
        if (pl_span_eq(y->text, pl_span_str(words[i]))) {
            *out = (enum pl_action)i;
            return PL_OK;
        }
    return pl_yaml_fail(file, y, err, "%.*s wants deny, warn or allow", PL_FMT(y->key));
}

static pl_rc read_rule(struct pl_policy *p, const struct pl_yaml *y, struct pl_rule *r,
                       struct pl_err *err)
{
    static const char *const keys[] = { "name", "match", "action" };
    *r = (struct pl_rule){ .line = y->line,
                           .age_days_min = -1,
                           .epss_min = -1,
                           .fixable = -1,
                           .known_exploited = -1,
                           .base = -1 };
    pl_rc rc = pl_yaml_keys(p->file, y, keys, PL_COUNT(keys), err);
    rc = rc ? rc : pl_yaml_text(p->file, y, "name", &r->name, err);
    if (rc)
        return rc;
    const struct pl_yaml *action = pl_yaml_get(y, "action"), *match = pl_yaml_get(y, "match");
    if (!action)
        return pl_yaml_fail(p->file, y, err, "the rule has no action (deny, warn or allow)");
    if (!match)
        return pl_yaml_fail(p->file, y, err, "the rule has no match (match: {} is everything)");
    rc = action_word(p->file, action, &r->action, err);
    rc = rc ? rc : read_match(p, match, r, err);
    if (!rc && !r->name.len)
        r->name = pl_span_str(pl_arena_printf(&p->a, "line %u", r->line));
    return rc;
}

static pl_rc read_rules(struct pl_policy *p, const struct pl_yaml *top, struct pl_err *err)
{
    static const char *const keys[] = { "name", "rules", "default" };
    if (!top)
        return pl_fail(err, PL_EFORMAT, "%s:1:1: the policy is empty", p->file);
    pl_rc rc = pl_yaml_keys(p->file, top, keys, PL_COUNT(keys), err);
    rc = rc ? rc : pl_yaml_text(p->file, top, "name", &p->name, err);
    const struct pl_yaml *rules = rc ? NULL : pl_yaml_get(top, "rules");
    const struct pl_yaml *otherwise = rc ? NULL : pl_yaml_get(top, "default");
    if (!rc && otherwise)
        rc = action_word(p->file, otherwise, &p->otherwise, err);
    if (rc)
        return rc;
    if (!rules && !otherwise)
        return pl_yaml_fail(p->file, top, err, "the policy has no rules");
    if (rules && rules->kind != PL_YAML_LIST)
        return pl_yaml_fail(p->file, rules, err, "rules wants a list");
    p->rules = pl_arena_array(&p->a, rules && rules->n ? rules->n : 1, sizeof(*p->rules));
    if (!p->rules)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    for (const struct pl_yaml *y = rules ? rules->first : NULL; y && !rc; y = y->next)
        rc = read_rule(p, y, &p->rules[p->n_rules++], err);
    return rc;
}

pl_rc pl_policy_read(const char *file, struct pl_policy **out, struct pl_err *err)
{
    PL_AUTO(policy) struct pl_policy *p = calloc(1, sizeof(*p));
    struct pl_yaml *top = NULL;
    pl_span text;
    if (!p)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_arena_init(&p->a, MEMORY);
    p->file = pl_arena_str(&p->a, pl_span_str(file));
    if (!p->file)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    p->name = pl_span_basename(pl_span_str(p->file));
    pl_rc rc = pl_read_whole(file, FILE_BYTES, &p->a, &text, err);
    rc = rc ? rc : pl_yaml_parse(p->file, text, &p->a, &top, err);
    rc = rc ? rc : read_rules(p, top, err);
    if (!rc)
        *out = pl_take(p);
    return rc;
}

void pl_policy_free(struct pl_policy *p)
{
    if (!p)
        return;
    pl_arena_done(&p->a);
    free(p);
}
