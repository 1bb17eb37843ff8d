/* Reading layer reports. Writing them is layer_sink.c; the encoding is told in report_form.h. */
#include "model/layer_report.h"

#include "model/report_form.h"

/* ---- paths, front-coded ---- */

/* Clean as pl_walk gives it: no empty, "." or ".." part. */
static bool is_clean(pl_span path)
{
    pl_span part;
    if (path.len && (path.ptr[0] == '/' || path.ptr[path.len - 1] == '/'))
        return false;
    while (pl_span_split(&path, '/', &part))
        if (part.len == 0 || pl_span_eq(part, PL_LIT(".")) || pl_span_eq(part, PL_LIT("..")))
            return false;
    return true;
}

/* The next path into path[]: a number of bytes shared with the one before, then the rest. Must not
 * sort before its predecessor. */
static bool next_path(pl_span *in, char *path, size_t room, size_t *len)
{
    uint64_t shared;
    pl_span rest;
    if (!pl_span_varint(in, &shared) || !pl_span_text(in, &rest) || shared > *len ||
        rest.len > room - shared)
        return false;
    if (pl_span_cmp(pl_span_of(path + shared, *len - (size_t)shared), rest) > 0)
        return false;
    if (rest.len)
        memcpy(path + shared, rest.ptr, rest.len);
    *len = (size_t)shared + rest.len;
    return true;
}

void pl_entry_iter_init(struct pl_entry_iter *it, const struct pl_layer_report *r)
{
    it->in = r->entries_section;
    it->path_len = 0;
    it->broken = false;
}

static bool small_varint(pl_span *in, uint32_t *out)
{
    uint64_t v;
    if (!pl_span_varint(in, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool read_entry(struct pl_entry_iter *it, struct pl_entry *e)
{
    uint8_t type;
    if (!next_path(&it->in, it->path, sizeof(it->path), &it->path_len) ||
        !is_clean(pl_span_of(it->path, it->path_len)) || !pl_span_u8(&it->in, &type) ||
        type > PL_FILE_OPAQUE || !small_varint(&it->in, &e->mode) ||
        !small_varint(&it->in, &e->uid) || !small_varint(&it->in, &e->gid))
        return false;
    e->type = (enum pl_file_type)type;
    e->path = pl_span_of(it->path, it->path_len);
    if (type == PL_FILE_REGULAR && !pl_span_varint(&it->in, &e->size))
        return false;
    if ((type == PL_FILE_SYMLINK || type == PL_FILE_HARDLINK) && !pl_span_text(&it->in, &e->link))
        return false;
    return e->path.len > 0 || type == PL_FILE_OPAQUE;
}

bool pl_entry_next(struct pl_entry_iter *it, struct pl_entry *e)
{
    if (it->broken || it->in.len == 0)
        return false;
    *e = (struct pl_entry){ 0 };
    it->broken = !read_entry(it, e);
    return !it->broken;
}

void pl_owned_iter_init(struct pl_owned_iter *it, const struct pl_layer_report *r)
{
    it->in = r->owned_section;
    it->left = it->path_len = 0;
    it->type = it->package = PL_SPAN_NONE;
    it->broken = false;
}

static bool read_owned(struct pl_owned_iter *it, struct pl_owned *o)
{
    uint64_t n;
    if (it->left == 0) {
        if (!pl_span_text(&it->in, &it->type) || !pl_span_text(&it->in, &it->package) ||
            !pl_span_varint(&it->in, &n) || n == 0 || n > it->in.len)
            return false;
        it->left = (size_t)n;
        it->path_len = 0;
    }
    it->left--;
    if (!next_path(&it->in, it->path, sizeof(it->path), &it->path_len) ||
        !pl_span_text(&it->in, &o->digest))
        return false;
    o->type = it->type;
    o->package = it->package;
    o->path = pl_span_of(it->path, it->path_len);
    return true;
}

bool pl_owned_next(struct pl_owned_iter *it, struct pl_owned *o)
{
    if (it->broken || (it->in.len == 0 && it->left == 0))
        return false;
    it->broken = !read_owned(it, o);
    return !it->broken;
}

/* ---- the rest of the report ---- */

static pl_rc bad(struct pl_err *err, const char *what)
{
    return pl_fail(err, PL_EFORMAT, "layer report: broken %s", what);
}

static pl_rc room_for(struct pl_arena *a, uint64_t n, size_t limit, pl_span in, size_t size,
                      void *out, struct pl_err *err)
{
    if (n > in.len || n > limit)
        return bad(err, "count");
    void *p = pl_arena_array(a, (size_t)n, size);
    if (!p)
        return pl_fail(err, PL_ELIMIT, "layer report: no room for %llu records",
                       (unsigned long long)n);
    memcpy(out, &p, sizeof(p));
    return PL_OK;
}

static bool read_digest(pl_span *in, pl_digest *out)
{
    pl_span text;
    *out = (pl_digest){ 0 };
    return pl_span_text(in, &text) && (text.len == 0 || pl_digest_parse(text, out, NULL) == PL_OK);
}

static pl_rc read_totals(pl_span in, struct pl_layer_totals *t, struct pl_err *err)
{
    if (!read_digest(&in, &t->digest) || !read_digest(&in, &t->diff_id) ||
        !pl_span_varint(&in, &t->size) || !pl_span_varint(&in, &t->stored_size) || in.len)
        return bad(err, "totals");
    return PL_OK;
}

/* Texts that are the same as in the record before are left out, and a bit says so. */
static bool read_package(pl_span *in, const struct pl_package *before, struct pl_package *p)
{
    uint64_t same, flags;
    if (!pl_span_varint(in, &same))
        return false;
    for (size_t i = 0; i < PL_COUNT(pl_form_package_texts); i++) {
        size_t at = pl_form_package_texts[i];
        if (same & (uint64_t)1 << i)
            *pl_form_text(p, at) =
                before ? *pl_form_text((void *)(uintptr_t)before, at) : PL_SPAN_NONE;
        else if (!pl_span_text(in, pl_form_text(p, at)))
            return false;
    }
    if (!pl_span_varint(in, &flags) || flags > UINT32_MAX)
        return false;
    p->flags = (uint32_t)flags;
    return true;
}

static pl_rc read_packages(pl_span in, const struct pl_limits *limits, struct pl_arena *a,
                           struct pl_layer_report *r, struct pl_err *err)
{
    uint64_t n;
    if (!pl_span_varint(&in, &n))
        return bad(err, "packages");
    pl_rc rc = room_for(a, n, limits->packages, in, sizeof(*r->packages), &r->packages, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (!read_package(&in, i ? &r->packages[i - 1] : NULL, &r->packages[i]))
            return bad(err, "package");
    r->n_packages = (size_t)n;
    return in.len ? bad(err, "packages") : PL_OK;
}

static pl_rc read_databases(pl_span in, const struct pl_limits *limits, struct pl_arena *a,
                            struct pl_layer_report *r, struct pl_err *err)
{
    uint64_t n;
    if (!pl_span_varint(&in, &n))
        return bad(err, "databases");
    pl_rc rc = room_for(a, n, limits->layer_entries, in, sizeof(*r->databases), &r->databases, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (!pl_span_text(&in, &r->databases[i].path) ||
            !pl_span_text(&in, &r->databases[i].analyzer) ||
            !pl_span_varint(&in, &r->databases[i].n_packages))
            return bad(err, "database");
    r->n_databases = (size_t)n;
    return in.len ? bad(err, "databases") : PL_OK;
}

static pl_rc read_facts(pl_span in, const struct pl_limits *limits, struct pl_arena *a,
                        struct pl_layer_report *r, struct pl_err *err)
{
    uint64_t n;
    if (!pl_span_varint(&in, &n))
        return bad(err, "facts");
    pl_rc rc = room_for(a, n, limits->layer_entries, in, sizeof(*r->facts), &r->facts, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (!pl_span_text(&in, &r->facts[i].kind) || !pl_span_text(&in, &r->facts[i].path) ||
            !pl_span_text(&in, &r->facts[i].bytes))
            return bad(err, "fact");
    r->n_facts = (size_t)n;
    return in.len ? bad(err, "facts") : PL_OK;
}

static bool is_reason(pl_span word)
{
    static const char *const reasons[] = { "limit",          "broken",        "encrypted",
                                           "unknown-format", "crashed",       "unreadable",
                                           "missing",        "timeout",       "unsupported",
                                           "end-of-life",    "no-advisories", "third-party" };
    for (size_t i = 0; i < PL_COUNT(reasons); i++)
        if (pl_span_eq(word, pl_span_str(reasons[i])))
            return true;
    return false;
}

static pl_rc read_gaps(pl_span in, const struct pl_limits *limits, struct pl_arena *a,
                       struct pl_layer_report *r, struct pl_err *err)
{
    uint64_t n;
    if (!pl_span_varint(&in, &n))
        return bad(err, "gaps");
    pl_rc rc = room_for(a, n, limits->layer_entries, in, sizeof(*r->gaps), &r->gaps, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        struct pl_gap *g = &r->gaps[i];
        g->layer = -1;
        if (!pl_span_text(&in, &g->path) || !pl_span_text(&in, &g->reason) ||
            !pl_span_text(&in, &g->detail) || !is_reason(g->reason))
            return bad(err, "gap");
    }
    r->n_gaps = (size_t)n;
    return in.len ? bad(err, "gaps") : PL_OK;
}

/* Entries and owned files are read by the iterators; here only their number. */
static pl_rc read_stream(pl_span in, size_t limit, size_t *n, pl_span *section, struct pl_err *err)
{
    uint64_t count;
    if (!pl_span_varint(&in, &count) || count > in.len || count > limit)
        return bad(err, "count");
    *n = (size_t)count;
    *section = in;
    return PL_OK;
}

static pl_rc read_section(unsigned tag, pl_span body, const struct pl_limits *limits,
                          struct pl_arena *a, struct pl_layer_report *r, struct pl_err *err)
{
    switch (tag) {
    case PL_FORM_TOTALS: return read_totals(body, &r->totals, err);
    case PL_FORM_PACKAGES: return read_packages(body, limits, a, r, err);
    case PL_FORM_DATABASES: return read_databases(body, limits, a, r, err);
    case PL_FORM_FACTS: return read_facts(body, limits, a, r, err);
    case PL_FORM_GAPS: return read_gaps(body, limits, a, r, err);
    case PL_FORM_ENTRIES:
        return read_stream(body, limits->layer_entries, &r->n_entries, &r->entries_section, err);
    case PL_FORM_OWNED: return read_stream(body, SIZE_MAX, &r->n_owned, &r->owned_section, err);
    default: return PL_OK;
    }
}

pl_rc pl_layer_report_decode(pl_span in, const struct pl_limits *limits, struct pl_arena *a,
                             struct pl_layer_report *out, struct pl_err *err)
{
    struct pl_layer_report r = { 0 };
    uint32_t seen = 0;
    if (!pl_span_skip_lit(&in, PL_LIT(PL_FORM_MAGIC)))
        return pl_fail(err, PL_EFORMAT, "layer report: not one");
    while (in.len) {
        uint8_t tag;
        pl_span body;
        if (!pl_span_u8(&in, &tag) || !pl_span_text(&in, &body))
            return bad(err, "section");
        if (tag < 32 && seen & (uint32_t)1 << tag)
            return bad(err, "section: it comes twice");
        seen |= tag < 32 ? (uint32_t)1 << tag : 0;
        pl_rc rc = read_section(tag, body, limits, a, &r, err);
        if (rc)
            return rc;
    }
    if (!(seen & 1u << PL_FORM_TOTALS))
        return bad(err, "end: no totals");
    *out = r;
    return PL_OK;
}
