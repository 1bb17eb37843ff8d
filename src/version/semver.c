/* semver.c - Semantic Versioning 2.0.0 and the schemes that are it with other edges: npm and
 * crates (semver), Hex, Go modules and toolchains (golang), NuGet.
 *
 * What is in the wild is looser than the specification: "v1.0", "=1.0", "1.2", "1.2.3rc1". Missing
 * numbers are zero, and letters straight after the numbers begin the pre-release. */
#include "version/parts.h"
#include "version/version.h"

struct semver {
    pl_span numbers, pre; /* pre: without its hyphen */
    bool has_pre;
};

static struct semver split(pl_span v)
{
    struct semver s = { 0 };
    size_t plus = pl_span_chr(v, '+');
    v = pl_span_trim(pl_span_sub(v, 0, plus));
    while (v.len && (v.ptr[0] == '=' || v.ptr[0] == 'v' || v.ptr[0] == 'V'))
        v = pl_span_trim(pl_span_from(v, 1));
    size_t n = 0;
    while (n < v.len && (pl_is_digit(v.ptr[n]) || v.ptr[n] == '.'))
        n++;
    s.numbers = pl_span_sub(v, 0, n);
    s.pre = pl_span_from(v, n);
    s.has_pre = s.pre.len > 0;
    if (s.has_pre && s.pre.ptr[0] == '-')
        s.pre = pl_span_from(s.pre, 1);
    return s;
}

static int compare_numbers(pl_span a, pl_span b)
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

static bool all_digits(pl_span s) { return pl_take_digits(&s).len && s.len == 0; }

static int cmp_nocase(pl_span a, pl_span b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int x = pl_lower(a.ptr[i]), y = pl_lower(b.ptr[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return pl_sign(a.len > b.len, a.len < b.len);
}

/* semver.org, 11.4: numbers by value and below words, words bytewise, fewer fields first. */
static int compare_pre(pl_span a, pl_span b, bool nocase)
{
    for (;;) {
        pl_span x, y;
        bool more_a = pl_span_split(&a, '.', &x), more_b = pl_span_split(&b, '.', &y);
        if (!more_a || !more_b)
            return pl_sign(more_a, more_b);
        bool nx = all_digits(x), ny = all_digits(y);
        int c = nx && ny   ? pl_compare_digits(x, y)
                : nx != ny ? (nx ? -1 : 1)
                : nocase   ? cmp_nocase(x, y)
                           : pl_span_cmp(x, y);
        if (c)
            return c;
    }
}

static int compare_any(pl_span a, pl_span b, bool nocase)
{
    struct semver x = split(a), y = split(b);
    int c = compare_numbers(x.numbers, y.numbers);
    if (c)
        return c;
    if (x.has_pre != y.has_pre)
        return x.has_pre ? -1 : 1;
    return compare_pre(x.pre, y.pre, nocase);
}

static int compare(pl_span a, pl_span b) { return compare_any(a, b, false); }
static int compare_nocase(pl_span a, pl_span b) { return compare_any(a, b, true); }

static bool valid(pl_span v)
{
    struct semver s = split(v);
    return s.numbers.len && pl_is_digit(s.numbers.ptr[0]) &&
           pl_is_digit(s.numbers.ptr[s.numbers.len - 1]);
}

/* "go1.21rc2" is the toolchain's own form of 1.21.0-rc.2; "go1.22.3 X:boringcrypto" and
 * "go1.22.3-vendor" are builds of 1.22.3. Spec: go.dev/doc/toolchain, "Go versions". */
struct go {
    struct semver v;
    bool toolchain;
};

static struct go split_go(pl_span v)
{
    struct go g = { 0 };
    g.toolchain = pl_span_skip_lit(&v, PL_LIT("go"));
    if (g.toolchain)
        v = pl_span_sub(v, 0, pl_span_chr(v, ' '));
    g.v = split(v);
    if (g.toolchain && g.v.has_pre && !pl_span_starts(g.v.pre, PL_LIT("rc")) &&
        !pl_span_starts(g.v.pre, PL_LIT("beta")) && !pl_span_starts(g.v.pre, PL_LIT("alpha")))
        g.v.has_pre = false;
    return g;
}

/* rc2 beside rc.2: the word, then the number. */
static void word_and_number(pl_span pre, pl_span *word, pl_span *number)
{
    size_t n = 0;
    while (n < pre.len && pl_is_alpha(pre.ptr[n]))
        n++;
    *word = pl_span_sub(pre, 0, n);
    *number = pl_span_from(pre, n);
    pl_span_skip_lit(number, PL_LIT("."));
}

static int compare_go(pl_span a, pl_span b)
{
    struct go x = split_go(a), y = split_go(b);
    int c = compare_numbers(x.v.numbers, y.v.numbers);
    if (c)
        return c;
    if (x.v.has_pre != y.v.has_pre)
        return x.v.has_pre ? -1 : 1;
    pl_span wx, nx, wy, ny;
    word_and_number(x.v.pre, &wx, &nx);
    word_and_number(y.v.pre, &wy, &ny);
    if ((x.toolchain || y.toolchain) && wx.len && pl_span_eq(wx, wy))
        return pl_compare_digits(nx, ny);
    return compare_pre(x.v.pre, y.v.pre, false);
}

static bool valid_go(pl_span v)
{
    pl_span_skip_lit(&v, PL_LIT("go"));
    return valid(v);
}

const struct pl_scheme pl_scheme_semver = {
    .name = "semver",
    .what = "npm, crates: Semantic Versioning",
    .spec = "semver.org 2.0.0, section 11",
    .compare = compare,
    .valid = valid,
};
const struct pl_scheme pl_scheme_hex = {
    .name = "hex",
    .what = "Erlang and Elixir packages: Semantic Versioning",
    .spec = "hexdocs.pm/elixir/Version",
    .compare = compare,
    .valid = valid,
};
const struct pl_scheme pl_scheme_nuget = {
    .name = "nuget",
    .what = "NuGet: four numbers, pre-release without regard to case",
    .spec = "learn.microsoft.com/nuget/concepts/package-versioning",
    .compare = compare_nocase,
    .valid = valid,
};
const struct pl_scheme pl_scheme_golang = {
    .name = "golang",
    .what = "Go modules (v1.2.3, pseudo-versions) and toolchains (go1.21rc2)",
    .spec = "go.dev/ref/mod#versions",
    .compare = compare_go,
    .valid = valid_go,
};
