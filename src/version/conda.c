/* conda.c - Conda and, with the same walk, everything without a scheme of its own (generic).
 *
 * Conda (conda.models.version, VersionOrder): [epoch!]version[+local]; lower case; components split
 * at . and _, each into numbers and words; a component that begins with a word gets a 0 in front;
 * missing components are 0; "dev" < other words < numbers < "post".
 * Generic: the same, with the words that everybody uses for before the release standing below it.
 */
#include "version/parts.h"
#include "version/version.h"

enum word { WORD_DEV, WORD_WORD, WORD_NUMBER, WORD_POST };

struct atom {
    enum word kind;
    pl_span text;
};

struct walk {
    pl_span in; /* the rest of the version */
    bool begin; /* at the begin of a component */
};

static bool is_separator(char c) { return c == '.' || c == '_' || c == '-'; }

/* The next atom of the component; false at its end. */
static bool next(struct walk *w, struct atom *a)
{
    while (w->in.len && !pl_is_digit(w->in.ptr[0]) && !pl_is_alpha(w->in.ptr[0]) &&
           !is_separator(w->in.ptr[0]))
        w->in = pl_span_from(w->in, 1);
    if (w->in.len == 0 || is_separator(w->in.ptr[0]))
        return false;
    if (pl_is_digit(w->in.ptr[0])) {
        *a = (struct atom){ WORD_NUMBER, pl_take_digits(&w->in) };
        w->begin = false;
        return true;
    }
    if (w->begin) {
        *a = (struct atom){ WORD_NUMBER, PL_SPAN_NONE };
        w->begin = false;
        return true;
    }
    size_t n = 0;
    while (n < w->in.len && pl_is_alpha(w->in.ptr[n]))
        n++;
    a->text = pl_span_sub(w->in, 0, n);
    w->in = pl_span_from(w->in, n);
    a->kind = pl_span_eq_nocase(a->text, PL_LIT("dev"))    ? WORD_DEV
              : pl_span_eq_nocase(a->text, PL_LIT("post")) ? WORD_POST
                                                           : WORD_WORD;
    return true;
}

static int compare_atoms(struct atom a, struct atom b)
{
    if (a.kind != b.kind)
        return a.kind < b.kind ? -1 : 1;
    if (a.kind == WORD_NUMBER)
        return pl_compare_digits(a.text, b.text);
    for (size_t i = 0; i < a.text.len && i < b.text.len; i++) {
        int c = pl_lower(a.text.ptr[i]) - pl_lower(b.text.ptr[i]);
        if (c)
            return c < 0 ? -1 : 1;
    }
    return pl_sign(a.text.len > b.text.len, a.text.len < b.text.len);
}

static void skip_component(struct walk *w)
{
    if (w->in.len)
        w->in = pl_span_from(w->in, 1); /* the separator */
    w->begin = true;
}

static int compare_part(pl_span a, pl_span b)
{
    struct walk x = { a, true }, y = { b, true };
    const struct atom zero = { WORD_NUMBER, PL_SPAN_NONE };
    while (x.in.len || y.in.len) {
        for (;;) {
            struct atom p = zero, q = zero;
            bool more_x = next(&x, &p), more_y = next(&y, &q);
            if (!more_x && !more_y)
                break;
            int c = compare_atoms(p, q);
            if (c)
                return c;
        }
        skip_component(&x);
        skip_component(&y);
    }
    return 0;
}

static int compare(pl_span a, pl_span b)
{
    pl_span epoch[2] = { { 0 }, { 0 } }, local[2] = { { 0 }, { 0 } }, v[2] = { a, b };
    for (int i = 0; i < 2; i++) {
        v[i] = pl_span_trim(v[i]);
        size_t bang = pl_span_chr(v[i], '!');
        if (bang != SIZE_MAX) {
            epoch[i] = pl_span_sub(v[i], 0, bang);
            v[i] = pl_span_from(v[i], bang + 1);
        }
        size_t plus = pl_span_chr(v[i], '+');
        if (plus != SIZE_MAX) {
            local[i] = pl_span_from(v[i], plus + 1);
            v[i] = pl_span_sub(v[i], 0, plus);
        }
    }
    int c = pl_compare_digits(epoch[0], epoch[1]);
    if (!c)
        c = compare_part(v[0], v[1]);
    return c ? c : compare_part(local[0], local[1]);
}

static bool valid(pl_span v)
{
    v = pl_span_trim(v);
    for (size_t i = 0; i < v.len; i++)
        if (!pl_is_digit(v.ptr[i]) && !pl_is_alpha(v.ptr[i]) && !strchr("._+!-", v.ptr[i]))
            return false;
    return v.len > 0;
}

/* ---- generic ---- */

/* Words that programs put before a release; any other word (1.1.1k, 9.3p2) comes after it. */
static bool before_release(pl_span word)
{
    static const char *const words[] = {
        "alpha",    "beta",      "rc", "pre",     "preview", "dev",
        "snapshot", "milestone", "m",  "nightly", "test",    "cr"
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (pl_span_eq_nocase(word, pl_span_str(words[i])))
            return true;
    return false;
}

static bool next_generic(pl_span *in, struct atom *a)
{
    while (in->len && !pl_is_digit(in->ptr[0]) && !pl_is_alpha(in->ptr[0]))
        *in = pl_span_from(*in, 1);
    if (in->len == 0)
        return false;
    if (pl_is_digit(in->ptr[0])) {
        *a = (struct atom){ WORD_NUMBER, pl_take_digits(in) };
        return true;
    }
    size_t n = 0;
    while (n < in->len && pl_is_alpha(in->ptr[n]))
        n++;
    a->text = pl_span_sub(*in, 0, n);
    a->kind = before_release(a->text) ? WORD_DEV : WORD_WORD;
    *in = pl_span_from(*in, n);
    return true;
}

static int compare_generic(pl_span a, pl_span b)
{
    a = pl_span_trim(pl_span_sub(a, 0, pl_span_chr(a, '+')));
    b = pl_span_trim(pl_span_sub(b, 0, pl_span_chr(b, '+')));
    if (a.len > 1 && (a.ptr[0] == 'v' || a.ptr[0] == 'V') && pl_is_digit(a.ptr[1]))
        a = pl_span_from(a, 1);
    if (b.len > 1 && (b.ptr[0] == 'v' || b.ptr[0] == 'V') && pl_is_digit(b.ptr[1]))
        b = pl_span_from(b, 1);
    for (;;) {
        struct atom x, y;
        bool more_x = next_generic(&a, &x), more_y = next_generic(&b, &y);
        if (!more_x && !more_y)
            return 0;
        if (!more_x || !more_y) {
            const struct atom *left = more_x ? &x : &y;
            int c = left->kind == WORD_DEV ? -1 : 1;
            if (left->kind == WORD_NUMBER && pl_skip_zeros(left->text).len == 0)
                continue; /* 1.0 is 1 */
            return more_x ? c : -c;
        }
        int c = compare_atoms(x, y);
        if (c)
            return c;
    }
}

const struct pl_scheme pl_scheme_conda = {
    .name = "conda",
    .what = "Conda packages",
    .spec = "docs.conda.io, package specification: version ordering",
    .compare = compare,
    .valid = valid,
};
const struct pl_scheme pl_scheme_generic = {
    .name = "generic",
    .what = "programs without a scheme of their own: numbers by value, alpha, beta, rc below",
    .spec = "this program's manual",
    .compare = compare_generic,
    .valid = valid,
};
