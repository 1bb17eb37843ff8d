/* rpm.c - rpm versions. Spec: rpm-version(7); the tilde and caret rules in rpm's manual. */
#include "version/parts.h"
#include "version/version.h"

struct evr {
    pl_span epoch, version, release;
    bool has_release;
};

/* Leading digits and a colon are the epoch; the last hyphen begins the release. */
static struct evr split(pl_span s)
{
    struct evr e = { 0 };
    pl_span rest = s;
    pl_span digits = pl_take_digits(&rest);
    if (pl_span_skip_lit(&rest, PL_LIT(":"))) {
        e.epoch = digits;
        s = rest;
    }
    size_t hyphen = pl_span_rchr(s, '-');
    e.version = pl_span_sub(s, 0, hyphen);
    if (hyphen != SIZE_MAX) {
        e.release = pl_span_from(s, hyphen + 1);
        e.has_release = true;
    }
    return e;
}

static pl_span skip_separators(pl_span s)
{
    while (s.len && !pl_is_digit(s.ptr[0]) && !pl_is_alpha(s.ptr[0]) && s.ptr[0] != '~' &&
           s.ptr[0] != '^')
        s = pl_span_from(s, 1);
    return s;
}

static pl_span take_letters(pl_span *in)
{
    size_t n = 0;
    while (n < in->len && pl_is_alpha(in->ptr[n]))
        n++;
    pl_span letters = pl_span_sub(*in, 0, n);
    *in = pl_span_from(*in, n);
    return letters;
}

static int compare_part(pl_span a, pl_span b)
{
    for (;;) {
        a = skip_separators(a);
        b = skip_separators(b);
        bool tilde_a = a.len && a.ptr[0] == '~', tilde_b = b.len && b.ptr[0] == '~';
        if (tilde_a || tilde_b) { /* before everything, the end too */
            if (!tilde_a || !tilde_b)
                return tilde_a ? -1 : 1;
            a = pl_span_from(a, 1);
            b = pl_span_from(b, 1);
            continue;
        }
        bool caret_a = a.len && a.ptr[0] == '^', caret_b = b.len && b.ptr[0] == '^';
        if (caret_a || caret_b) { /* after the end, before anything else */
            if (a.len == 0 || b.len == 0)
                return a.len == 0 ? -1 : 1;
            if (!caret_a || !caret_b)
                return caret_a ? -1 : 1;
            a = pl_span_from(a, 1);
            b = pl_span_from(b, 1);
            continue;
        }
        if (a.len == 0 || b.len == 0)
            return pl_sign(a.len > 0, b.len > 0);
        bool number = pl_is_digit(a.ptr[0]);
        pl_span x = number ? pl_take_digits(&a) : take_letters(&a);
        pl_span y = number ? pl_take_digits(&b) : take_letters(&b);
        if (y.len == 0) /* of different kinds: the number is newer */
            return number ? 1 : -1;
        int c = number ? pl_compare_digits(x, y) : pl_span_cmp(x, y);
        if (c)
            return c;
    }
}

static int compare(pl_span a, pl_span b)
{
    struct evr x = split(a), y = split(b);
    int c = pl_compare_digits(x.epoch, y.epoch);
    if (!c)
        c = compare_part(x.version, y.version);
    if (c)
        return c;
    if (!x.has_release || !y.has_release)
        return pl_sign(x.has_release, y.has_release);
    return compare_part(x.release, y.release);
}

static bool valid(pl_span v)
{
    if (split(v).version.len == 0)
        return false;
    for (size_t i = 0; i < v.len; i++)
        if (!pl_is_digit(v.ptr[i]) && !pl_is_alpha(v.ptr[i]) && !strchr("._+%{}~^-:", v.ptr[i]))
            return false;
    return true;
}

const struct pl_scheme pl_scheme_rpm = {
    .name = "rpm",
    .what = "rpm distributions: [epoch:]version[-release]",
    .spec = "rpm-version(7)",
    .compare = compare,
    .valid = valid,
};
