/* apk.c - Alpine versions: digits{.digits}[letter]{_suffix[number]}[~hash][-rN].
 * Spec: apk-package(5), "PACKAGE METADATA"; order checked against apk's own `version -t`. Where
 * apk-tools 2 and 3 differ (components with leading zeros, hashes) this is version 3's order. */
#include "version/parts.h"
#include "version/version.h"

/* In the order in which parts may follow each other; where two versions differ in kind, the part
 * that comes earlier is the greater. */
enum kind { DIGIT, LETTER, SUFFIX, SUFFIX_NUMBER, HASH, REVISION, END, INVALID };

struct part {
    enum kind kind;
    pl_span text; /* digits, the letter, the hash */
    int suffix;   /* index into suffixes[] */
    bool first;
};

static const char *const suffixes[] = { "alpha", "beta", "pre", "rc", /* before the release ... */
                                        "cvs",   "svn",  "git", "hg", "p" }; /* ... after it */
enum { N_BEFORE = 4 };

static struct part take_suffix(pl_span *in)
{
    size_t n = 0;
    while (n < in->len && in->ptr[n] >= 'a' && in->ptr[n] <= 'z')
        n++;
    pl_span word = pl_span_sub(*in, 0, n);
    *in = pl_span_from(*in, n);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (pl_span_eq(word, pl_span_str(suffixes[i])))
            return (struct part){ .kind = SUFFIX, .suffix = (int)i, .text = word };
    return (struct part){ .kind = INVALID };
}

static struct part take_hash(pl_span *in)
{
    size_t n = 0;
    while (n < in->len && (pl_is_digit(in->ptr[n]) || (in->ptr[n] >= 'a' && in->ptr[n] <= 'f')))
        n++;
    struct part p = { .kind = n ? HASH : INVALID, .text = pl_span_sub(*in, 0, n) };
    *in = pl_span_from(*in, n);
    return p;
}

static struct part next(pl_span *in, enum kind before, bool begin)
{
    if (in->len == 0)
        return (struct part){ .kind = begin ? INVALID : END };
    struct part p = { .kind = INVALID };
    char c = in->ptr[0];
    if (begin || (before == DIGIT && c == '.')) {
        if (!begin)
            *in = pl_span_from(*in, 1);
        p.text = pl_take_digits(in);
        /* "4.8.0.-r1" stands in published data: the empty component counts, as apk counts it */
        p.kind = p.text.len || !begin ? DIGIT : INVALID;
        p.first = begin;
    } else if (before == DIGIT && c >= 'a' && c <= 'z') {
        pl_span_take(in, 1, &p.text);
        p.kind = LETTER;
    } else if (before == SUFFIX && pl_is_digit(c)) {
        p.text = pl_take_digits(in);
        p.kind = SUFFIX_NUMBER;
    } else if (before <= SUFFIX_NUMBER && c == '_') {
        *in = pl_span_from(*in, 1);
        p = take_suffix(in);
    } else if (before <= SUFFIX_NUMBER && c == '~') {
        *in = pl_span_from(*in, 1);
        p = take_hash(in);
    } else if (before <= HASH && pl_span_skip_lit(in, PL_LIT("-r"))) {
        p.text = pl_take_digits(in);
        p.kind = p.text.len ? REVISION : INVALID;
    }
    return p;
}

static int compare_value(struct part a, struct part b)
{
    switch (a.kind) {
    case DIGIT:
        /* A later component with a leading zero is a fraction: 1.06 < 1.1 */
        if (!a.first &&
            ((a.text.len && a.text.ptr[0] == '0') || (b.text.len && b.text.ptr[0] == '0')))
            return pl_span_cmp(a.text, b.text);
        return pl_compare_digits(a.text, b.text);
    case SUFFIX_NUMBER:
    case REVISION: return pl_compare_digits(a.text, b.text);
    case SUFFIX: return pl_sign(a.suffix > b.suffix, a.suffix < b.suffix);
    case LETTER:
    case HASH: return pl_span_cmp(a.text, b.text);
    case END:
    case INVALID: break;
    }
    return 0;
}

static int compare(pl_span a, pl_span b)
{
    if (pl_span_eq(a, b))
        return 0;
    struct part x = next(&a, DIGIT, true), y = next(&b, DIGIT, true);
    while (x.kind == y.kind && x.kind < END) {
        int c = compare_value(x, y);
        if (c)
            return c;
        x = next(&a, x.kind, false);
        y = next(&b, y.kind, false);
    }
    if (x.kind == y.kind)
        return x.kind == INVALID ? pl_span_cmp(a, b) : 0;
    /* One goes on where the other does not: it is newer, unless what follows says "before". */
    if (x.kind == SUFFIX && x.suffix < N_BEFORE)
        return -1;
    if (y.kind == SUFFIX && y.suffix < N_BEFORE)
        return 1;
    return x.kind < y.kind ? 1 : -1;
}

static bool valid(pl_span v)
{
    struct part p = next(&v, DIGIT, true);
    while (p.kind < END && (p.kind != DIGIT || p.text.len))
        p = next(&v, p.kind, false);
    return p.kind == END;
}

const struct pl_scheme pl_scheme_apk = {
    .name = "apk",
    .what = "Alpine, Wolfi, Chainguard: digits{.digits}[letter]{_suffix[n]}[~hash][-rN]",
    .spec = "apk-package(5)",
    .compare = compare,
    .valid = valid,
};
