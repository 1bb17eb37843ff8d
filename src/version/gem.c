/* gem.c - Ruby gems. Spec: Gem::Version's documentation, "How do versions sort".
 * Segments are runs of digits or letters; a hyphen reads as ".pre."; letters stand below numbers;
 * trailing zeros do not count, neither before the first letter nor at the end. */
#include "version/parts.h"
#include "version/version.h"

struct segments {
    pl_span in;
    bool pre; /* a pending "pre" from a hyphen */
};

/* The next segment; empty at the end. */
static pl_span next(struct segments *s)
{
    if (s->pre) {
        s->pre = false;
        return PL_LIT("pre");
    }
    while (s->in.len && !pl_is_digit(s->in.ptr[0]) && !pl_is_alpha(s->in.ptr[0])) {
        bool hyphen = s->in.ptr[0] == '-';
        s->in = pl_span_from(s->in, 1);
        if (hyphen)
            return PL_LIT("pre");
    }
    if (s->in.len && pl_is_digit(s->in.ptr[0]))
        return pl_take_digits(&s->in);
    size_t n = 0;
    while (n < s->in.len && pl_is_alpha(s->in.ptr[n]))
        n++;
    pl_span word = pl_span_sub(s->in, 0, n);
    s->in = pl_span_from(s->in, n);
    return word;
}

static bool is_zero(pl_span s)
{
    return s.len && pl_is_digit(s.ptr[0]) && pl_skip_zeros(s).len == 0;
}

/* After zeros: where does something else come, and is it a word? Zeros before a word or the end do
 * not count. Each zero is looked past once, since the caller takes them all together. */
static pl_span skip_zero_run(struct segments *s, pl_span first, size_t *zeros)
{
    pl_span seg = first;
    *zeros = 0;
    while (is_zero(seg)) {
        ++*zeros;
        seg = next(s);
    }
    return seg;
}

static int compare(pl_span a, pl_span b)
{
    struct segments x = { .in = pl_span_trim(a) }, y = { .in = pl_span_trim(b) };
    size_t zx = 0, zy = 0;
    pl_span sx = skip_zero_run(&x, next(&x), &zx), sy = skip_zero_run(&y, next(&y), &zy);
    for (;;) {
        /* zeros before a word or the end are dropped */
        bool wx = sx.len == 0 || pl_is_alpha(sx.ptr[0]), wy = sy.len == 0 || pl_is_alpha(sy.ptr[0]);
        if (wx)
            zx = 0;
        if (wy)
            zy = 0;
        if (zx != zy) {
            /* one still has a zero where the other has something */
            bool x_first = zx < zy;
            pl_span other = x_first ? sx : sy;
            int c = other.len == 0              ? -1 /* the end against 0 and then a number */
                    : pl_is_alpha(other.ptr[0]) ? -1 /* a word against a number */
                                                : 1; /* a number against 0 */
            return x_first ? c : -c;
        }
        if (sx.len == 0 && sy.len == 0)
            return 0;
        if (sx.len == 0) /* the end against a word: newer; against a number: older */
            return pl_is_alpha(sy.ptr[0]) ? 1 : -1;
        if (sy.len == 0)
            return pl_is_alpha(sx.ptr[0]) ? -1 : 1;
        if (wx != wy)
            return wx ? -1 : 1;
        int c = wx ? pl_span_cmp(sx, sy) : pl_compare_digits(sx, sy);
        if (c)
            return c;
        sx = skip_zero_run(&x, next(&x), &zx);
        sy = skip_zero_run(&y, next(&y), &zy);
    }
}

static bool valid(pl_span v)
{
    v = pl_span_trim(v);
    for (size_t i = 0; i < v.len; i++)
        if (!pl_is_digit(v.ptr[i]) && !pl_is_alpha(v.ptr[i]) && v.ptr[i] != '.' && v.ptr[i] != '-')
            return false;
    return v.len == 0 || pl_is_digit(v.ptr[0]);
}

const struct pl_scheme pl_scheme_gem = {
    .name = "gem",
    .what = "Ruby gems",
    .spec = "Gem::Version",
    .compare = compare,
    .valid = valid,
};
