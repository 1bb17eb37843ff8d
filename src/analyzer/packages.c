#include "analyzer/packages.h"

#include <ctype.h>

void pl_broken_add(struct pl_broken *b, const char *fmt, ...)
{
    if (b->n++)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(b->first, sizeof(b->first), fmt, args);
    va_end(args);
}

void pl_broken_report(const struct pl_broken *b, const struct pl_input *in, struct pl_sink *out,
                      const char *what)
{
    if (b->n == 1)
        pl_sink_gap(out, in->path, "broken", "%s; the rest of the file was read", b->first);
    else if (b->n)
        pl_sink_gap(out, in->path, "broken", "%zu %s could not be read, the first: %s", b->n, what,
                    b->first);
}

bool pl_clean_path(pl_span raw, char *buf, pl_span *out)
{
    size_t n = 0;
    pl_span part;
    while (pl_span_split(&raw, '/', &part)) {
        if (part.len == 0 || pl_span_eq(part, PL_LIT(".")))
            continue;
        if (pl_span_eq(part, PL_LIT("..")) || n + part.len + 2 > PL_PATH_ROOM)
            return false;
        if (n)
            buf[n++] = '/';
        memcpy(buf + n, part.ptr, part.len);
        n += part.len;
    }
    *out = pl_span_of(buf, n);
    return n > 0;
}

pl_rc pl_put_database(const struct pl_input *in, struct pl_sink *out, const char *row,
                      uint64_t n_packages, struct pl_err *err)
{
    const struct pl_database d = { .path = in->path,
                                   .analyzer = pl_span_str(row),
                                   .n_packages = n_packages };
    return pl_sink_database(out, &d, err);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t pl_base64(pl_span text, uint8_t *out, size_t room)
{
    while (text.len && text.ptr[text.len - 1] == '=')
        text.len--;
    if (text.len % 4 == 1 || text.len / 4 * 3 + text.len % 4 > room)
        return 0;
    uint32_t bits = 0;
    size_t n_bits = 0, n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int v = base64_value(text.ptr[i]);
        if (v < 0)
            return 0;
        bits = bits << 6 | (uint32_t)v;
        n_bits += 6;
        if (n_bits >= 8)
            out[n++] = (uint8_t)(bits >> (n_bits -= 8));
    }
    return n;
}

pl_span pl_hex_digest(const char *algorithm, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    size_t len = strlen(algorithm);
    if (len + 1 + 2 * n >= room)
        return PL_SPAN_NONE;
    memcpy(out, algorithm, len);
    out[len++] = ':';
    for (size_t i = 0; i < n; i++) {
        out[len++] = "0123456789abcdef"[bytes[i] >> 4];
        out[len++] = "0123456789abcdef"[bytes[i] & 15];
    }
    return pl_span_of(out, len);
}

bool pl_is_hex(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isxdigit((unsigned char)s.ptr[i]))
            return false;
    return s.len > 0;
}
