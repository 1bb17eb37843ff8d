/* deb.c - Debian versions. Spec: deb-version(7); Debian Policy 5.6.12. */
#include "version/parts.h"
#include "version/version.h"

struct deb {
    pl_span epoch, upstream, revision;
};

/* The first colon ends the epoch when only digits stand before it; the last hyphen begins the
 * revision. */
static struct deb split(pl_span v)
{
    struct deb d = { 0 };
    size_t colon = pl_span_chr(v, ':');
    if (colon != SIZE_MAX) {
        pl_span rest = pl_span_sub(v, 0, colon);
        pl_span digits = pl_take_digits(&rest);
        if (digits.len && rest.len == 0) {
            d.epoch = digits;
            v = pl_span_from(v, colon + 1);
        }
    }
    size_t hyphen = pl_span_rchr(v, '-');
    d.upstream = pl_span_sub(v, 0, hyphen);
    if (hyphen != SIZE_MAX)
        d.revision = pl_span_from(v, hyphen + 1);
    return d;
}

/* Tilde before the end, the end before letters, letters before everything else. Digits end the
 * part that is compared here, as the end does. */
static int weight(pl_span s)
{
    if (s.len == 0 || pl_is_digit(s.ptr[0]))
        return 0;
    unsigned char c = (unsigned char)s.ptr[0];
    if (c == '~')
        return -1;
    return pl_is_alpha((char)c) ? c : c + 256;
}

static int compare_part(pl_span a, pl_span b)
{
    while (a.len || b.len) {
        while ((a.len && !pl_is_digit(a.ptr[0])) || (b.len && !pl_is_digit(b.ptr[0]))) {
            int wa = weight(a), wb = weight(b);
            if (wa != wb)
                return wa < wb ? -1 : 1;
            a = pl_span_from(a, 1);
            b = pl_span_from(b, 1);
        }
        pl_span na = pl_take_digits(&a), nb = pl_take_digits(&b);
        int c = pl_compare_digits(na, nb);
        if (c)
            return c;
    }
    return 0;
}

static int compare(pl_span a, pl_span b)
{
    struct deb x = split(a), y = split(b);
    int c = pl_compare_digits(x.epoch, y.epoch);
    if (!c)
        c = compare_part(x.upstream, y.upstream);
    return c ? c : compare_part(x.revision, y.revision);
}

static bool valid(pl_span v)
{
    struct deb d = split(v);
    if (d.upstream.len == 0 || !pl_is_digit(d.upstream.ptr[0]))
        return false;
    for (size_t i = 0; i < v.len; i++)
        if (!pl_is_digit(v.ptr[i]) && !pl_is_alpha(v.ptr[i]) && !strchr(".+-~:", v.ptr[i]))
            return false;
    return true;
}

const struct pl_scheme pl_scheme_deb = {
    .name = "deb",
    .what = "Debian, Ubuntu: [epoch:]upstream[-revision]",
    .spec = "deb-version(7)",
    .compare = compare,
    .valid = valid,
};
