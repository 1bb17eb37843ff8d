/* program_rust.c - crates in a Rust program: the list that cargo-auditable puts into the section
 * .dep-v0 (zlib over JSON), else the paths of panic messages, which name the crates whose code may
 * panic and so fewer than there are.
 *
 * Spec: cargo-auditable, PARSING.md; paths are those of Cargo's registry cache. */
#include <ctype.h>
#include <zlib.h>

#include "analyzer/program.h"
#include "base/buf.h"
#include "base/json.h"

enum { INFLATED_MAX = 8 << 20, MAX_CRATES = 8192, MAX_NAME = 128, MAX_VERSION = 128 };

static pl_rc put(const struct pl_input *in, pl_span name, pl_span version, pl_span from,
                 struct pl_sink *out, struct pl_err *err)
{
    const struct pl_package p = { .type = PL_LIT("cargo"),
                                  .name = name,
                                  .version = version,
                                  .path = in->path,
                                  .analyzer = PL_LIT("program"),
                                  .repository = from,
                                  .flags = PL_PACKAGE_BY_BYTES };
    return pl_sink_package(out, &p, err);
}

static bool inflate_bounded(pl_span packed, struct pl_buf *out)
{
    z_stream z = { 0 };
    int rc = Z_BUF_ERROR;
    if (inflateInit(&z) != Z_OK)
        return false;
    z.next_in = (Bytef *)(uintptr_t)packed.ptr;
    z.avail_in = (uInt)(packed.len > INFLATED_MAX ? INFLATED_MAX : packed.len);
    do {
        if (!pl_buf_reserve(out, 64 << 10))
            break;
        z.next_out = (Bytef *)out->ptr + out->len;
        z.avail_out = 64 << 10;
        rc = inflate(&z, Z_NO_FLUSH);
        out->len += (64 << 10) - z.avail_out;
    } while (rc == Z_OK && out->len < INFLATED_MAX);
    inflateEnd(&z);
    return !out->failed && rc == Z_STREAM_END;
}

static pl_rc put_package(const struct pl_input *in, const json_t *package, struct pl_sink *out,
                         struct pl_err *err)
{
    pl_span name = pl_json_text(package, "name"), version = pl_json_text(package, "version");
    /* what only built the program is not in it */
    if (pl_span_eq(pl_json_text(package, "kind"), PL_LIT("build")) ||
        !pl_program_text(name, MAX_NAME) || !pl_program_text(version, MAX_VERSION))
        return PL_OK;
    return put(in, name, version, PL_SPAN_NONE, out, err);
}

pl_rc pl_program_rust_audit(const struct pl_input *in, pl_span packed, struct pl_sink *out,
                            struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf text = { .ceiling = INFLATED_MAX + (128 << 10) };
    PL_AUTO(json) json_t *list = NULL;
    struct pl_err why = { .msg = "not zlib's, or larger than 8 MiB" };
    pl_rc rc = PL_OK;
    if (!inflate_bounded(packed, &text) || pl_json_parse(pl_buf_span(&text), &list, &why)) {
        pl_sink_gap(out, in->path, "broken", ".dep-v0, the list of crates: %s", why.msg);
        return PL_OK;
    }
    const json_t *packages = pl_json_array(list, "packages");
    for (size_t i = 0; !rc && i < json_array_size(packages); i++)
        rc = put_package(in, json_array_get(packages, i), out, err);
    return rc;
}

/* ---- panic messages ---- */

static bool name_byte(char c) { return isalnum((unsigned char)c) || c == '_' || c == '-'; }

/* "serde_json-1.0.89": the version begins at the first "-" before a number with two dots; crates'
 * names do not look so. */
static bool split_crate(pl_span s, struct pl_crate *out)
{
    for (size_t i = 1; i + 1 < s.len; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a length has its bytes */
        if (!name_byte(s.ptr[i]))
            return false;
        if (s.ptr[i] != '-' || !isdigit((unsigned char)s.ptr[i + 1]))
            continue;
        pl_span version = pl_span_from(s, i + 1);
        size_t dots = 0, k = 0;
        while (k < version.len && (isdigit((unsigned char)version.ptr[k]) || version.ptr[k] == '.'))
            dots += version.ptr[k++] == '.';
        if (dots != 2 || (k < version.len && version.ptr[k] != '-' && version.ptr[k] != '+'))
            continue;
        out->name = pl_span_sub(s, 0, i);
        out->version = version;
        return pl_program_text(version, MAX_VERSION) && pl_span_chr(version, ' ') == SIZE_MAX;
    }
    return false;
}

void pl_crates_add(struct pl_crates *c, pl_span at, struct pl_arena *tmp)
{
    struct pl_crate crate, *kept;
    pl_span folder, key;
    at = pl_span_sub(at, 0, 2 * MAX_NAME + MAX_VERSION);
    size_t slash = pl_span_chr(at, '/');
    if (slash == SIZE_MAX || c->list.n >= MAX_CRATES)
        return;
    at = pl_span_from(at, slash + 1); /* github.com-1ecc6299db9ec823/ */
    slash = pl_span_chr(at, '/');
    if (slash == SIZE_MAX)
        return;
    folder = pl_span_sub(at, 0, slash);
    if (!split_crate(folder, &crate) || pl_map_get(&c->seen, folder) ||
        !pl_arena_copy(tmp, folder, &key))
        return;
    void **slot = pl_map_at(&c->seen, key);
    if (!c->list.size)
        c->list = PL_VEC(struct pl_crate);
    kept = slot ? pl_vec_push(tmp, &c->list) : NULL;
    if (!kept)
        return;
    *slot = key.ptr ? (void *)(uintptr_t)key.ptr : NULL;
    split_crate(key, kept);
}

pl_rc pl_crates_put(const struct pl_crates *c, const struct pl_input *in, struct pl_sink *out,
                    struct pl_err *err)
{
    const struct pl_crate *list = c->list.items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < c->list.n; i++)
        rc = put(in, list[i].name, list[i].version, PL_LIT("panic paths"), out, err);
    return rc;
}

void pl_crates_done(struct pl_crates *c) { pl_map_done(&c->seen); }
