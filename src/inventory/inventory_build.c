#include "inventory/inventory_build.h"

#include <stdlib.h>

#include "base/map.h"
#include "inventory/owners.h"

/* Anything found at a path of a layer that an upper layer may take away or replace: a package
 * database (with its packages), a fact, a gap. */
enum item_kind { ITEM_DATABASE, ITEM_FACT, ITEM_GAP };

struct item {
    pl_span path;
    enum item_kind kind;
    uint32_t layer;                    /* place in the builder's layers, not in the image */
    int32_t hidden_by;                 /* likewise; -1: visible in the image */
    size_t which;                      /* fact or gap of that layer's report */
    pl_span analyzer;                  /* of a database */
    const struct pl_package *packages; /* of a database: a run of the layer's packages */
    size_t n_packages;
};

struct builder {
    const struct pl_image *image;
    const struct pl_layer_bytes *in;
    struct pl_layer_report *reports;
    size_t n;
    const struct pl_limits *limits;
    struct pl_arena *tmp, *keep;
    struct pl_vec items;   /* struct item */
    struct item **by_path; /* sorted */
    struct pl_vec packages, facts, gaps;
};

static struct pl_err *no_room(struct pl_err *err)
{
    pl_fail(err, PL_ELIMIT, "inventory: more than its memory allows");
    return err;
}
#define NO_ROOM(err) (no_room(err), PL_ELIMIT)

static bool keep_text(struct builder *b, pl_span *s) { return pl_arena_copy(b->keep, *s, s); }

static struct item *add_item(struct builder *b, enum item_kind kind, size_t layer, pl_span path)
{
    struct item *i = pl_vec_push(b->tmp, &b->items);
    if (i)
        *i = (struct item){ .kind = kind, .layer = (uint32_t)layer, .path = path, .hidden_by = -1 };
    return i;
}

static int by_file(const void *x, const void *y)
{
    const struct pl_package *a = x, *b = y;
    const pl_span xs[] = { a->path, a->analyzer, a->name, a->arch, a->version, a->module };
    const pl_span ys[] = { b->path, b->analyzer, b->name, b->arch, b->version, b->module };
    for (size_t i = 0; i < PL_COUNT(xs); i++) {
        int c = pl_span_cmp(xs[i], ys[i]);
        if (c)
            return c;
    }
    return 0;
}

/* A layer report has its packages in order of their names; here those of one file are wanted
 * together. Of most files there is one package, or of one file all. */
static bool add_databases(struct builder *b, size_t layer)
{
    const struct pl_layer_report *r = &b->reports[layer];
    if (r->n_packages > 1)
        qsort(r->packages, r->n_packages, sizeof(*r->packages), by_file);
    struct pl_map seen __attribute__((cleanup(pl_auto_map))) = { 0 };
    for (size_t at = 0; at < r->n_packages;) {
        size_t end = at + 1;
        while (end < r->n_packages && pl_span_eq(r->packages[end].path, r->packages[at].path) &&
               pl_span_eq(r->packages[end].analyzer, r->packages[at].analyzer))
            end++;
        struct item *i = add_item(b, ITEM_DATABASE, layer, r->packages[at].path);
        void **slot = i ? pl_map_at(&seen, i->path) : NULL;
        if (!slot)
            return false;
        i->analyzer = r->packages[at].analyzer;
        i->packages = &r->packages[at];
        i->n_packages = end - at;
        *slot = &seen;
        at = end;
    }
    for (size_t k = 0; k < r->n_databases; k++) {
        if (pl_map_get(&seen, r->databases[k].path))
            continue;
        struct item *i = add_item(b, ITEM_DATABASE, layer, r->databases[k].path);
        if (!i)
            return false;
        i->analyzer = r->databases[k].analyzer;
    }
    return true;
}

static bool add_layer_items(struct builder *b, size_t layer)
{
    const struct pl_layer_report *r = &b->reports[layer];
    if (!add_databases(b, layer))
        return false;
    for (size_t k = 0; k < r->n_facts; k++) {
        struct item *i = add_item(b, ITEM_FACT, layer, r->facts[k].path);
        if (!i)
            return false;
        i->which = k;
    }
    for (size_t k = 0; k < r->n_gaps; k++) {
        struct item *i = add_item(b, ITEM_GAP, layer, r->gaps[k].path);
        if (!i)
            return false;
        i->which = k;
    }
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    int c = pl_span_cmp(x->path, y->path);
    if (c)
        return c;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return (x > y) - (x < y); /* items are one array: their order is that of finding */
}

static bool sort_items(struct builder *b)
{
    b->by_path = pl_arena_array(b->tmp, b->items.n, sizeof(*b->by_path));
    if (!b->by_path)
        return false;
    for (size_t i = 0; i < b->items.n; i++)
        b->by_path[i] = (struct item *)b->items.items + i;
    qsort(b->by_path, b->items.n, sizeof(*b->by_path), by_path);
    return true;
}

/* First item whose path is not before dir, or dir + "/" when below is asked. */
static size_t lower_bound(const struct builder *b, pl_span dir, bool below)
{
    size_t from = 0, to = b->items.n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        pl_span path = b->by_path[mid]->path;
        int c = pl_span_cmp(pl_span_sub(path, 0, dir.len), dir);
        if (c == 0 && below)
            c = path.len > dir.len && (unsigned char)path.ptr[dir.len] >= '/' ? 0 : -1;
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void hide(struct item *i, size_t by)
{
    if (i->layer < by && i->hidden_by < 0)
        i->hidden_by = (int32_t)by;
}

static void hide_same(struct builder *b, pl_span path, size_t by)
{
    for (size_t i = lower_bound(b, path, false); i < b->items.n; i++) {
        if (!pl_span_eq(b->by_path[i]->path, path))
            break;
        hide(b->by_path[i], by);
    }
}

static void hide_below(struct builder *b, pl_span dir, size_t by)
{
    size_t i = dir.len ? lower_bound(b, dir, true) : 0;
    for (; i < b->items.n; i++) {
        pl_span path = b->by_path[i]->path;
        if (dir.len &&
            !(pl_span_starts(path, dir) && path.len > dir.len && path.ptr[dir.len] == '/'))
            break;
        hide(b->by_path[i], by);
    }
}

/* OCI image-spec layer.md: whiteouts and opaque directories speak of lower layers only; any other
 * entry but a directory replaces what stood at its path, with all that was below. */
static pl_rc lay_over(struct builder *b, size_t layer, struct pl_err *err)
{
    struct pl_entry_iter it;
    struct pl_entry e;
    pl_entry_iter_init(&it, &b->reports[layer]);
    while (pl_entry_next(&it, &e)) {
        if (e.type == PL_FILE_OPAQUE) {
            hide_below(b, e.path, layer);
            continue;
        }
        hide_same(b, e.path, layer);
        if (e.type != PL_FILE_DIR)
            hide_below(b, e.path, layer);
    }
    if (it.broken)
        return pl_fail(err, PL_EFORMAT, "layer report: broken entries");
    return PL_OK;
}

/* rpm and apk have one database in an image, whatever the path it has moved to; a dpkg status.d
 * file, or an application's file, stands for itself. */
static bool moves(pl_span analyzer)
{
    return pl_span_eq(analyzer, PL_LIT("rpm")) || pl_span_eq(analyzer, PL_LIT("apk"));
}

static bool same_group(const struct item *a, const struct item *b)
{
    if (!pl_span_eq(a->analyzer, b->analyzer))
        return false;
    return moves(a->analyzer) || pl_span_eq(a->path, b->path);
}

/* sqlite over ndb over bdb, where two lie in one layer: rpm itself moves that way. */
static int db_rank(pl_span path)
{
    if (pl_span_ends(path, PL_LIT("rpmdb.sqlite")))
        return 2;
    return pl_span_ends(path, PL_LIT("Packages.db")) ? 1 : 0;
}

static bool newer_db(const struct item *a, const struct item *b)
{
    if (a->layer != b->layer)
        return a->layer > b->layer;
    if ((a->n_packages == 0) != (b->n_packages == 0))
        return a->n_packages > 0;
    return db_rank(a->path) > db_rank(b->path);
}

static bool better_predecessor(const struct item *i, const struct item *of, const struct item *best)
{
    if (i->kind != ITEM_DATABASE || i->layer >= of->layer || !same_group(i, of))
        return false;
    bool there = i->hidden_by < 0 || (uint32_t)i->hidden_by >= of->layer;
    return there && (!best || newer_db(i, best));
}

/* The database as it was just below this layer. One that never moves is found by its path. */
static const struct item *predecessor(const struct builder *b, const struct item *of)
{
    const struct item *best = NULL;
    bool anywhere = moves(of->analyzer);
    for (size_t k = anywhere ? 0 : lower_bound(b, of->path, false); k < b->items.n; k++) {
        if (!anywhere && !pl_span_eq(b->by_path[k]->path, of->path))
            break;
        if (better_predecessor(b->by_path[k], of, best))
            best = b->by_path[k];
    }
    return best;
}

static pl_span package_key(const struct pl_package *p, struct pl_buf *key)
{
    key->len = 0;
    pl_buf_text(key, p->type);
    pl_buf_text(key, p->name);
    pl_buf_text(key, p->arch);
    pl_buf_text(key, p->version);
    pl_buf_text(key, p->module);
    return pl_buf_span(key);
}

/* For each package of the database: the lowest layer of the unbroken run in which the same version
 * stood there. The map holds, for each key, that layer plus one. */
static pl_rc first_layers(struct builder *b, const struct item *db, struct pl_map *map,
                          struct pl_err *err)
{
    size_t n_chain = 0;
    const struct item **chain = pl_arena_array(b->tmp, b->n + 1, sizeof(*chain));
    if (!chain)
        return NO_ROOM(err);
    for (const struct item *i = db; i && n_chain <= b->n; i = predecessor(b, i))
        chain[n_chain++] = i;

    struct pl_buf key __attribute__((cleanup(pl_auto_buf))) = { 0 };
    struct pl_map below __attribute__((cleanup(pl_auto_map))) = { 0 };
    while (n_chain--) {
        const struct item *i = chain[n_chain];
        struct pl_map here = { 0 };
        for (size_t k = 0; k < i->n_packages; k++) {
            pl_span name = package_key(&i->packages[k], &key);
            void *before = pl_map_get(&below, name);
            pl_span kept;
            void **slot = pl_arena_copy(b->tmp, name, &kept) ? pl_map_at(&here, kept) : NULL;
            if (!slot || key.failed) {
                pl_map_done(&here);
                return NO_ROOM(err);
            }
            *slot = before ? before : (void *)((uintptr_t)i->layer + 1);
        }
        pl_map_done(&below);
        below = here;
    }
    *map = below;
    below = (struct pl_map){ 0 };
    return PL_OK;
}

static bool keep_package(struct builder *b, const struct pl_package *from, uint32_t layer)
{
    struct pl_package *p = pl_vec_push(b->keep, &b->packages);
    if (!p)
        return false;
    *p = *from;
    p->layer = layer;
    return keep_text(b, &p->type) && keep_text(b, &p->name) && keep_text(b, &p->version) &&
           keep_text(b, &p->arch) && keep_text(b, &p->source_name) &&
           keep_text(b, &p->source_version) && keep_text(b, &p->vendor) &&
           keep_text(b, &p->module) && keep_text(b, &p->licenses) && keep_text(b, &p->status) &&
           keep_text(b, &p->path) && keep_text(b, &p->analyzer) && keep_text(b, &p->repository) &&
           keep_text(b, &p->owner);
}

/* A file that no lower layer had: fifty thousand modules are that. */
static pl_rc keep_new(struct builder *b, const struct item *db, struct pl_err *err)
{
    for (size_t k = 0; k < db->n_packages; k++) {
        if (b->packages.n >= b->limits->packages)
            return pl_fail(err, PL_ELIMIT, "more than %zu packages", b->limits->packages);
        if (!keep_package(b, &db->packages[k], b->in[db->layer].index))
            return NO_ROOM(err);
    }
    return PL_OK;
}

static pl_rc keep_database(struct builder *b, const struct item *db, struct pl_err *err)
{
    if (!predecessor(b, db))
        return keep_new(b, db, err);
    struct pl_map first __attribute__((cleanup(pl_auto_map))) = { 0 };
    struct pl_buf key __attribute__((cleanup(pl_auto_buf))) = { 0 };
    pl_rc rc = first_layers(b, db, &first, err);
    if (rc)
        return rc;
    for (size_t k = 0; k < db->n_packages; k++) {
        if (b->packages.n >= b->limits->packages)
            return pl_fail(err, PL_ELIMIT, "more than %zu packages", b->limits->packages);
        void *layer = pl_map_get(&first, package_key(&db->packages[k], &key));
        uint32_t index = layer ? (uint32_t)((uintptr_t)layer - 1) : db->layer;
        if (!keep_package(b, &db->packages[k], b->in[index].index))
            return NO_ROOM(err);
    }
    return PL_OK;
}

static bool add_gap(struct builder *b, const struct pl_gap *from, int32_t layer)
{
    struct pl_gap *g = pl_vec_push(b->keep, &b->gaps);
    if (!g)
        return false;
    *g = *from;
    g->layer = layer;
    return keep_text(b, &g->class_name) && keep_text(b, &g->path) && keep_text(b, &g->reason) &&
           keep_text(b, &g->detail);
}

/* Of several visible rpm databases one is in use; the others are said, not judged. */
static pl_rc keep_databases(struct builder *b, struct pl_err *err)
{
    struct item *items = b->items.items;
    for (size_t k = 0; k < b->items.n; k++) {
        struct item *i = &items[k];
        if (i->kind != ITEM_DATABASE || i->hidden_by >= 0)
            continue;
        const struct item *better = NULL;
        for (size_t j = 0; moves(i->analyzer) && j < b->items.n; j++)
            if (j != k && items[j].kind == ITEM_DATABASE && items[j].hidden_by < 0 &&
                same_group(&items[j], i) && newer_db(&items[j], i))
                better = &items[j];
        if (!better) {
            pl_rc rc = keep_database(b, i, err);
            if (rc)
                return rc;
        } else if (i->n_packages) {
            char *detail = pl_arena_printf(b->keep, "an older %.*s database; %.*s is in use",
                                           PL_FMT(i->analyzer), PL_FMT(better->path));
            struct pl_gap gap = { .class_name = PL_LIT("os-vuln"),
                                  .path = i->path,
                                  .reason = PL_LIT("unsupported"),
                                  .detail = pl_span_str(detail) };
            if (!detail || !add_gap(b, &gap, (int32_t)b->in[i->layer].index))
                return NO_ROOM(err);
        }
    }
    return PL_OK;
}

static pl_rc keep_facts_and_gaps(struct builder *b, struct pl_err *err)
{
    const struct item *items = b->items.items;
    for (size_t k = 0; k < b->items.n; k++) {
        const struct item *i = &items[k];
        int32_t layer = (int32_t)b->in[i->layer].index;
        if (i->hidden_by >= 0) /* taken away above: nobody asks for it any more */
            continue;
        if (i->kind == ITEM_FACT) {
            struct pl_fact *f = pl_vec_push(b->keep, &b->facts);
            if (!f)
                return NO_ROOM(err);
            *f = b->reports[i->layer].facts[i->which];
            f->layer = layer;
            if (!keep_text(b, &f->kind) || !keep_text(b, &f->path) || !keep_text(b, &f->bytes))
                return NO_ROOM(err);
        } else if (i->kind == ITEM_GAP &&
                   !add_gap(b, &b->reports[i->layer].gaps[i->which], layer)) {
            return NO_ROOM(err);
        }
    }
    return PL_OK;
}

static int package_order(const void *a, const void *b)
{
    const struct pl_package *x = a, *y = b;
    const pl_span xs[] = { x->type, x->name, x->arch, x->version, x->path };
    const pl_span ys[] = { y->type, y->name, y->arch, y->version, y->path };
    for (size_t i = 0; i < PL_COUNT(xs); i++) {
        int c = pl_span_cmp(xs[i], ys[i]);
        if (c)
            return c;
    }
    return (x->layer > y->layer) - (x->layer < y->layer);
}

static int fact_order(const void *a, const void *b)
{
    const struct pl_fact *x = a, *y = b;
    int c = pl_span_cmp(x->path, y->path);
    return c ? c : pl_span_cmp(x->kind, y->kind);
}

static pl_rc read_layers(struct builder *b, struct pl_inventory *out, struct pl_err *err)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->in[i].bytes.len == 0) {
            out->all_layers_read = false;
            continue;
        }
        pl_rc rc = pl_layer_report_decode(b->in[i].bytes, b->limits, b->tmp, &b->reports[i], err);
        if (rc)
            return pl_wrap(err, "layer %u", b->in[i].index);
        out->n_files += b->reports[i].n_entries;
        if (!add_layer_items(b, i))
            return NO_ROOM(err);
    }
    if (!sort_items(b))
        return NO_ROOM(err);
    for (size_t i = 1; i < b->n; i++) {
        pl_rc rc = b->in[i].bytes.len && b->items.n ? lay_over(b, i, err) : PL_OK;
        if (rc)
            return pl_wrap(err, "layer %u", b->in[i].index);
    }
    return PL_OK;
}

static pl_rc build(struct builder *b, struct pl_inventory *out, struct pl_err *err)
{
    b->reports = pl_arena_array(b->tmp, b->n, sizeof(*b->reports));
    if (!b->reports)
        return NO_ROOM(err);
    pl_rc rc = read_layers(b, out, err);
    if (!rc)
        rc = keep_databases(b, err);
    if (!rc)
        rc = keep_facts_and_gaps(b, err);
    if (rc)
        return rc;
    if (b->packages.n) /* an array without elements has no address, which qsort() must have */
        qsort(b->packages.items, b->packages.n, sizeof(struct pl_package), package_order);
    if (b->facts.n)
        qsort(b->facts.items, b->facts.n, sizeof(struct pl_fact), fact_order);
    b->packages.n = pl_inventory_drop_echoes(b->packages.items, b->packages.n);
    rc = pl_inventory_owners(b->packages.items, b->packages.n, b->reports, b->n, b->tmp, b->keep,
                             err);
    if (rc)
        return rc;
    out->packages = b->packages.items;
    out->n_packages = b->packages.n;
    out->facts = b->facts.items;
    out->n_facts = b->facts.n;
    out->gaps = b->gaps.items;
    out->n_gaps = b->gaps.n;
    rc = pl_os_detect(out->facts, out->n_facts, b->keep, &out->os);
    return rc ? NO_ROOM(err) : PL_OK;
}

pl_rc pl_inventory_build(const struct pl_image *image, const struct pl_layer_bytes *layers,
                         size_t n, const struct pl_limits *limits, struct pl_arena *keep,
                         struct pl_inventory *out, struct pl_err *err)
{
    struct pl_arena tmp __attribute__((cleanup(pl_auto_arena)));
    pl_arena_init(&tmp, keep->ceiling);
    struct builder b = { .image = image,
                         .in = layers,
                         .n = n,
                         .limits = limits,
                         .tmp = &tmp,
                         .keep = keep,
                         .items = PL_VEC(struct item),
                         .packages = PL_VEC(struct pl_package),
                         .facts = PL_VEC(struct pl_fact),
                         .gaps = PL_VEC(struct pl_gap) };
    struct pl_inventory inv = { .image = image, .all_layers_read = true };
    pl_rc rc = build(&b, &inv, err);
    if (!rc)
        *out = inv;
    return rc;
}
