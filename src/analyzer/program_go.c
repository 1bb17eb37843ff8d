/* program_go.c - Go's build information: which toolchain and which modules made a program.
 *
 * It stands at a multiple of 16 bytes, in stripped and position-independent programs too. Since
 * Go 1.18 both texts follow the header; before, the header points to string headers in the data.
 *
 * Spec: Go's debug/buildinfo and runtime/debug. Seen in the wild: a main module "(devel)" whose
 * version only the linker's -X flags tell; "=>" to a folder of the same repository. */
#include <ctype.h>

#include "analyzer/program.h"

enum { HEADER = 32, INLINE = 2, BIG = 1, MAX_MODULES = 20000, MAX_TEXT = 512 };

struct module {
    pl_span path, version;
};

struct info {
    pl_span toolchain, modules;
};

/* ---- the two texts ---- */

static bool inline_texts(pl_span from, struct info *out)
{
    pl_span at = pl_span_from(from, HEADER);
    uint64_t len;
    return pl_span_varint(&at, &len) && len <= MAX_TEXT &&
           pl_span_take(&at, len, &out->toolchain) && pl_span_varint(&at, &len) &&
           len <= PL_GO_INFO_MAX && pl_span_take(&at, len, &out->modules);
}

static bool word(pl_span *in, unsigned size, bool big, uint64_t *out)
{
    uint32_t u32;
    if (size == 8)
        return big ? pl_span_u64be(in, out) : pl_span_u64le(in, out);
    bool ok = big ? pl_span_u32be(in, &u32) : pl_span_u32le(in, &u32);
    *out = u32;
    return ok;
}

static bool pointed_text(const struct pl_elf *e, uint64_t address, unsigned size, bool big,
                         uint64_t max, pl_span *out)
{
    pl_span header;
    uint64_t text, len;
    return pl_elf_at(e, address, 2 * size, &header) && word(&header, size, big, &text) &&
           word(&header, size, big, &len) && len <= max && pl_elf_at(e, text, len, out);
}

/* What frames the modules' text in memory; constants of cmd/go's modload. */
#define FRAME_BEGIN "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
#define FRAME_END "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"
enum { FRAME = 16 };

static pl_span unframed(pl_span s)
{
    if (s.len >= 2 * FRAME + 1 && s.ptr[s.len - FRAME - 1] == '\n')
        return pl_span_sub(s, FRAME, s.len - 2 * FRAME);
    return PL_SPAN_NONE;
}

/* Position-independent programs leave the pointers to the loader: the frame is looked for. */
static void framed_text(pl_span whole, struct info *out)
{
    size_t from = pl_span_find(whole, PL_LIT(FRAME_BEGIN));
    if (from == SIZE_MAX)
        return;
    pl_span rest = pl_span_sub(whole, from, PL_GO_INFO_MAX);
    size_t to = pl_span_find(rest, PL_LIT(FRAME_END));
    if (to != SIZE_MAX)
        out->modules = pl_span_sub(rest, 0, to + FRAME);
}

static bool pointed_texts(pl_span from, pl_span whole, struct info *out)
{
    struct pl_elf e;
    unsigned size = (unsigned char)from.ptr[14];
    bool big = from.ptr[15] & BIG;
    pl_span at = pl_span_from(from, 16);
    uint64_t toolchain, modules;
    if ((size != 4 && size != 8) || !word(&at, size, big, &toolchain) ||
        !word(&at, size, big, &modules) || !pl_elf_open(whole, &e))
        return false;
    pointed_text(&e, toolchain, size, big, MAX_TEXT, &out->toolchain);
    if (!pointed_text(&e, modules, size, big, PL_GO_INFO_MAX, &out->modules))
        framed_text(whole, out);
    return out->toolchain.len || out->modules.len;
}

/* ---- packages ---- */

static pl_rc put(const struct pl_input *in, pl_span name, pl_span version, uint32_t flags,
                 struct pl_sink *out, struct pl_err *err)
{
    const struct pl_package p = { .type = PL_LIT("golang"),
                                  .name = name,
                                  .version = version,
                                  .path = in->path,
                                  .analyzer = PL_LIT("program"),
                                  .flags = PL_PACKAGE_BY_BYTES | flags };
    if (!pl_program_text(name, MAX_TEXT) || !pl_program_text(version, MAX_TEXT))
        return PL_OK;
    return pl_sink_package(out, &p, err);
}

/* "go1.22.3 X:boringcrypto" -> "1.22.3", "go1.22rc1" -> "1.22.0-rc.1", "go1.20" -> "1.20.0", as
 * advisories on the standard library write them. Vendors add "-suffix" or "+suffix". */
static pl_span release_of(pl_span toolchain, char *buf, size_t size)
{
    pl_span s = toolchain, word;
    if (!pl_span_skip_lit(&s, PL_LIT("go")) || !pl_span_word(&s, &word))
        return PL_SPAN_NONE;
    unsigned dots = 0;
    size_t n = 0;
    while (n < word.len && (isdigit((unsigned char)word.ptr[n]) || word.ptr[n] == '.'))
        dots += word.ptr[n++] == '.';
    if (n == 0 || n > 32 || dots > 2)
        return PL_SPAN_NONE;
    pl_span pre = pl_span_from(word, n);
    const char *kind = pl_span_starts(pre, PL_LIT("rc"))     ? "rc"
                       : pl_span_starts(pre, PL_LIT("beta")) ? "beta"
                                                             : NULL;
    pl_span digits = kind ? pl_span_from(pre, strlen(kind)) : PL_SPAN_NONE;
    size_t k = 0;
    while (k < digits.len && k < 8 && isdigit((unsigned char)digits.ptr[k]))
        k++;
    int len = snprintf(buf, size, "%.*s%s%s%s%s%.*s", (int)n, word.ptr, dots == 1 ? ".0" : "",
                       k ? "-" : "", k ? kind : "", k ? "." : "", (int)k, k ? digits.ptr : "");
    return pl_span_of(buf, len > 0 ? (size_t)len : 0);
}

/* ---- the main module's version, where only the linker's flags tell it ---- */

static bool like_version(pl_span s)
{
    if (s.len && s.ptr[0] == 'v')
        s = pl_span_from(s, 1);
    size_t n = 0, dots = 0;
    while (n < s.len && (isdigit((unsigned char)s.ptr[n]) || s.ptr[n] == '.'))
        dots += s.ptr[n++] == '.';
    return n && dots >= 1 && dots <= 2 && isdigit((unsigned char)s.ptr[0]) &&
           isdigit((unsigned char)s.ptr[n - 1]) &&
           (n == s.len || s.ptr[n] == '-' || s.ptr[n] == '+');
}

/* How likely "-X key=" is this program's version: 3 in main, 2 in its own module, 1 elsewhere
 * (Prometheus and Kubernetes keep theirs in a library), 0 not at all. */
static int version_key(pl_span key, pl_span module)
{
    static const char *const names[] = { "version",    "gitversion",  "buildversion",  "semver",
                                         "appversion", "gitdescribe", "releaseversion" };
    size_t dot = pl_span_rchr(key, '.');
    if (dot == SIZE_MAX)
        return 0;
    pl_span name = pl_span_from(key, dot + 1);
    bool known = false;
    for (size_t i = 0; i < PL_COUNT(names); i++)
        known |= pl_span_eq_nocase(name, pl_span_str(names[i]));
    if (!known)
        return 0;
    pl_span package = pl_span_sub(key, 0, dot);
    if (pl_span_eq(package, PL_LIT("main")))
        return 3;
    return module.len && pl_span_starts(package, module) ? 2 : 1;
}

/* flags: the value of "build -ldflags=", quoted as Go's strconv does. */
static pl_span linked_version(pl_span flags, pl_span module)
{
    pl_span best = PL_SPAN_NONE;
    int rank = 0;
    for (size_t at; (at = pl_span_find(flags, PL_LIT("-X"))) != SIZE_MAX;) {
        flags = pl_span_from(flags, at + 2);
        pl_span s = flags;
        while (s.len && strchr(" =\"'\\", s.ptr[0]))
            s = pl_span_from(s, 1);
        size_t end = 0, equals = SIZE_MAX;
        while (end < s.len && !strchr(" \"'\\", s.ptr[end])) {
            if (s.ptr[end] == '=' && equals == SIZE_MAX)
                equals = end;
            end++;
        }
        if (equals == SIZE_MAX)
            continue;
        pl_span value = pl_span_sub(s, equals + 1, end - equals - 1);
        int r = version_key(pl_span_sub(s, 0, equals), module);
        if (r > rank && like_version(value) && value.len < 100) {
            rank = r;
            best = value;
        }
    }
    return best;
}

/* ---- the modules ---- */

struct reading {
    struct module main, dep;
    bool have_dep;
    pl_span flags;
    size_t n;
};

static pl_rc put_dep(struct reading *r, const struct pl_input *in, struct pl_sink *out,
                     struct pl_err *err)
{
    bool have = r->have_dep && r->n < MAX_MODULES;
    r->have_dep = false;
    r->n += have;
    return have ? put(in, r->dep.path, r->dep.version.len ? r->dep.version : PL_LIT("(devel)"), 0,
                      out, err)
                : PL_OK;
}

/* A replacement that is a folder has the old module's name and a version that nobody knows. */
static void replace(struct reading *r, const struct module *by)
{
    if (by->path.len && by->path.ptr[0] != '.' && by->path.ptr[0] != '/' && by->version.len)
        r->dep = *by;
    else
        r->dep.version = PL_LIT("(devel)");
}

static pl_rc line(struct reading *r, pl_span s, const struct pl_input *in, struct pl_sink *out,
                  struct pl_err *err)
{
    pl_span kind;
    struct module m = { 0 };
    if (!pl_span_split(&s, '\t', &kind))
        return PL_OK;
    if (pl_span_eq(kind, PL_LIT("build"))) {
        if (pl_span_skip_lit(&s, PL_LIT("-ldflags=")))
            r->flags = s;
        return PL_OK;
    }
    if (!pl_span_split(&s, '\t', &m.path))
        return PL_OK;
    (void)pl_span_split(&s, '\t', &m.version);
    if (pl_span_eq(kind, PL_LIT("=>"))) {
        if (r->have_dep)
            replace(r, &m);
        return PL_OK;
    }
    pl_rc rc = put_dep(r, in, out, err);
    if (pl_span_eq(kind, PL_LIT("mod")))
        r->main = m;
    if (pl_span_eq(kind, PL_LIT("dep"))) {
        r->dep = m;
        r->have_dep = true;
    }
    return rc;
}

static pl_rc put_modules(pl_span text, const struct pl_input *in, struct pl_sink *out,
                         struct pl_err *err)
{
    struct reading r = { 0 };
    pl_span s;
    pl_rc rc = PL_OK;
    while (!rc && pl_span_line(&text, &s))
        rc = line(&r, s, in, out, err);
    rc = rc ? rc : put_dep(&r, in, out, err);
    if (rc || !r.main.path.len)
        return rc;
    pl_span version = r.main.version;
    if (!version.len || pl_span_eq(version, PL_LIT("(devel)"))) {
        pl_span linked = linked_version(r.flags, r.main.path);
        char buf[128];
        if (linked.len) { /* modules' versions have a "v" */
            int n = snprintf(buf, sizeof(buf), "%s%.*s", linked.ptr[0] == 'v' ? "" : "v",
                             PL_FMT(linked));
            return put(in, r.main.path, pl_span_of(buf, (size_t)n), 0, out, err);
        }
        version = PL_LIT("(devel)");
    }
    return put(in, r.main.path, version, 0, out, err);
}

pl_rc pl_program_go(const struct pl_input *in, pl_span from, pl_span whole, bool *seen,
                    struct pl_sink *out, struct pl_err *err)
{
    struct info info = { 0 };
    char buf[64];
    if (from.len < HEADER)
        return PL_OK;
    unsigned size = (unsigned char)from.ptr[14], flags = (unsigned char)from.ptr[15];
    if (!(flags & INLINE) && (size == 4 || size == 8) && !whole.len) {
        *seen = true;
        pl_sink_gap(out, in->path, "limit",
                    "Go build information of before Go 1.18 in a program of over %zu MiB",
                    in->limits->program_bytes / PL_MIB);
        return PL_OK;
    }
    if (!(flags & INLINE ? inline_texts(from, &info) : pointed_texts(from, whole, &info)))
        return PL_OK; /* the magic alone: a program that reads build information has it too */
    *seen = true;
    pl_span release = release_of(info.toolchain, buf, sizeof(buf));
    pl_rc rc =
        release.len ? put(in, PL_LIT("stdlib"), release, PL_PACKAGE_RUNTIME, out, err) : PL_OK;
    return rc ? rc : put_modules(unframed(info.modules), in, out, err);
}
