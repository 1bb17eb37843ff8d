/* program.c - programs by their own bytes: Go's build information, Rust's crates, and what the
 * rules of rules/programs/ know.
 *
 * A program is read once. Up to limits->program_bytes it is held whole; a larger one is looked at
 * in pieces of that size which overlap, so that nothing at a border is missed, and only what needs
 * the whole (the section with Rust's list) is then a gap.
 *
 * Spec: the parts say. Rules: docs/adding-a-program-rule.md. */
#include "analyzer/program.h"
#include "base/buf.h"

/* What may follow a mark and still belongs to it is one overlap; what may stand before, the other.
 */
enum { BEFORE = PL_WINDOW_BEFORE + 64, AFTER = PL_GO_INFO_MAX + 1024 };

struct reading {
    const struct pl_input *in;
    struct pl_blocks *blocks;
    struct pl_sink *out;
    struct pl_search *search;
    struct pl_buf room;
    pl_span block; /* of blocks, not yet taken */
    size_t cap;
    uint64_t base; /* offset of room's first byte in the file */
    size_t done;   /* bytes of room whose marks were told */
    bool ended, whole, go;
    struct pl_crates crates;
};

bool pl_program_text(pl_span s, size_t max)
{
    if (s.len == 0 || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static pl_rc fill(struct reading *r, struct pl_err *err)
{
    while (!r->ended && r->room.len < r->cap) {
        if (!r->block.len) {
            pl_rc rc = r->blocks->read(r->blocks, &r->block, err);
            if (rc)
                return rc;
            r->ended = r->block.len == 0;
        }
        pl_span part = pl_span_sub(r->block, 0, r->cap - r->room.len);
        pl_buf_add(&r->room, part);
        r->block = pl_span_from(r->block, part.len);
        if (r->room.failed)
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if (!r->ended && !r->block.len) { /* full: was that all? */
        pl_rc rc = r->blocks->read(r->blocks, &r->block, err);
        r->ended = !rc && r->block.len == 0;
        return rc;
    }
    return PL_OK;
}

/* A header stands at a multiple of 16 of its address, and so of the file, whose pages are mapped.
 */
static pl_rc on_mark(void *ctx, unsigned id, size_t end, struct pl_err *err)
{
    struct reading *r = ctx;
    pl_span all = pl_buf_span(&r->room);
    if (id == PL_MARK_CRATE) {
        pl_crates_add(&r->crates, pl_span_from(all, end), r->in->tmp);
        return PL_OK;
    }
    size_t at = end - (sizeof(PL_GO_MAGIC) - 1);
    if (r->go || (r->base + at) % 16)
        return PL_OK;
    return pl_program_go(r->in, pl_span_from(all, at), r->whole ? all : PL_SPAN_NONE, &r->go,
                         r->out, err);
}

static pl_rc look(struct reading *r, struct pl_err *err)
{
    size_t to = r->room.len;
    if (!r->ended)
        to = to > AFTER ? to - AFTER : 0;
    r->whole = r->base == 0 && r->ended;
    pl_rc rc = to > r->done
                   ? pl_search_bytes(r->search, pl_buf_span(&r->room), r->done, to, on_mark, r, err)
                   : PL_OK;
    r->done = to;
    return rc;
}

/* What was looked at goes, but for what may belong to the next mark. */
static void slide(struct reading *r)
{
    size_t gone = r->done > BEFORE ? r->done - BEFORE : 0;
    memmove(r->room.ptr, r->room.ptr + gone, r->room.len - gone);
    r->room.len -= gone;
    r->base += gone;
    r->done -= gone;
}

static pl_rc rust(struct reading *r, struct pl_err *err)
{
    struct pl_elf e;
    pl_span section;
    if (r->whole && pl_elf_open(pl_buf_span(&r->room), &e) &&
        pl_elf_section(&e, PL_LIT(".dep-v0"), &section))
        return pl_program_rust_audit(r->in, section, r->out, err);
    if (!r->whole && r->crates.list.n)
        pl_sink_gap(r->out, r->in->path, "limit",
                    "a Rust program of over %zu MiB: crates only by its panic messages, the list "
                    "in .dep-v0, if it has one, was not read",
                    r->in->limits->program_bytes / PL_MIB);
    return pl_crates_put(&r->crates, r->in, r->out, err);
}

static pl_rc read_all(struct reading *r, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    for (;;) {
        rc = fill(r, err);
        rc = rc ? rc : look(r, err);
        if (rc || r->ended)
            break;
        slide(r);
    }
    rc = rc ? rc : rust(r, err);
    return rc ? rc : pl_search_put(r->search, r->out, err);
}

static pl_rc stream(const struct pl_input *in, struct pl_blocks *blocks, struct pl_sink *out,
                    struct pl_err *err)
{
    struct reading r = { .in = in, .blocks = blocks, .out = out };
    size_t least = 2 * (BEFORE + AFTER);
    struct pl_err why = { 0 };
    r.cap = in->limits->program_bytes < least ? least : in->limits->program_bytes;
    r.search = pl_search_open(in, true, &why);
    if (!r.search)
        return pl_fail(err, why.rc, "%s", why.msg);
    if (!pl_buf_reserve(&r.room, blocks->size < r.cap ? (size_t)blocks->size : r.cap))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = read_all(&r, err);
    pl_crates_done(&r.crates);
    pl_buf_done(&r.room);
    return rc;
}

/* Files that are no ELF: an application's descriptor, a script. */
static pl_rc no_mark(void *ctx, unsigned id, size_t end, struct pl_err *err)
{
    (void)ctx;
    (void)id;
    (void)end;
    (void)err;
    return PL_OK;
}

static pl_rc parse_text(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_err why = { 0 };
    struct pl_search *s;
    if (pl_span_starts(in->bytes, PL_LIT("\177ELF")))
        return PL_OK;
    s = pl_search_open(in, false, &why);
    if (!s)
        return pl_fail(err, why.rc, "%s", why.msg);
    pl_rc rc = pl_search_bytes(s, in->bytes, 0, in->bytes.len, no_mark, NULL, err);
    return rc ? rc : pl_search_put(s, out, err);
}

static const char *const *text_globs(void) { return pl_search_globs(false); }
static const char *const *name_globs(void) { return pl_search_globs(true); }
static const char *const no_paths[] = { NULL };

const struct pl_analyzer pl_analyzer_program = {
    .application = true,
    .name = "program",
    .what = "programs by their own bytes: Go and Rust, servers and runtimes known to rules",
    .spec = "rules/programs; Go debug/buildinfo; cargo-auditable",
    .paths = (const char *const[]){ "**", NULL },
    .magic = "\177ELF",
    .magic_len = 4,
    .revision = 1,
    .stream = stream,
    .rules = "programs",
    .prepare = pl_search_prepare,
};

const struct pl_analyzer pl_analyzer_program_text = {
    .application = true,
    .name = "program_text",
    .what = "programs that are scripts or describe themselves in a text, known to rules",
    .spec = "rules/programs",
    .paths = no_paths,
    .more_paths = text_globs,
    .max_bytes = 4 * PL_MIB,
    .revision = 1,
    .parse = parse_text,
    .rules = "programs",
    .prepare = pl_search_prepare,
};

const struct pl_analyzer pl_analyzer_program_name = {
    .application = true,
    .name = "program_name",
    .what = "middleware by the names of its files, known to rules",
    .spec = "rules/programs",
    .paths = no_paths,
    .more_paths = name_globs,
    .by_name = true,
    .revision = 1,
    .parse = pl_search_path,
    .rules = "programs",
    .prepare = pl_search_prepare,
};
