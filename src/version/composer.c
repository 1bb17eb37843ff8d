/* composer.c - PHP packages. Spec: getcomposer.org/doc/articles/versions.md and PHP's
 * version_compare(). Up to four numbers, then a stability: dev < alpha < beta < RC < stable <
 * patch. */
#include "version/parts.h"
#include "version/version.h"

enum stability { DEV, ALPHA, BETA, RC, STABLE, PATCH };

struct composer {
    pl_span numbers, stability_number;
    enum stability stability;
    bool branch;     /* "dev-main": a name, not a version */
    bool dev_line;   /* "1.x-dev": the end of the 1 line */
    bool suffix_dev; /* "1.0.0-alpha1-dev" */
};

static bool take_stability(pl_span *in, enum stability *out)
{
    static const struct {
        const char *word;
        enum stability stability;
    } words[] = { { "alpha", ALPHA }, { "beta", BETA }, { "patch", PATCH }, { "stable", STABLE },
                  { "dev", DEV },     { "rc", RC },     { "pl", PATCH },    { "a", ALPHA },
                  { "b", BETA },      { "p", PATCH } };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i].word);
        if (in->len >= n && pl_span_eq_nocase(pl_span_sub(*in, 0, n), pl_span_str(words[i].word))) {
            *in = pl_span_from(*in, n);
            *out = words[i].stability;
            return true;
        }
    }
    return false;
}

static void skip_separators(pl_span *in)
{
    while (in->len && (in->ptr[0] == '-' || in->ptr[0] == '.' || in->ptr[0] == '_'))
        *in = pl_span_from(*in, 1);
}

static struct composer split(pl_span v)
{
    struct composer c = { .stability = STABLE };
    v = pl_span_trim(pl_span_sub(v, 0, pl_span_chr(v, '+')));
    if (v.len >= 4 && pl_span_eq_nocase(pl_span_sub(v, 0, 4), PL_LIT("dev-"))) {
        c.branch = true;
        return c;
    }
    if (v.len && (v.ptr[0] == 'v' || v.ptr[0] == 'V'))
        v = pl_span_from(v, 1);
    size_t n = 0;
    while (n < v.len && (pl_is_digit(v.ptr[n]) || v.ptr[n] == '.'))
        n++;
    c.numbers = pl_span_sub(v, 0, n);
    v = pl_span_from(v, n);
    if (v.len && (v.ptr[0] == 'x' || v.ptr[0] == 'X' || v.ptr[0] == '*')) {
        c.dev_line = true;
        c.stability = DEV;
        return c;
    }
    skip_separators(&v);
    if (take_stability(&v, &c.stability)) {
        skip_separators(&v);
        c.stability_number = pl_take_digits(&v);
        skip_separators(&v);
        enum stability more;
        c.suffix_dev = c.stability != DEV && take_stability(&v, &more) && more == DEV;
    }
    return c;
}

static int compare(pl_span a, pl_span b)
{
    struct composer x = split(a), y = split(b);
    if (x.branch || y.branch) /* a branch is older than every version, and equal only to itself */
        return x.branch && y.branch ? pl_span_cmp(a, b) : x.branch ? -1 : 1;
    pl_span nx = x.numbers, ny = y.numbers;
    while (nx.len || ny.len) {
        pl_span p = { 0 }, q = { 0 };
        bool more_x = pl_span_split(&nx, '.', &p), more_y = pl_span_split(&ny, '.', &q);
        bool end_x = (!more_x || (p.len == 0 && nx.len == 0)) && x.dev_line;
        bool end_y = (!more_y || (q.len == 0 && ny.len == 0)) && y.dev_line;
        if (end_x != end_y) /* the x of "1.x" stands for 9999999 */
            return end_x ? 1 : -1;
        int c = pl_compare_digits(p, q);
        if (c)
            return c;
    }
    if (x.dev_line != y.dev_line)
        return x.dev_line ? 1 : -1;
    if (x.stability != y.stability)
        return x.stability < y.stability ? -1 : 1;
    int c = pl_compare_digits(x.stability_number, y.stability_number);
    return c ? c : pl_sign(x.suffix_dev<y.suffix_dev, x.suffix_dev> y.suffix_dev);
}

static bool valid(pl_span v)
{
    struct composer c = split(v);
    return c.branch || (c.numbers.len && pl_is_digit(c.numbers.ptr[0]));
}

const struct pl_scheme pl_scheme_composer = {
    .name = "composer",
    .what = "PHP packages",
    .spec = "getcomposer.org/doc/articles/versions.md",
    .compare = compare,
    .valid = valid,
};
