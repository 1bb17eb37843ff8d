/* Writing layer reports: what analyzers are handed. A layer may have millions of entries, so those
 * and the owned files are kept as packed bytes with an offset each, and sorted by offset. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/report_form.h"

enum { PATH_ROOM = 4096, MAX_GAPS = 1000 };

/* Packed records and where each begins. */
struct pile {
    struct pl_buf bytes;
    uint32_t *at;
    size_t n, room;
};

struct kept_package {
    struct pl_package p;
    uint32_t source, order;
};
struct kept_database {
    struct pl_database d;
    uint32_t source, order;
};
struct kept_fact {
    struct pl_fact f;
    uint32_t source, order;
};
struct kept_gap {
    struct pl_gap g;
    uint32_t source, order;
};
struct group {
    pl_span type, package;
};

struct pl_sink {
    const struct pl_limits *limits;
    struct pl_arena arena;
    struct pile entries, owned;
    struct pl_vec packages, databases, facts, gaps, groups;
    uint32_t source, order;
    struct pl_buf dropped; /* one byte a source */
    uint64_t n_gaps_more;  /* beyond MAX_GAPS */
};

struct pl_sink *pl_sink_new(const struct pl_limits *limits)
{
    struct pl_sink *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->limits = limits;
    pl_arena_init(&s->arena, limits->layer_report_bytes);
    size_t most = limits->layer_report_bytes < UINT32_MAX ? limits->layer_report_bytes : UINT32_MAX;
    s->entries.bytes.ceiling = s->owned.bytes.ceiling = most;
    s->packages = PL_VEC(struct kept_package);
    s->databases = PL_VEC(struct kept_database);
    s->facts = PL_VEC(struct kept_fact);
    s->gaps = PL_VEC(struct kept_gap);
    s->groups = PL_VEC(struct group);
    return s;
}

void pl_sink_free(struct pl_sink *s)
{
    if (!s)
        return;
    pl_arena_done(&s->arena);
    pl_buf_done(&s->entries.bytes);
    pl_buf_done(&s->owned.bytes);
    pl_buf_done(&s->dropped);
    free(s->entries.at);
    free(s->owned.at);
    free(s);
}

static pl_rc full(const struct pl_sink *s, struct pl_err *err)
{
    return pl_fail(err, PL_ELIMIT, "the layer report would be larger than %zu MiB",
                   s->limits->layer_report_bytes / PL_MIB);
}

/* ---- sources ---- */

uint32_t pl_sink_source(struct pl_sink *s)
{
    if (s->dropped.len == 0)
        pl_buf_char(&s->dropped, 0); /* source 0: of no file in particular */
    pl_buf_char(&s->dropped, 0);
    s->source = s->dropped.len ? (uint32_t)(s->dropped.len - 1) : 0;
    return s->source;
}

void pl_sink_drop(struct pl_sink *s, uint32_t source)
{
    if (source && source < s->dropped.len)
        s->dropped.ptr[source] = 1;
}

uint32_t pl_sink_n_results(const struct pl_sink *s) { return s->order; }

static bool is_dropped(const struct pl_sink *s, uint64_t source)
{
    return source < s->dropped.len && s->dropped.ptr[source];
}

/* ---- adding ---- */

static bool pile_begin(struct pile *p)
{
    if (p->n == p->room) {
        size_t room = p->room ? p->room * 2 : 256;
        uint32_t *at = realloc(p->at, room * sizeof(*at));
        if (!at)
            return false;
        p->at = at;
        p->room = room;
    }
    p->at[p->n] = (uint32_t)p->bytes.len;
    return true;
}

static pl_rc pile_end(struct pl_sink *s, struct pile *p, struct pl_err *err)
{
    uint64_t all = (uint64_t)s->entries.bytes.len + s->owned.bytes.len + s->arena.used;
    if (p->bytes.failed || all > s->limits->layer_report_bytes) {
        p->bytes.len = p->at[p->n];
        p->bytes.failed = false;
        return full(s, err);
    }
    p->n++;
    return PL_OK;
}

pl_rc pl_sink_entry(struct pl_sink *s, const struct pl_entry *e, struct pl_err *err)
{
    struct pl_buf *b = &s->entries.bytes;
    if (e->path.len > PATH_ROOM || s->entries.n >= s->limits->layer_entries)
        return pl_fail(err, PL_ELIMIT, "too many entries, or too long a path");
    if (!pile_begin(&s->entries))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_buf_text(b, e->path);
    pl_buf_char(b, (char)e->type);
    pl_buf_varint(b, e->mode);
    pl_buf_varint(b, e->uid);
    pl_buf_varint(b, e->gid);
    if (e->type == PL_FILE_REGULAR)
        pl_buf_varint(b, e->size);
    if (e->type == PL_FILE_SYMLINK || e->type == PL_FILE_HARDLINK)
        pl_buf_text(b, e->link);
    return pile_end(s, &s->entries, err);
}

pl_rc pl_sink_database(struct pl_sink *s, const struct pl_database *d, struct pl_err *err)
{
    struct kept_database *k = pl_vec_push(&s->arena, &s->databases);
    if (!k || !pl_arena_copy(&s->arena, d->path, &k->d.path) ||
        !pl_arena_copy(&s->arena, d->analyzer, &k->d.analyzer)) {
        s->databases.n -= k != NULL;
        return full(s, err);
    }
    k->d.n_packages = d->n_packages;
    k->source = s->source;
    k->order = s->order++;
    return PL_OK;
}

/* Neighbours share type, architecture, vendor, path: those are kept once. */
static bool copy_text(struct pl_sink *s, pl_span text, const pl_span *before, pl_span *out)
{
    if (text.len == 0)
        *out = PL_SPAN_NONE;
    else if (before && pl_span_eq(text, *before))
        *out = *before;
    else
        return pl_arena_copy(&s->arena, text, out);
    return true;
}

pl_rc pl_sink_package(struct pl_sink *s, const struct pl_package *p, struct pl_err *err)
{
    if (s->packages.n >= s->limits->packages)
        return pl_fail(err, PL_ELIMIT, "more than %zu packages", s->limits->packages);
    struct kept_package *k = pl_vec_push(&s->arena, &s->packages);
    if (!k)
        return full(s, err);
    struct kept_package *before = s->packages.n > 1 ? k - 1 : NULL;
    for (size_t i = 0; i < PL_COUNT(pl_form_package_texts); i++) {
        size_t at = pl_form_package_texts[i];
        if (!copy_text(s, *pl_form_text((void *)(uintptr_t)p, at),
                       before ? pl_form_text(&before->p, at) : NULL, pl_form_text(&k->p, at))) {
            s->packages.n--;
            return full(s, err);
        }
    }
    k->p.flags = p->flags;
    k->source = s->source;
    k->order = s->order++;
    return PL_OK;
}

/* The group of the owned file before, or a new one. */
static bool group_of(struct pl_sink *s, const struct pl_owned *o)
{
    struct group *last = s->groups.n ? (struct group *)s->groups.items + s->groups.n - 1 : NULL;
    if (last && pl_span_eq(last->type, o->type) && pl_span_eq(last->package, o->package))
        return true;
    struct group *g = pl_vec_push(&s->arena, &s->groups);
    if (g && pl_arena_copy(&s->arena, o->type, &g->type) &&
        pl_arena_copy(&s->arena, o->package, &g->package))
        return true;
    s->groups.n -= g != NULL;
    return false;
}

pl_rc pl_sink_owned(struct pl_sink *s, const struct pl_owned *o, struct pl_err *err)
{
    struct pl_buf *b = &s->owned.bytes;
    if (o->path.len > PATH_ROOM)
        return pl_fail(err, PL_ELIMIT, "a path is longer than %d bytes", PATH_ROOM);
    if (!group_of(s, o))
        return full(s, err);
    if (!pile_begin(&s->owned))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_buf_varint(b, s->source);
    pl_buf_varint(b, s->groups.n - 1);
    pl_buf_text(b, o->path);
    pl_buf_text(b, o->digest);
    return pile_end(s, &s->owned, err);
}

pl_rc pl_sink_fact(struct pl_sink *s, const struct pl_fact *f, struct pl_err *err)
{
    struct kept_fact *k = pl_vec_push(&s->arena, &s->facts);
    if (!k || !pl_arena_copy(&s->arena, f->kind, &k->f.kind) ||
        !pl_arena_copy(&s->arena, f->path, &k->f.path) ||
        !pl_arena_copy(&s->arena, f->bytes, &k->f.bytes)) {
        s->facts.n -= k != NULL;
        return full(s, err);
    }
    k->source = s->source;
    k->order = s->order++;
    return PL_OK;
}

void pl_sink_gap(struct pl_sink *s, pl_span path, const char *reason, const char *fmt, ...)
{
    char detail[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    struct kept_gap *k = s->gaps.n < MAX_GAPS ? pl_vec_push(&s->arena, &s->gaps) : NULL;
    if (!k || !pl_arena_copy(&s->arena, path, &k->g.path) ||
        !pl_arena_copy(&s->arena, pl_span_str(reason), &k->g.reason) ||
        !pl_arena_copy(&s->arena, pl_span_str(detail), &k->g.detail)) {
        s->gaps.n -= k != NULL;
        s->n_gaps_more++;
        return;
    }
    k->source = s->source;
    k->order = s->order++;
}

/* ---- encoding ---- */

#define CMP_TEXT(a, b)                                                                             \
    do {                                                                                           \
        int cmp_ = pl_span_cmp((a), (b));                                                          \
        if (cmp_)                                                                                  \
            return cmp_;                                                                           \
    } while (0)
#define CMP_NUMBER(a, b)                                                                           \
    do {                                                                                           \
        if ((a) != (b))                                                                            \
            return (a) < (b) ? -1 : 1;                                                             \
    } while (0)

static int package_order(const void *x, const void *y)
{
    const struct kept_package *a = x, *b = y;
    CMP_TEXT(a->p.type, b->p.type);
    CMP_TEXT(a->p.name, b->p.name);
    CMP_TEXT(a->p.arch, b->p.arch);
    CMP_TEXT(a->p.version, b->p.version);
    CMP_TEXT(a->p.path, b->p.path);
    CMP_NUMBER(a->order, b->order);
    return 0;
}

static int database_order(const void *x, const void *y)
{
    const struct kept_database *a = x, *b = y;
    CMP_TEXT(a->d.path, b->d.path);
    CMP_TEXT(a->d.analyzer, b->d.analyzer);
    CMP_NUMBER(a->order, b->order);
    return 0;
}

static int fact_order(const void *x, const void *y)
{
    const struct kept_fact *a = x, *b = y;
    CMP_TEXT(a->f.path, b->f.path);
    CMP_TEXT(a->f.kind, b->f.kind);
    CMP_NUMBER(a->order, b->order);
    return 0;
}

static int gap_order(const void *x, const void *y)
{
    const struct kept_gap *a = x, *b = y;
    CMP_TEXT(a->g.path, b->g.path);
    CMP_TEXT(a->g.reason, b->g.reason);
    CMP_TEXT(a->g.detail, b->g.detail);
    CMP_NUMBER(a->order, b->order);
    return 0;
}

static void sort_vec(struct pl_vec *v, int (*order)(const void *, const void *))
{
    if (v->n > 1)
        qsort(v->items, v->n, v->size, order);
}

static void section(struct pl_buf *out, unsigned tag, struct pl_buf *body)
{
    pl_buf_char(out, (char)tag);
    pl_buf_text(out, pl_buf_span(body));
    out->failed = out->failed || body->failed;
    pl_buf_done(body);
}

static void put_path(struct pl_buf *b, pl_span before, pl_span path)
{
    size_t shared = 0;
    while (shared < before.len && shared < path.len && before.ptr[shared] == path.ptr[shared])
        shared++;
    pl_buf_varint(b, shared);
    pl_buf_text(b, pl_span_from(path, shared));
}

static void put_totals(const struct pl_layer_totals *t, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    pl_buf_text(&b, pl_digest_span(&t->digest));
    pl_buf_text(&b, pl_digest_span(&t->diff_id));
    pl_buf_varint(&b, t->size);
    pl_buf_varint(&b, t->stored_size);
    section(out, PL_FORM_TOTALS, &b);
}

static void put_package(struct pl_buf *b, struct pl_package *before, struct pl_package *p)
{
    uint64_t same = 0;
    for (size_t i = 0; i < PL_COUNT(pl_form_package_texts); i++) {
        size_t at = pl_form_package_texts[i];
        pl_span was = before ? *pl_form_text(before, at) : PL_SPAN_NONE;
        same |= (uint64_t)pl_span_eq(*pl_form_text(p, at), was) << i;
    }
    pl_buf_varint(b, same);
    for (size_t i = 0; i < PL_COUNT(pl_form_package_texts); i++)
        if (!(same & (uint64_t)1 << i))
            pl_buf_text(b, *pl_form_text(p, pl_form_package_texts[i]));
    pl_buf_varint(b, p->flags);
}

/* The number of records is known only after dropping: the section is put together from both. */
static void counted_section(struct pl_buf *out, unsigned tag, uint64_t n, struct pl_buf *records)
{
    struct pl_buf count = { 0 };
    if (n) {
        pl_buf_varint(&count, n);
        pl_buf_char(out, (char)tag);
        pl_buf_varint(out, count.len + records->len);
        pl_buf_add(out, pl_buf_span(&count));
        pl_buf_add(out, pl_buf_span(records));
    }
    out->failed = out->failed || count.failed || records->failed;
    pl_buf_done(&count);
    pl_buf_done(records);
}

static void put_packages(struct pl_sink *s, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    struct kept_package *all = s->packages.items;
    struct pl_package *before = NULL;
    uint64_t n = 0;
    sort_vec(&s->packages, package_order);
    for (size_t i = 0; i < s->packages.n; i++) {
        if (is_dropped(s, all[i].source))
            continue;
        put_package(&b, before, &all[i].p);
        before = &all[i].p;
        n++;
    }
    counted_section(out, PL_FORM_PACKAGES, n, &b);
}

static void put_databases(struct pl_sink *s, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    const struct kept_database *all = s->databases.items;
    uint64_t n = 0;
    sort_vec(&s->databases, database_order);
    for (size_t i = 0; i < s->databases.n; i++) {
        if (is_dropped(s, all[i].source))
            continue;
        pl_buf_text(&b, all[i].d.path);
        pl_buf_text(&b, all[i].d.analyzer);
        pl_buf_varint(&b, all[i].d.n_packages);
        n++;
    }
    counted_section(out, PL_FORM_DATABASES, n, &b);
}

static void put_facts(struct pl_sink *s, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    const struct kept_fact *all = s->facts.items;
    uint64_t n = 0;
    sort_vec(&s->facts, fact_order);
    for (size_t i = 0; i < s->facts.n; i++) {
        if (is_dropped(s, all[i].source))
            continue;
        pl_buf_text(&b, all[i].f.kind);
        pl_buf_text(&b, all[i].f.path);
        pl_buf_text(&b, all[i].f.bytes);
        n++;
    }
    counted_section(out, PL_FORM_FACTS, n, &b);
}

static void put_gaps(struct pl_sink *s, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    const struct kept_gap *all = s->gaps.items;
    uint64_t n = 0;
    sort_vec(&s->gaps, gap_order);
    if (s->n_gaps_more) {
        char detail[80];
        snprintf(detail, sizeof(detail), "and %" PRIu64 " more gaps in this layer", s->n_gaps_more);
        pl_buf_text(&b, PL_SPAN_NONE);
        pl_buf_text(&b, PL_LIT("limit"));
        pl_buf_text(&b, pl_span_str(detail));
        n++;
    }
    for (size_t i = 0; i < s->gaps.n; i++) {
        if (is_dropped(s, all[i].source))
            continue;
        pl_buf_text(&b, all[i].g.path);
        pl_buf_text(&b, all[i].g.reason);
        pl_buf_text(&b, all[i].g.detail);
        n++;
    }
    counted_section(out, PL_FORM_GAPS, n, &b);
}

/* ---- entries: sorted by path; whiteouts, opaque marks and files of one name are three things ----
 */

static pl_span record_from(const struct pile *p, uint32_t at)
{
    return pl_span_of(p->bytes.ptr + at, p->bytes.len - at);
}

static unsigned rank(unsigned type)
{
    return type == PL_FILE_OPAQUE ? 0 : type == PL_FILE_WHITEOUT ? 1 : 2;
}

struct entry_key {
    pl_span path, rest; /* rest: from the type on */
    unsigned rank;
};

static struct entry_key entry_key(const struct pile *p, uint32_t at)
{
    struct entry_key k = { .rest = record_from(p, at) };
    if (pl_span_text(&k.rest, &k.path) && k.rest.len)
        k.rank = rank((unsigned char)k.rest.ptr[0]);
    return k;
}

static int entry_order(const void *x, const void *y, void *ctx)
{
    uint32_t at_a = *(const uint32_t *)x, at_b = *(const uint32_t *)y;
    struct entry_key a = entry_key(ctx, at_a), b = entry_key(ctx, at_b);
    CMP_TEXT(a.path, b.path);
    CMP_NUMBER(a.rank, b.rank);
    CMP_NUMBER(at_a, at_b);
    return 0;
}

/* The length of a record from its type on. */
static size_t rest_length(pl_span rest)
{
    pl_span in = rest, link;
    uint64_t v;
    uint8_t type = 0;
    bool good = pl_span_u8(&in, &type) && pl_span_varint(&in, &v) && pl_span_varint(&in, &v) &&
                pl_span_varint(&in, &v);
    if (good && type == PL_FILE_REGULAR)
        good = pl_span_varint(&in, &v);
    if (good && (type == PL_FILE_SYMLINK || type == PL_FILE_HARDLINK))
        good = pl_span_text(&in, &link);
    return good ? rest.len - in.len : 0;
}

static void put_entries(struct pl_sink *s, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    struct pile *p = &s->entries;
    pl_span before = PL_SPAN_NONE;
    uint64_t n = 0;
    if (p->n > 1)
        qsort_r(p->at, p->n, sizeof(p->at[0]), entry_order, p);
    for (size_t i = 0; i < p->n; i++) {
        struct entry_key k = entry_key(p, p->at[i]);
        if (i + 1 < p->n) { /* the last of several of one name is what the layer leaves */
            struct entry_key next = entry_key(p, p->at[i + 1]);
            if (next.rank == k.rank && pl_span_eq(next.path, k.path))
                continue;
        }
        put_path(&b, before, k.path);
        pl_buf_add(&b, pl_span_sub(k.rest, 0, rest_length(k.rest)));
        before = k.path;
        n++;
    }
    pl_buf_done(&p->bytes);
    p->n = 0;
    counted_section(out, PL_FORM_ENTRIES, n, &b);
}

/* ---- owned files, grouped by package ----
 *
 * A root of 800 packages owns 100,000 files: they are dealt out to their packages first, in linear
 * time, and sorted only within a package, where lists mostly come in order already. */

struct owned_key {
    pl_span path, digest;
    uint32_t at;
};

static bool read_owned(const struct pl_sink *s, uint32_t at, uint64_t *source, uint64_t *group,
                       struct owned_key *k)
{
    pl_span in = record_from(&s->owned, at);
    k->at = at;
    return pl_span_varint(&in, source) && pl_span_varint(&in, group) &&
           pl_span_text(&in, &k->path) && pl_span_text(&in, &k->digest);
}

static int group_order(const void *x, const void *y, void *ctx)
{
    const struct group *groups = ctx;
    const struct group *a = &groups[*(const uint32_t *)x], *b = &groups[*(const uint32_t *)y];
    CMP_TEXT(a->type, b->type);
    CMP_TEXT(a->package, b->package);
    return 0;
}

static int owned_order(const void *x, const void *y)
{
    const struct owned_key *a = x, *b = y;
    CMP_TEXT(a->path, b->path);
    CMP_NUMBER(a->at, b->at);
    return 0;
}

/* What dealing needs, for all groups in sorted order; groups of one name share a place. */
struct deal {
    uint32_t *sorted;       /* group indices */
    uint32_t *place;        /* of each group */
    size_t *start;          /* in at, of each place; one more at the end */
    uint32_t *at;           /* records, dealt */
    struct owned_key *keys; /* of one place */
    size_t n_places;
};

static void deal_done(struct deal *d)
{
    free(d->sorted);
    free(d->place);
    free(d->start);
    free(d->at);
    free(d->keys);
}

static bool sort_groups(struct pl_sink *s, struct deal *d)
{
    size_t n = s->groups.n;
    d->sorted = malloc((n + 1) * sizeof(*d->sorted));
    d->place = malloc((n + 1) * sizeof(*d->place));
    d->start = calloc(n + 2, sizeof(*d->start));
    d->at = malloc((s->owned.n + 1) * sizeof(*d->at));
    if (!d->sorted || !d->place || !d->start || !d->at)
        return false;
    for (size_t i = 0; i < n; i++)
        d->sorted[i] = (uint32_t)i;
    if (n > 1)
        qsort_r(d->sorted, n, sizeof(*d->sorted), group_order, s->groups.items);
    for (size_t i = 0; i < n; i++) {
        if (i && group_order(&d->sorted[i - 1], &d->sorted[i], s->groups.items) != 0)
            d->n_places++;
        d->place[d->sorted[i]] = (uint32_t)d->n_places;
    }
    d->n_places += n != 0;
    return true;
}

static bool deal_out(struct pl_sink *s, struct deal *d)
{
    struct owned_key k;
    uint64_t source, group;
    size_t most = 0;
    for (size_t i = 0; i < s->owned.n; i++)
        if (read_owned(s, s->owned.at[i], &source, &group, &k) && !is_dropped(s, source))
            d->start[d->place[group] + 1]++;
    for (size_t i = 0; i < d->n_places; i++) {
        most = d->start[i + 1] > most ? d->start[i + 1] : most;
        d->start[i + 1] += d->start[i];
    }
    for (size_t i = 0; i < s->owned.n; i++)
        if (read_owned(s, s->owned.at[i], &source, &group, &k) && !is_dropped(s, source))
            d->at[d->start[d->place[group]]++] = s->owned.at[i];
    /* each start has moved to the next one's: back by one */
    memmove(d->start + 1, d->start, d->n_places * sizeof(*d->start));
    d->start[0] = 0;
    d->keys = malloc((most + 1) * sizeof(*d->keys));
    return d->keys != NULL;
}

/* The files of one package in order; of a path that is told twice (dpkg's .list and .md5sums) the
 * one with a digest. */
static size_t keys_of_place(const struct pl_sink *s, struct deal *d, size_t place)
{
    size_t n = 0, kept = 0;
    uint64_t source, group;
    bool sorted = true;
    for (size_t i = d->start[place]; i < d->start[place + 1]; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): deal_out() filled it */
        if (!read_owned(s, d->at[i], &source, &group, &d->keys[n]))
            continue;
        sorted = sorted && (n == 0 || owned_order(&d->keys[n - 1], &d->keys[n]) < 0);
        n++;
    }
    if (!sorted)
        qsort(d->keys, n, sizeof(*d->keys), owned_order);
    for (size_t i = 0; i < n; i++) {
        if (kept && pl_span_eq(d->keys[kept - 1].path, d->keys[i].path)) {
            if (d->keys[i].digest.len)
                d->keys[kept - 1] = d->keys[i];
            continue;
        }
        d->keys[kept++] = d->keys[i];
    }
    return kept;
}

static void put_owned(struct pl_sink *s, struct pl_buf *out)
{
    struct pl_buf b = { 0 };
    struct deal d = { 0 };
    uint64_t n_all = 0;
    const struct group *groups = s->groups.items;
    bool good = sort_groups(s, &d) && deal_out(s, &d);
    for (size_t place = 0, first = 0; good && place < d.n_places; place++) {
        size_t n = keys_of_place(s, &d, place);
        while (d.place[d.sorted[first]] != place)
            first++;
        if (n == 0)
            continue;
        pl_span before = PL_SPAN_NONE;
        pl_buf_text(&b, groups[d.sorted[first]].type);
        pl_buf_text(&b, groups[d.sorted[first]].package);
        pl_buf_varint(&b, n);
        for (size_t i = 0; i < n; i++) {
            put_path(&b, before, d.keys[i].path);
            pl_buf_text(&b, d.keys[i].digest);
            before = d.keys[i].path;
        }
        n_all += n;
    }
    if (!good)
        out->failed = true;
    deal_done(&d);
    counted_section(out, PL_FORM_OWNED, n_all, &b);
    pl_buf_done(&s->owned.bytes);
    s->owned.n = 0;
}

pl_rc pl_sink_encode(struct pl_sink *s, const struct pl_layer_totals *t, struct pl_buf *out,
                     struct pl_err *err)
{
    pl_buf_add(out, PL_LIT(PL_FORM_MAGIC));
    put_totals(t, out);
    put_packages(s, out);
    put_databases(s, out);
    put_facts(s, out);
    put_gaps(s, out);
    put_owned(s, out);
    put_entries(s, out);
    return out->failed ? full(s, err) : PL_OK;
}
