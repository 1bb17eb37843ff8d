/* rpm_sqlite.c - rpm's newest container: table Packages(hnum, blob) of a SQLite file.
 *
 * Not by the SQLite library: it wants a file system, and this runs where there is none, on bytes
 * that somebody may have made to break it. Only what the task needs is read: the schema table for
 * Packages' root page, its b-tree, overflow pages, and a write-ahead log that was not merged.
 * Spec: https://www.sqlite.org/fileformat2.html, by section. */
#include "analyzer/rpm.h"

enum { FILE_HEAD = 100, INTERIOR = 0x05, LEAF = 0x0d, MAX_DEPTH = 40 };

struct db {
    struct pl_rpm *r;
    pl_span file, wal;
    uint32_t page_size, usable, n_pages;
    uint32_t *frames; /* for page n: 1 + place of its newest committed frame in wal; 0: in file */
    struct pl_seen seen;
};

bool pl_rpm_is_sqlite(pl_span bytes) { return pl_span_starts(bytes, PL_LIT("SQLite format 3\0")); }

/* ---- pages, 1.3 and 4 ---- */

/* Page numbers begin at 1. */
static pl_span page_at(const struct db *d, uint32_t number)
{
    pl_span page = PL_SPAN_NONE;
    if (number == 0 || number > d->n_pages)
        return page;
    if (d->frames && d->frames[number])
        page = pl_span_sub(d->wal, d->frames[number] - 1, d->page_size);
    else
        page = pl_span_sub(d->file, (size_t)(number - 1) * d->page_size, d->page_size);
    return page.len == d->page_size ? page : PL_SPAN_NONE;
}

struct sum {
    uint32_t a, b;
    bool big;
};

/* 4.2: both sums run over all pairs of words; bytes is a multiple of 8. */
static void sum_add(struct sum *s, pl_span bytes)
{
    uint32_t x = 0, y = 0;
    while (s->big ? pl_span_u32be(&bytes, &x) && pl_span_u32be(&bytes, &y)
                  : pl_span_u32le(&bytes, &x) && pl_span_u32le(&bytes, &y)) {
        s->a += x + s->b;
        s->b += y + s->a;
    }
}

struct wal {
    struct sum sum;
    pl_span salts;
};

static bool wal_open(const struct db *d, struct wal *w)
{
    pl_span in = d->wal, head = pl_span_sub(in, 0, 24);
    uint32_t magic, version, page_size, a, b;
    if (!pl_span_u32be(&in, &magic) || !pl_span_u32be(&in, &version) ||
        !pl_span_u32be(&in, &page_size) || !pl_span_skip(&in, 4) ||
        !pl_span_take(&in, 8, &w->salts) || !pl_span_u32be(&in, &a) || !pl_span_u32be(&in, &b))
        return false;
    w->sum = (struct sum){ .big = magic & 1 };
    sum_add(&w->sum, head);
    return (magic & ~1u) == 0x377f0682 && page_size == d->page_size && w->sum.a == a &&
           w->sum.b == b;
}

/* One frame at `at`: false when it is stale or broken, where the log ends. */
static bool wal_frame(const struct db *d, struct wal *w, size_t at, uint32_t *page,
                      uint32_t *commit)
{
    pl_span in = pl_span_from(d->wal, at), head, salts, body;
    uint32_t a, b;
    if (!pl_span_take(&in, 8, &head) || !pl_span_take(&in, 8, &salts) || !pl_span_u32be(&in, &a) ||
        !pl_span_u32be(&in, &b) || !pl_span_take(&in, d->page_size, &body) ||
        !pl_span_eq(salts, w->salts))
        return false;
    sum_add(&w->sum, head);
    sum_add(&w->sum, body);
    return w->sum.a == a && w->sum.b == b && pl_span_u32be(&head, page) &&
           pl_span_u32be(&head, commit);
}

/* Where each page's newest committed version lies. The log is read twice: first to find the last
 * commit, then to note the frames up to it. */
static bool wal_apply(struct db *d)
{
    struct wal w;
    size_t frame = d->page_size + 24u, end = 32;
    size_t most = d->n_pages + d->wal.len / frame; /* more pages than this cannot be */
    uint32_t page, commit, n_pages = d->n_pages;
    if (!wal_open(d, &w) || d->wal.len > UINT32_MAX)
        return true;
    for (size_t at = 32; wal_frame(d, &w, at, &page, &commit); at += frame)
        if (commit && commit <= most) {
            end = at + frame;
            n_pages = commit;
        }
    if (end == 32)
        return true;
    d->frames = pl_arena_array(d->r->in->tmp, most + 1, sizeof(*d->frames));
    for (size_t at = 32; d->frames && at < end; at += frame) {
        pl_span in = pl_span_from(d->wal, at);
        if (pl_span_u32be(&in, &page) && page <= most)
            d->frames[page] = (uint32_t)(at + 24 + 1);
    }
    d->n_pages = n_pages;
    return d->frames != NULL;
}

/* ---- records, 1.6, 2.1 ---- */

static bool varint(pl_span *in, uint64_t *out)
{
    uint64_t v = 0;
    uint8_t byte;
    pl_span rest = *in;
    for (int i = 0; i < 9; i++) {
        if (!pl_span_u8(&rest, &byte))
            return false;
        v = i == 8 ? v << 8 | byte : v << 7 | (byte & 0x7f);
        if (i == 8 || !(byte & 0x80))
            break;
    }
    *in = rest;
    *out = v;
    return true;
}

static uint64_t column_size(uint64_t type)
{
    static const uint8_t sizes[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };
    return type < 12 ? sizes[type] : (type - 12) / 2;
}

struct record {
    pl_span types, values;
};

static bool record_open(pl_span payload, struct record *out)
{
    pl_span in = payload;
    uint64_t head;
    if (!varint(&in, &head) || head > payload.len || head < payload.len - in.len)
        return false;
    out->types = pl_span_sub(in, 0, (size_t)head - (payload.len - in.len));
    out->values = pl_span_from(payload, (size_t)head);
    return true;
}

static bool record_next(struct record *rec, uint64_t *type, pl_span *value)
{
    if (!varint(&rec->types, type))
        return false;
    uint64_t size = column_size(*type);
    return size <= rec->values.len && pl_span_take(&rec->values, (size_t)size, value);
}

/* A cell's whole payload: where it does not fit into the page, the rest is on a chain of overflow
 * pages (1.5). False when the chain is broken. */
static bool payload(struct db *d, pl_span cell, bool *broken, pl_span *out)
{
    uint64_t size, rowid;
    *broken = true;
    if (!varint(&cell, &size) || !varint(&cell, &rowid) || size > d->file.len + d->wal.len)
        return false;
    size_t max = d->usable - 35, min = (d->usable - 12) * 32 / 255 - 23;
    size_t local = min + ((size_t)size - min) % (d->usable - 4);
    if (size <= max)
        return pl_span_take(&cell, (size_t)size, out);
    struct pl_buf *blob = &d->r->blob;
    uint32_t next;
    pl_span part;
    blob->len = 0;
    if (!pl_span_take(&cell, local <= max ? local : min, &part) || !pl_span_u32be(&cell, &next))
        return false;
    pl_buf_add(blob, part);
    while (blob->len < size) {
        pl_span page = page_at(d, next);
        if (!page.len || !pl_seen_first(&d->seen, next) || !pl_span_u32be(&page, &next))
            return false;
        pl_span_take(&page, d->usable - 4, &part);
        pl_buf_add(blob, pl_span_sub(part, 0, (size_t)size - blob->len));
        if (blob->failed)
            return false;
    }
    *out = pl_buf_span(blob);
    return true;
}

/* ---- b-trees, 1.5 ---- */

typedef pl_rc (*row_fn)(struct db *d, pl_span payload, uint32_t page, struct pl_err *err);

static pl_rc leaf_page(struct db *d, uint32_t number, pl_span page, size_t head, uint16_t n,
                       row_fn row, struct pl_err *err)
{
    for (size_t i = 0; i < n; i++) {
        pl_span at = pl_span_from(page, head + 8 + 2 * i), all = PL_SPAN_NONE;
        uint16_t offset;
        bool broken = false;
        if (!pl_span_u16be(&at, &offset) || offset >= d->usable ||
            !payload(d, pl_span_sub(page, offset, d->usable - offset), &broken, &all)) {
            pl_broken_add(&d->r->broken, "page %u: cell %zu cannot be followed", number, i);
            continue;
        }
        pl_rc rc = row(d, all, number, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

/* The pages still to be read; children go on in reverse, so that rows come in order. */
struct stack {
    uint32_t *pages;
    size_t n, room;
};

static bool push(struct db *d, struct stack *s, uint32_t page)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 256;
        uint32_t *pages = pl_arena_array(d->r->in->tmp, room, sizeof(*pages));
        if (!pages)
            return false;
        if (s->n)
            memcpy(pages, s->pages, s->n * sizeof(*pages));
        s->pages = pages;
        s->room = room;
    }
    s->pages[s->n++] = page;
    return true;
}

static bool push_children(struct db *d, struct stack *s, uint32_t number, pl_span page, size_t head,
                          uint16_t n)
{
    uint32_t child;
    pl_span right = pl_span_from(page, head + 8);
    bool ok = pl_span_u32be(&right, &child) && push(d, s, child);
    for (size_t i = n; ok && i-- > 0;) {
        pl_span at = pl_span_from(page, head + 12 + 2 * i);
        uint16_t offset;
        pl_span cell = pl_span_u16be(&at, &offset) ? pl_span_from(page, offset) : PL_SPAN_NONE;
        if (!pl_span_u32be(&cell, &child))
            pl_broken_add(&d->r->broken, "page %u: child %zu cannot be followed", number, i);
        else
            ok = push(d, s, child);
    }
    return ok;
}

/* Each page is visited once, so a tree that is no tree ends all the same, and the stack holds at
 * most a quarter of the file's bytes. */
static pl_rc walk_tree(struct db *d, uint32_t root, row_fn row, struct pl_err *err)
{
    struct stack todo = { 0 };
    if (!push(d, &todo, root))
        return pl_fail(err, PL_ELIMIT, "rpm: no memory for a b-tree");
    while (todo.n) {
        uint32_t number = todo.pages[--todo.n];
        pl_span page = page_at(d, number);
        size_t head = number == 1 ? FILE_HEAD : 0;
        pl_span in = pl_span_from(page, head);
        uint8_t type;
        uint16_t n;
        if (!pl_seen_first(&d->seen, number) || !pl_span_u8(&in, &type) || !pl_span_skip(&in, 2) ||
            !pl_span_u16be(&in, &n) || (type != LEAF && type != INTERIOR)) {
            pl_broken_add(&d->r->broken, "page %u: not where a table's page should be", number);
            continue;
        }
        if (type == INTERIOR && !push_children(d, &todo, number, page, head, n))
            return pl_fail(err, PL_ELIMIT, "rpm: no memory for a b-tree");
        pl_rc rc = type == LEAF ? leaf_page(d, number, page, head, n, row, err) : PL_OK;
        if (rc)
            return rc;
    }
    return PL_OK;
}

/* ---- rpm's table ---- */

/* hnum is the row's number and so null in the record; the header is the first blob. */
static pl_rc package_row(struct db *d, pl_span payload, uint32_t page, struct pl_err *err)
{
    struct record rec;
    uint64_t type;
    pl_span value;
    if (record_open(payload, &rec))
        while (record_next(&rec, &type, &value))
            if (type >= 12 && type % 2 == 0)
                return pl_rpm_blob(d->r, value, "page", page, err);
    pl_broken_add(&d->r->broken, "page %u: a row without a blob", page);
    return PL_OK;
}

/* sqlite_schema(type, name, tbl_name, rootpage, sql), 2.6. The root is kept in the first frame of
 * the search: d->root. */
struct search {
    struct db d; /* first, so that the row function finds the rest */
    uint32_t root;
};

static pl_rc schema_row(struct db *d, pl_span payload, uint32_t page, struct pl_err *err)
{
    struct search *s = (struct search *)d;
    struct record rec;
    uint64_t types[4];
    pl_span values[4];
    (void)page, (void)err;
    if (!record_open(payload, &rec))
        return PL_OK;
    for (size_t i = 0; i < 4; i++)
        if (!record_next(&rec, &types[i], &values[i]))
            return PL_OK;
    if (!pl_span_eq(values[0], PL_LIT("table")) ||
        !pl_span_eq_nocase(values[1], PL_LIT("Packages")) || values[3].len > 4)
        return PL_OK;
    s->root = types[3] == 9 ? 1 : 0;
    for (size_t i = 0; i < values[3].len; i++)
        s->root = s->root << 8 | (uint8_t)values[3].ptr[i];
    return PL_OK;
}

static bool open_db(struct db *d)
{
    pl_span in = pl_span_from(d->file, 16);
    uint16_t size;
    uint8_t reserved;
    if (!pl_span_u16be(&in, &size) || !pl_span_skip(&in, 2) || !pl_span_u8(&in, &reserved))
        return false;
    d->page_size = size == 1 ? 65536 : size;
    if (d->page_size < 512 || (d->page_size & (d->page_size - 1)) || reserved > d->page_size - 480)
        return false;
    d->usable = d->page_size - reserved;
    d->n_pages = (uint32_t)(d->file.len / d->page_size);
    return true;
}

pl_rc pl_rpm_sqlite(struct pl_rpm *r, struct pl_err *err)
{
    struct search s = { .d = { .r = r, .file = r->in->bytes, .wal = r->in->beside } };
    if (!open_db(&s.d)) {
        pl_broken_add(&r->broken, "the header of the SQLite file is broken");
        return PL_OK;
    }
    if (s.d.file.len % s.d.page_size)
        pl_broken_add(&r->broken, "the file ends within page %u", s.d.n_pages + 1);
    if (!wal_apply(&s.d) || !pl_seen_init(&s.d.seen, r->in->tmp, (size_t)s.d.n_pages + 1))
        return pl_fail(err, PL_ELIMIT, "rpm: no memory to note %u pages", s.d.n_pages);
    pl_rc rc = walk_tree(&s.d, 1, schema_row, err);
    if (rc)
        return rc;
    if (s.root == 0) {
        pl_broken_add(&r->broken, "no table Packages in the SQLite file");
        return PL_OK;
    }
    return walk_tree(&s.d, s.root, package_row, err);
}
