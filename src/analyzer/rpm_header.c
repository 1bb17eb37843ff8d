/* rpm_header.c - one package as rpm keeps it: an index of tagged entries and a store of values.
 *
 * All numbers are big-endian. The first entry is usually a region tag whose data is a trailer;
 * entries that were added after the package was built ("dribbles") follow the region and replace
 * its entries of the same tag, so the last one counts.
 * Spec: rpm, docs/manual/format_header.md and lib/rpmtag.h. */
#include "analyzer/rpm.h"

enum tag {
    TAG_NAME = 1000,
    TAG_VERSION = 1001,
    TAG_RELEASE = 1002,
    TAG_EPOCH = 1003,
    TAG_VENDOR = 1011,
    TAG_LICENSE = 1014,
    TAG_ARCH = 1022,
    TAG_OLDFILENAMES = 1027,
    TAG_FILESTATES = 1029,
    TAG_FILEMODES = 1030,
    TAG_FILEDIGESTS = 1035,
    TAG_FILEFLAGS = 1037,
    TAG_SOURCERPM = 1044,
    TAG_DIRINDEXES = 1116,
    TAG_BASENAMES = 1117,
    TAG_DIRNAMES = 1118,
    TAG_FILEDIGESTALGO = 5011,
    TAG_MODULARITYLABEL = 5096,
};

enum type { INT16 = 3, INT32 = 4, CHAR = 1, STRING = 6, STRING_ARRAY = 8, I18N = 9 };

/* An entry's values: from where they begin to the end of the store, and how many there are said
 * to be. */
struct values {
    pl_span data;
    uint32_t type, count;
};

struct header {
    struct values name, version, release, epoch, vendor, license, arch, source, module;
    struct values old_names, states, modes, digests, flags, dir_indexes, base_names, dir_names;
    struct values algorithm;
};

static struct values *place(struct header *h, uint32_t tag)
{
    switch (tag) {
    case TAG_NAME: return &h->name;
    case TAG_VERSION: return &h->version;
    case TAG_RELEASE: return &h->release;
    case TAG_EPOCH: return &h->epoch;
    case TAG_VENDOR: return &h->vendor;
    case TAG_LICENSE: return &h->license;
    case TAG_ARCH: return &h->arch;
    case TAG_OLDFILENAMES: return &h->old_names;
    case TAG_FILESTATES: return &h->states;
    case TAG_FILEMODES: return &h->modes;
    case TAG_FILEDIGESTS: return &h->digests;
    case TAG_FILEFLAGS: return &h->flags;
    case TAG_SOURCERPM: return &h->source;
    case TAG_DIRINDEXES: return &h->dir_indexes;
    case TAG_BASENAMES: return &h->base_names;
    case TAG_DIRNAMES: return &h->dir_names;
    case TAG_FILEDIGESTALGO: return &h->algorithm;
    case TAG_MODULARITYLABEL: return &h->module;
    default: return NULL;
    }
}

static bool read_header(pl_span blob, struct header *h)
{
    uint32_t n, size, tag, type, at, count;
    pl_span index;
    if (!pl_span_u32be(&blob, &n) || !pl_span_u32be(&blob, &size) || n > blob.len / 16 ||
        !pl_span_take(&blob, (size_t)n * 16, &index) || size > blob.len)
        return false;
    pl_span store = pl_span_sub(blob, 0, size);
    for (uint32_t i = 0; i < n; i++) {
        if (!pl_span_u32be(&index, &tag) || !pl_span_u32be(&index, &type) ||
            !pl_span_u32be(&index, &at) || !pl_span_u32be(&index, &count))
            return false;
        struct values *v = place(h, tag);
        if (v && at < store.len)
            *v = (struct values){ .data = pl_span_from(store, at), .type = type, .count = count };
    }
    return true;
}

/* The next NUL-ended string; false when there is none whole. */
static bool next_string(struct values *v, pl_span *out)
{
    if (!v->count || !memchr(v->data.ptr, '\0', v->data.len))
        return false;
    v->count--;
    return pl_span_split(&v->data, '\0', out);
}

static pl_span text(struct values v)
{
    pl_span s = PL_SPAN_NONE;
    if (v.type == STRING || v.type == STRING_ARRAY || v.type == I18N)
        next_string(&v, &s);
    return s;
}

static bool next_u32(struct values *v, uint32_t *out)
{
    if (!v->count || v->type != INT32 || !pl_span_u32be(&v->data, out))
        return false;
    v->count--;
    return true;
}

/* ---- files ---- */

/* Hex length tells the algorithm as surely as FILEDIGESTALGO (5011; absent: MD5) where the two
 * agree; where they do not, the digest is worth nothing. */
static const char *digest_name(uint32_t algorithm, size_t hex_len)
{
    static const struct {
        uint32_t id;
        size_t hex_len;
        const char *name;
    } known[] = { { 1, 32, "md5" },    { 2, 40, "sha1" },     { 8, 64, "sha256" },
                  { 9, 96, "sha384" }, { 10, 128, "sha512" }, { 11, 56, "sha224" } };
    for (size_t i = 0; i < PL_COUNT(known); i++)
        if (known[i].id == algorithm && known[i].hex_len == hex_len)
            return known[i].name;
    return NULL;
}

struct files {
    struct values names, dir_indexes, digests, modes, flags, states;
    pl_span *dirs;
    size_t n_dirs;
    uint32_t algorithm;
    bool old; /* OLDFILENAMES: whole paths (rpm before 4.0) */
};

static bool files_open(struct pl_rpm *r, const struct header *h, struct files *f)
{
    *f = (struct files){ .names = h->base_names,
                         .dir_indexes = h->dir_indexes,
                         .digests = h->digests,
                         .modes = h->modes,
                         .flags = h->flags,
                         .states = h->states,
                         .algorithm = 1,
                         .old = !h->base_names.count };
    struct values dirs = h->dir_names, algorithm = h->algorithm;
    next_u32(&algorithm, &f->algorithm);
    if (f->old) {
        f->names = h->old_names;
        return true;
    }
    size_t room = dirs.count < dirs.data.len ? dirs.count : dirs.data.len;
    f->dirs = pl_arena_array(&r->scratch, room + 1, sizeof(*f->dirs));
    while (f->dirs && f->n_dirs < room && next_string(&dirs, &f->dirs[f->n_dirs]))
        f->n_dirs++;
    return f->dirs != NULL;
}

struct file {
    pl_span folder, name, digest;
    bool on_disk; /* a regular file or link that this package really put there */
};

enum { GHOST = 1 << 6, MODE_TYPE = 0170000, MODE_DIR = 0040000 };

/* All arrays are walked in step; one that is too short says nothing of the rest. */
static bool files_next(struct files *f, struct file *out)
{
    uint32_t at = 0, flags = 0;
    uint16_t mode = 0;
    uint8_t state = 0;
    *out = (struct file){ 0 };
    if (!next_string(&f->names, &out->name) || (!f->old && !next_u32(&f->dir_indexes, &at)))
        return false;
    next_string(&f->digests, &out->digest);
    next_u32(&f->flags, &flags);
    if (f->modes.type == INT16)
        pl_span_u16be(&f->modes.data, &mode);
    /* A state other than 0: not installed, replaced by another package, of another colour. */
    if (f->states.type == CHAR && f->states.count && pl_span_u8(&f->states.data, &state))
        f->states.count--;
    out->on_disk = !(flags & GHOST) && (mode & MODE_TYPE) != MODE_DIR && state == 0;
    if (!f->old && at >= f->n_dirs)
        return false;
    out->folder = f->old ? PL_SPAN_NONE : f->dirs[at];
    return true;
}

static pl_rc put_file(struct pl_rpm *r, pl_span package, const struct files *f,
                      const struct file *file, struct pl_err *err)
{
    char raw[PL_PATH_ROOM], clean[PL_PATH_ROOM], digest[160];
    struct pl_owned o = { .type = PL_LIT("rpm"), .package = package };
    if (file->folder.len + file->name.len > sizeof(raw))
        return PL_OK;
    if (file->folder.len)
        memcpy(raw, file->folder.ptr, file->folder.len);
    if (file->name.len)
        memcpy(raw + file->folder.len, file->name.ptr, file->name.len);
    if (!pl_clean_path(pl_span_of(raw, file->folder.len + file->name.len), clean, &o.path))
        return PL_OK;
    const char *name = digest_name(f->algorithm, file->digest.len);
    if (name && pl_is_hex(file->digest)) {
        int n = snprintf(digest, sizeof(digest), "%s:%.*s", name, PL_FMT(file->digest));
        o.digest = pl_span_of(digest, (size_t)n);
    }
    return pl_sink_owned(r->out, &o, err);
}

static pl_rc put_files(struct pl_rpm *r, const struct header *h, pl_span package,
                       struct pl_err *err)
{
    struct files f;
    struct file file;
    if (!files_open(r, h, &f)) {
        pl_broken_add(&r->broken, "%.*s: too many folders", PL_FMT(pl_span_sub(package, 0, 80)));
        return PL_OK;
    }
    while (files_next(&f, &file)) {
        pl_rc rc = file.on_disk ? put_file(r, package, &f, &file, err) : PL_OK;
        if (rc)
            return rc;
    }
    if (f.names.count)
        pl_broken_add(&r->broken, "%.*s: its list of files ends early",
                      PL_FMT(pl_span_sub(package, 0, 80)));
    return PL_OK;
}

/* ---- the package ---- */

void pl_rpm_source(pl_span file, pl_span *name, pl_span *version)
{
    static const pl_span ends[] = { { ".src.rpm", 8 }, { ".nosrc.rpm", 10 } };
    *name = *version = PL_SPAN_NONE;
    for (size_t i = 0; i < PL_COUNT(ends); i++)
        if (pl_span_ends(file, ends[i]))
            file.len -= ends[i].len;
    size_t release = pl_span_rchr(file, '-');
    size_t at = release == SIZE_MAX ? release : pl_span_rchr(pl_span_sub(file, 0, release), '-');
    if (at == SIZE_MAX || at == 0)
        return;
    *name = pl_span_sub(file, 0, at);
    *version = pl_span_from(file, at + 1);
}

/* "[epoch:]a-b"; epoch 0 and absent are the same and are not written. */
static bool full_version(struct pl_arena *a, uint32_t epoch, pl_span version, pl_span release,
                         pl_span *out)
{
    char number[16] = "";
    if (epoch)
        snprintf(number, sizeof(number), "%u:", epoch);
    size_t lead = strlen(number), n = 0;
    char *p = pl_arena_alloc(a, lead + version.len + 1 + release.len);
    if (!p)
        return false;
    memcpy(p, number, lead);
    n = lead;
    if (version.len)
        memcpy(p + n, version.ptr, version.len);
    n += version.len;
    if (release.len) {
        p[n++] = '-';
        memcpy(p + n, release.ptr, release.len);
    }
    *out = pl_span_of(p, n + release.len);
    return true;
}

static pl_rc put_package(struct pl_rpm *r, const struct header *h, struct pl_err *err)
{
    struct values epochs = h->epoch;
    uint32_t epoch = 0;
    struct pl_package p = { .type = PL_LIT("rpm"),
                            .name = text(h->name),
                            .arch = text(h->arch),
                            .vendor = text(h->vendor),
                            .module = text(h->module),
                            .licenses = text(h->license),
                            .path = r->in->path,
                            .analyzer = PL_LIT("rpm") };
    pl_span source_version;
    next_u32(&epochs, &epoch);
    pl_rpm_source(text(h->source), &p.source_name, &source_version);
    if (!full_version(&r->scratch, epoch, text(h->version), text(h->release), &p.version) ||
        (source_version.len &&
         !full_version(&r->scratch, epoch, source_version, PL_SPAN_NONE, &p.source_version)))
        return pl_fail(err, PL_ELIMIT, "rpm: a version longer than memory allows");
    if (pl_is_kernel_headers(p.name))
        p.flags |= PL_PACKAGE_KERNEL_HEADERS;
    r->n++;
    pl_rc rc = pl_sink_package(r->out, &p, err);
    return rc ? rc : put_files(r, h, p.name, err);
}

pl_rc pl_rpm_blob(struct pl_rpm *r, pl_span blob, const char *where, uint64_t number,
                  struct pl_err *err)
{
    struct header h = { 0 };
    if (!read_header(blob, &h) || !text(h.name).len || !text(h.version).len) {
        pl_broken_add(&r->broken, "%s %llu: no whole package header", where,
                      (unsigned long long)number);
        return PL_OK;
    }
    if (pl_span_eq(text(h.name), PL_LIT("gpg-pubkey")))
        return PL_OK; /* an imported key, which rpm keeps as if it were a package */
    pl_rc rc = put_package(r, &h, err);
    pl_arena_reset(&r->scratch);
    return rc;
}
