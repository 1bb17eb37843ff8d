#include "base/span.h"

#include <ctype.h>

int pl_span_cmp(pl_span a, pl_span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (c)
        return c < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool pl_span_eq_nocase(pl_span a, pl_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool pl_span_starts(pl_span s, pl_span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || !memcmp(s.ptr, prefix.ptr, prefix.len));
}

bool pl_span_ends(pl_span s, pl_span suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || !memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len));
}

size_t pl_span_chr(pl_span s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t pl_span_rchr(pl_span s, char c)
{
    const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t pl_span_find(pl_span s, pl_span needle)
{
    if (needle.len == 0)
        return 0;
    const char *at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

pl_span pl_span_sub(pl_span s, size_t from, size_t len)
{
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    return pl_span_of(s.ptr ? s.ptr + from : NULL, len);
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

pl_span pl_span_trim(pl_span s)
{
    while (s.len && is_blank(s.ptr[0]))
        s = pl_span_from(s, 1);
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

pl_span pl_span_basename(pl_span path)
{
    size_t slash = pl_span_rchr(path, '/');
    return slash == SIZE_MAX ? path : pl_span_from(path, slash + 1);
}

pl_span pl_span_dirname(pl_span path)
{
    size_t slash = pl_span_rchr(path, '/');
    return slash == SIZE_MAX ? pl_span_sub(path, 0, 0) : pl_span_sub(path, 0, slash);
}

bool pl_span_take(pl_span *in, size_t n, pl_span *out)
{
    if (in->len < n)
        return false;
    *out = pl_span_sub(*in, 0, n);
    *in = pl_span_from(*in, n);
    return true;
}

bool pl_span_skip(pl_span *in, size_t n)
{
    pl_span ignored;
    return pl_span_take(in, n, &ignored);
}

bool pl_span_skip_lit(pl_span *in, pl_span lit)
{
    return pl_span_starts(*in, lit) && pl_span_skip(in, lit.len);
}

bool pl_span_split(pl_span *in, char delimiter, pl_span *out)
{
    if (in->len == 0)
        return false;
    size_t at = pl_span_chr(*in, delimiter);
    *out = pl_span_sub(*in, 0, at);
    *in = at == SIZE_MAX ? pl_span_sub(*in, in->len, 0) : pl_span_from(*in, at + 1);
    return true;
}

bool pl_span_line(pl_span *in, pl_span *out)
{
    if (!pl_span_split(in, '\n', out))
        return false;
    if (out->len && out->ptr[out->len - 1] == '\r')
        out->len--;
    return true;
}

bool pl_span_word(pl_span *in, pl_span *out)
{
    pl_span s = *in;
    while (s.len && is_blank(s.ptr[0]))
        s = pl_span_from(s, 1);
    size_t n = 0;
    while (n < s.len && !is_blank(s.ptr[n]))
        n++;
    if (n == 0)
        return false;
    return *in = s, pl_span_take(in, n, out);
}

static uint64_t number(pl_span s, bool big)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a length has its bytes */
        v |= (uint64_t)(unsigned char)s.ptr[i] << 8 * (big ? s.len - 1 - i : i);
    return v;
}

#define READ_NUMBER(name, type, big)                                                               \
    bool name(pl_span *in, type *out)                                                              \
    {                                                                                              \
        pl_span s;                                                                                 \
        if (!pl_span_take(in, sizeof(type), &s))                                                   \
            return false;                                                                          \
        *out = (type)number(s, big);                                                               \
        return true;                                                                               \
    }
READ_NUMBER(pl_span_u8, uint8_t, false)
READ_NUMBER(pl_span_u16le, uint16_t, false)
READ_NUMBER(pl_span_u32le, uint32_t, false)
READ_NUMBER(pl_span_u64le, uint64_t, false)
READ_NUMBER(pl_span_u16be, uint16_t, true)
READ_NUMBER(pl_span_u32be, uint32_t, true)
READ_NUMBER(pl_span_u64be, uint64_t, true)

bool pl_span_varint(pl_span *in, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < in->len && i < 10; i++) {
        uint64_t bits = (unsigned char)in->ptr[i] & 0x7f;
        if (i == 9 && bits > 1)
            return false;
        v |= bits << 7 * i;
        if (!((unsigned char)in->ptr[i] & 0x80)) {
            *in = pl_span_from(*in, i + 1);
            *out = v;
            return true;
        }
    }
    return false;
}

bool pl_span_decimal(pl_span s, uint64_t max, uint64_t *out)
{
    if (s.len == 0)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (v > (max - digit) / 10 && (v > max / 10 || v * 10 > max - digit))
            return false;
        v = v * 10 + digit;
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}

size_t pl_span_utf8(pl_span s)
{
    if (s.len == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* One alternative of "{a,b}" is chosen by recursion over the alternatives only, so the depth is
 * the number of braces in the pattern, which we write; steps bounds the work on hostile paths. */
static bool glob(pl_span pat, pl_span s, unsigned *steps)
{
    size_t p = 0, i = 0;
    size_t star_p = SIZE_MAX, star_i = 0;
    bool star_deep = false;
    size_t deep_p = SIZE_MAX, deep_i = 0;

    for (;;) {
        if (++*steps > 1u << 18)
            return false;
        if (p < pat.len && pat.ptr[p] == '{') {
            pl_span tail = pl_span_from(pat, p + 1);
            size_t end = pl_span_chr(tail, '}');
            if (end != SIZE_MAX) {
                pl_span alternatives = pl_span_sub(tail, 0, end);
                pl_span after = pl_span_from(tail, end + 1);
                pl_span one;
                char joined[512];
                bool any = alternatives.len == 0;
                while (!any && pl_span_split(&alternatives, ',', &one)) {
                    if (one.len + after.len > sizeof(joined))
                        continue;
                    memcpy(joined, one.ptr, one.len);
                    if (after.len)
                        memcpy(joined + one.len, after.ptr, after.len);
                    any = glob(pl_span_of(joined, one.len + after.len), pl_span_from(s, i), steps);
                }
                if (any)
                    return true;
                goto backtrack;
            }
        }
        if (p < pat.len && pat.ptr[p] == '*') {
            star_deep = p + 1 < pat.len && pat.ptr[p + 1] == '*';
            if (star_deep) {
                p += 2;
                /* "**" followed by "/" also matches nothing at all */
                if (p < pat.len && pat.ptr[p] == '/' &&
                    glob(pl_span_from(pat, p + 1), pl_span_from(s, i), steps))
                    return true;
                deep_p = p;
                deep_i = i;
                star_p = SIZE_MAX;
            } else {
                star_p = ++p;
                star_i = i;
            }
            continue;
        }
        if (i == s.len && p == pat.len)
            return true;
        if (i < s.len && p < pat.len &&
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a length has its bytes */
            ((pat.ptr[p] == '?' && s.ptr[i] != '/') || pat.ptr[p] == s.ptr[i])) {
            p++;
            i++;
            continue;
        }
    backtrack:
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a length has its bytes */
        if (star_p != SIZE_MAX && star_i < s.len && s.ptr[star_i] != '/') {
            p = star_p;
            i = ++star_i;
            continue;
        }
        star_p = SIZE_MAX;
        if (deep_p != SIZE_MAX && deep_i < s.len) {
            p = deep_p;
            i = ++deep_i;
            continue;
        }
        return false;
    }
}

bool pl_glob_match(pl_span pattern, pl_span path)
{
    unsigned steps = 0;
    return glob(pattern, path, &steps);
}
