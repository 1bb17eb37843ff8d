#include "analyzer/members.h"

#include "base/buf.h"
#include "base/json.h"

static void skip_blank(pl_span *in)
{
    size_t n = 0;
    while (n < in->len &&
           (in->ptr[n] == ' ' || in->ptr[n] == '\n' || in->ptr[n] == '\r' || in->ptr[n] == '\t'))
        n++;
    pl_span_skip(in, n);
}

/* Length of the string that begins with a quote, both quotes counted; 0 when it does not end. */
static size_t string_length(pl_span in)
{
    for (size_t i = 1; i < in.len; i++) {
        if (in.ptr[i] == '\\')
            i++;
        else if (in.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Length of an object or array; 0 when it does not end. Which bracket closes which is not asked:
 * what is wanted is where the next member begins. */
static size_t nested_length(pl_span in)
{
    size_t depth = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '"') {
            size_t n = string_length(pl_span_from(in, i));
            if (n == 0)
                return 0;
            i += n - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static size_t value_length(pl_span in)
{
    if (in.len == 0)
        return 0;
    if (in.ptr[0] == '"')
        return string_length(in);
    if (in.ptr[0] == '{' || in.ptr[0] == '[')
        return nested_length(in);
    size_t n = 0;
    while (n < in.len && !memchr(",}] \t\r\n\"{[:", in.ptr[n], 12))
        n++;
    return n;
}

bool pl_members_open(pl_span value, struct pl_members *m)
{
    pl_span_skip_lit(&value, PL_LIT("\xef\xbb\xbf"));
    skip_blank(&value);
    if (value.len == 0 || (value.ptr[0] != '{' && value.ptr[0] != '['))
        return false;
    *m = (struct pl_members){ .in = pl_span_from(value, 1), .object = value.ptr[0] == '{' };
    return true;
}

/* The bracket at the end; else the comma between members, taken. */
static bool at_end(struct pl_members *m)
{
    skip_blank(&m->in);
    if (m->in.len && m->in.ptr[0] == (m->object ? '}' : ']'))
        return true;
    if (m->begun) {
        m->broken = !pl_span_skip_lit(&m->in, PL_LIT(","));
        skip_blank(&m->in);
    }
    m->begun = true;
    return m->broken;
}

static bool take_key(struct pl_members *m, pl_span *key)
{
    *key = PL_SPAN_NONE;
    if (!m->object)
        return true;
    size_t n = m->in.len && m->in.ptr[0] == '"' ? string_length(m->in) : 0;
    if (n == 0)
        return false;
    *key = pl_span_sub(m->in, 1, n - 2);
    pl_span_skip(&m->in, n);
    skip_blank(&m->in);
    if (!pl_span_skip_lit(&m->in, PL_LIT(":")))
        return false;
    skip_blank(&m->in);
    return true;
}

bool pl_members_next(struct pl_members *m, pl_span *key, pl_span *value)
{
    if (m->broken || at_end(m))
        return false;
    size_t n = take_key(m, key) ? value_length(m->in) : 0;
    m->broken = n == 0 || !pl_span_take(&m->in, n, value);
    return !m->broken;
}

pl_span pl_member(pl_span object, const char *key)
{
    struct pl_members m;
    pl_span k, v, found = PL_SPAN_NONE, want = pl_span_str(key);
    if (!pl_members_open(object, &m) || !m.object)
        return found;
    while (pl_members_next(&m, &k, &v))
        if (pl_span_eq(k, want))
            found = v;
    return found;
}

pl_span pl_member_text(pl_span value, struct pl_arena *a)
{
    PL_AUTO(json) json_t *string = NULL;
    struct pl_err err;
    if (value.len < 2 || value.ptr[0] != '"')
        return PL_SPAN_NONE;
    pl_span inner = pl_span_sub(value, 1, value.len - 2), kept;
    if (pl_span_chr(inner, '\\') == SIZE_MAX)
        return inner;
    if (pl_json_parse(value, &string, &err) || !pl_arena_copy(a, pl_json_span(string), &kept))
        return PL_SPAN_NONE;
    return kept;
}

pl_span pl_member_list(pl_span value, struct pl_arena *a)
{
    enum { MOST = 1000 };
    PL_AUTO(buf) struct pl_buf b = { .ceiling = MOST };
    struct pl_members m;
    pl_span key, one, kept;
    if (value.len && value.ptr[0] == '"')
        return pl_member_text(value, a);
    if (!pl_members_open(value, &m) || m.object)
        return PL_SPAN_NONE;
    while (!b.failed && pl_members_next(&m, &key, &one)) {
        one = pl_member_text(one, a);
        if (one.len && b.len)
            pl_buf_add(&b, PL_LIT(", "));
        pl_buf_add(&b, one);
    }
    return b.len && !b.failed && pl_arena_copy(a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}
