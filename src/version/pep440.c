/* pep440.c - Python versions: [N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local].
 * Spec: packaging.python.org/specifications/version-specifiers (PEP 440), "Normalization" and
 * "Summary of permitted suffixes and relative ordering". */
#include "version/parts.h"
#include "version/version.h"

enum { PRE_NONE = 0, PRE_A, PRE_B, PRE_RC };

struct pep440 {
    pl_span epoch, release, pre_number, post_number, dev_number, local;
    int pre;
    bool post, dev, good;
};

static bool skip_word(pl_span *in, const char *word)
{
    size_t n = strlen(word);
    if (in->len < n || !pl_span_eq_nocase(pl_span_sub(*in, 0, n), pl_span_of(word, n)))
        return false;
    *in = pl_span_from(*in, n);
    return true;
}

static void skip_separator(pl_span *in)
{
    if (in->len && strchr("-_.", in->ptr[0]) && in->ptr[0])
        *in = pl_span_from(*in, 1);
}

/* A suffix word with its optional separators and number: ".post1", "-post", "rc.1". */
static bool take_suffix(pl_span *in, const char *const *words, int *which, pl_span *number)
{
    pl_span s = *in;
    skip_separator(&s);
    for (int i = 0; words[i]; i++) {
        pl_span t = s;
        if (!skip_word(&t, words[i]))
            continue;
        pl_span u = t;
        skip_separator(&u);
        *number = pl_take_digits(&u);
        *in = number->len ? u : t;
        *which = i;
        return true;
    }
    return false;
}

static struct pep440 split(pl_span v)
{
    static const char *const pre_words[] = { "alpha", "beta", "preview", "pre", "rc",
                                             "a",     "b",    "c",       NULL };
    static const int pre_kinds[] = { PRE_A, PRE_B, PRE_RC, PRE_RC, PRE_RC, PRE_A, PRE_B, PRE_RC };
    static const char *const post_words[] = { "post", "rev", "r", NULL };
    static const char *const dev_words[] = { "dev", NULL };
    struct pep440 p = { 0 };
    int which;

    v = pl_span_trim(v);
    if (v.len && (v.ptr[0] == 'v' || v.ptr[0] == 'V'))
        v = pl_span_from(v, 1);
    pl_span rest = v;
    pl_span digits = pl_take_digits(&rest);
    if (digits.len && pl_span_skip_lit(&rest, PL_LIT("!"))) {
        p.epoch = digits;
        v = rest;
    }
    size_t n = 0;
    while (n < v.len && (pl_is_digit(v.ptr[n]) ||
                         (v.ptr[n] == '.' && n + 1 < v.len && pl_is_digit(v.ptr[n + 1]))))
        n++;
    p.release = pl_span_sub(v, 0, n);
    v = pl_span_from(v, n);
    if (take_suffix(&v, pre_words, &which, &p.pre_number))
        p.pre = pre_kinds[which];
    if (take_suffix(&v, post_words, &which, &p.post_number)) {
        p.post = true;
    } else if (v.len > 1 && v.ptr[0] == '-' && pl_is_digit(v.ptr[1])) { /* 1.0-1 is 1.0.post1 */
        v = pl_span_from(v, 1);
        p.post_number = pl_take_digits(&v);
        p.post = true;
    }
    p.dev = take_suffix(&v, dev_words, &which, &p.dev_number);
    if (v.len && v.ptr[0] == '+') {
        p.local = pl_span_from(v, 1);
        v = pl_span_from(v, v.len);
    }
    p.good = p.release.len && pl_is_digit(p.release.ptr[0]) && v.len == 0;
    return p;
}

static int compare_release(pl_span a, pl_span b)
{
    while (a.len || b.len) {
        pl_span x = { 0 }, y = { 0 };
        pl_span_split(&a, '.', &x);
        pl_span_split(&b, '.', &y);
        int c = pl_compare_digits(x, y);
        if (c)
            return c;
    }
    return 0;
}

/* dev of nothing < a < b < rc < none < post; within each, dev before the thing itself. */
static int phase(const struct pep440 *p)
{
    if (p->pre)
        return p->pre;
    return !p->post && p->dev ? 0 : PRE_RC + 1;
}

static int compare_local(pl_span a, pl_span b)
{
    if (a.len == 0 || b.len == 0)
        return pl_sign(a.len > 0, b.len > 0);
    for (;;) {
        size_t i = 0, j = 0;
        if (a.len == 0 || b.len == 0)
            return pl_sign(a.len > 0, b.len > 0);
        while (i < a.len && !strchr(".-_", a.ptr[i]))
            i++;
        while (j < b.len && !strchr(".-_", b.ptr[j]))
            j++;
        pl_span x = pl_span_sub(a, 0, i), y = pl_span_sub(b, 0, j), tx = x, ty = y;
        bool nx = pl_take_digits(&tx).len && !tx.len, ny = pl_take_digits(&ty).len && !ty.len;
        int c = 0;
        if (nx != ny)
            return nx ? 1 : -1;
        if (nx) {
            c = pl_compare_digits(x, y);
        } else {
            for (size_t k = 0; !c && k < x.len && k < y.len; k++)
                c = pl_lower(x.ptr[k]) - pl_lower(y.ptr[k]);
            if (!c)
                c = pl_sign(x.len > y.len, x.len < y.len);
        }
        if (c)
            return c < 0 ? -1 : 1;
        a = pl_span_from(a, i + (i < a.len));
        b = pl_span_from(b, j + (j < b.len));
    }
}

static int compare(pl_span a, pl_span b)
{
    struct pep440 x = split(a), y = split(b);
    if (!x.good || !y.good) /* legacy versions stand below all others */
        return x.good != y.good ? (x.good ? 1 : -1) : pl_span_cmp(a, b);
    int c = pl_compare_digits(x.epoch, y.epoch);
    if (!c)
        c = compare_release(x.release, y.release);
    if (!c)
        c = pl_sign(phase(&x) > phase(&y), phase(&x) < phase(&y));
    if (!c && x.pre)
        c = pl_compare_digits(x.pre_number, y.pre_number);
    if (!c)
        c = pl_sign(x.post > y.post, x.post < y.post);
    if (!c && x.post)
        c = pl_compare_digits(x.post_number, y.post_number);
    if (!c)
        c = pl_sign(x.dev<y.dev, x.dev> y.dev);
    if (!c && x.dev)
        c = pl_compare_digits(x.dev_number, y.dev_number);
    return c ? c : compare_local(x.local, y.local);
}

static bool valid(pl_span v) { return split(v).good; }

const struct pl_scheme pl_scheme_pep440 = {
    .name = "pep440",
    .what = "Python packages",
    .spec = "PEP 440",
    .compare = compare,
    .valid = valid,
};
