/* gem.c - Ruby gems. Spec: Gem::Version's documentation, "How do versions sort".
 * Segments are runs of digits or letters; a hyphen reads as ".pre."; letters stand below numbers;
 * zeros before the first letter and at the end do not count. */
#include "version/parts.h"
#include "version/version.h"

struct segments {
    pl_span in;
    size_t counted; /* zeros that are known to count */
    bool word;      /* a word was met */
};

/* The next segment; empty at the end. */
static pl_span raw(struct segments *s)
{
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

static bool is_word(pl_span s) { return s.len && pl_is_alpha(s.ptr[0]); }
static bool is_zero(pl_span s)
{
    return s.len && pl_is_digit(s.ptr[0]) && pl_skip_zeros(s).len == 0;
}

/* Zeros straight before the first word do not count; whether they are that is looked up once. */
static pl_span next(struct segments *s)
{
    if (s->counted)
        s->counted--;
    struct segments begin = *s;
    pl_span seg = raw(s);
    if (s->word || begin.counted || !is_zero(seg)) {
        s->word = s->word || is_word(seg);
        return seg;
    }
    size_t zeros = 0;
    while (is_zero(seg)) {
        zeros++;
        seg = raw(s);
    }
    if (seg.len == 0 || is_word(seg)) {
        s->word = true;
        return seg;
    }
    *s = begin;
    s->counted = zeros;
    return raw(s);
}

/* What one has and the other has not is compared with 0. */
static int compare(pl_span a, pl_span b)
{
    struct segments x = { .in = pl_span_trim(a) }, y = { .in = pl_span_trim(b) };
    pl_span p = next(&x), q = next(&y);
    while (p.len || q.len) {
        bool wp = is_word(p), wq = is_word(q);
        if (wp != wq)
            return wp ? -1 : 1;
        int c = wp ? pl_span_cmp(p, q) : pl_compare_digits(p, q);
        if (c)
            return c;
        p = next(&x);
        q = next(&y);
    }
    return 0;
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
