#include "cmd/options.h"

#include "base/nearest.h"

const char *pl_options_nearest(const char *typed, const char *const *words, size_t n)
{
    return pl_nearest(pl_span_str(typed), words, n);
}

static pl_rc unknown(const struct pl_option *table, size_t n, pl_span typed, struct pl_err *err)
{
    const char *words[64], *nearest = NULL;
    size_t known = 0;
    for (; known < n && known < PL_COUNT(words); known++)
        words[known] = table[known].name;
    nearest = pl_nearest(typed, words, known);
    if (nearest)
        return pl_fail(err, PL_EUSAGE, "no option \"--%.*s\"; did you mean --%s?", PL_FMT(typed),
                       nearest);
    return pl_fail(err, PL_EUSAGE, "no option \"--%.*s\" (--help lists them)", PL_FMT(typed));
}

static const struct pl_option *find(const struct pl_option *table, size_t n, pl_span name)
{
    for (size_t i = 0; i < n; i++)
        if (pl_span_eq(pl_span_str(table[i].name), name))
            return &table[i];
    return NULL;
}

static pl_rc store(const struct pl_option *o, const char *value, struct pl_err *err)
{
    uint64_t number;
    struct pl_option_list *list = o->into;
    switch (o->kind) {
    case PL_OPTION_FLAG: *(bool *)o->into = true; return PL_OK;
    case PL_OPTION_TEXT: *(const char **)o->into = value; return PL_OK;
    case PL_OPTION_NUMBER:
        if (!pl_span_decimal(pl_span_str(value), o->most, &number) || number == 0)
            return pl_fail(err, PL_EUSAGE, "--%s takes a number from 1 to %u, not \"%s\"", o->name,
                           o->most, value);
        *(unsigned *)o->into = (unsigned)number;
        return PL_OK;
    case PL_OPTION_LIST:
        if (list->n == PL_COUNT(list->values))
            return pl_fail(err, PL_EUSAGE, "--%s is there more than %zu times", o->name,
                           PL_COUNT(list->values));
        list->values[list->n++] = value;
        return PL_OK;
    }
    return PL_OK;
}

/* One option at argv[*at]; a value that stands apart moves *at on. */
static pl_rc take(const struct pl_option *table, size_t n, int argc, char **argv, int *at,
                  struct pl_err *err)
{
    pl_span word = pl_span_str(argv[*at] + 2), name = word;
    size_t equals = pl_span_chr(word, '=');
    if (equals != SIZE_MAX)
        name = pl_span_sub(word, 0, equals);
    const struct pl_option *o = find(table, n, name);
    if (!o)
        return unknown(table, n, name, err);
    if (o->kind == PL_OPTION_FLAG) {
        if (equals != SIZE_MAX)
            return pl_fail(err, PL_EUSAGE, "--%s takes no value", o->name);
        return store(o, NULL, err);
    }
    const char *value = equals != SIZE_MAX ? argv[*at] + 2 + equals + 1 : NULL;
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    if (!value || !*value)
        return pl_fail(err, PL_EUSAGE, "--%s needs %s behind it", o->name, o->value);
    return store(o, value, err);
}

static pl_rc take_letter(const struct pl_option *table, size_t n, const char *word,
                         struct pl_err *err)
{
    for (size_t i = 0; i < n && word[2] == '\0'; i++)
        if (table[i].letter == word[1] && table[i].kind == PL_OPTION_FLAG)
            return store(&table[i], NULL, err);
    return pl_fail(err, PL_EUSAGE, "no option \"%s\" (--help lists them)", word);
}

pl_rc pl_options_parse(const struct pl_option *table, size_t n, int argc, char **argv,
                       int *n_arguments, struct pl_err *err)
{
    int kept = 0;
    bool over = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        pl_rc rc = PL_OK;
        if (over || word[0] != '-' || word[1] == '\0')
            argv[1 + kept++] = argv[i];
        else if (!strcmp(word, "--"))
            over = true;
        else if (word[1] == '-')
            rc = take(table, n, argc, argv, &i, err);
        else
            rc = take_letter(table, n, word, err);
        if (rc)
            return rc;
    }
    *n_arguments = kept;
    return PL_OK;
}
