#include "scan/layers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/analyzer.h"
#include "base/map.h"
#include "scan/cache.h"
#include "scan/layer_pass.h"

enum { MAX_JOBS = 64, TICK_MS = 100, DETAIL = 640 };

struct slot {
    bool busy;
    unsigned index; /* of the layer being read */
    struct pl_stream stream;
    struct pl_layer_pass pass;
};

/* Where a layer's report lies: mapped from the cache, or held in memory. */
struct held {
    struct pl_cached mapped;
    struct pl_buf own;
    unsigned twin; /* an earlier layer of the same diff ID, read for this one too; else itself */
    bool done;
};

struct pl_layer_store {
    size_t n; /* of image->layers */
    struct held held[];
};

struct reader {
    struct pl_source *source;
    const struct pl_image *image;
    const struct pl_scan_opts *o;
    struct pl_cache *cache;
    pl_digest key_whole, key_system; /* reports of all rows, and of the system's only */
    bool system_only;
    struct pl_arena *keep;
    struct pl_layer_set *out;
    struct slot *slots;
    unsigned n_slots, n_busy;
    size_t next;         /* place in the reading order */
    int64_t deadline_ms; /* 0: none */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pl_rc gap(struct reader *r, unsigned index, const char *reason, const char *detail,
                 struct pl_err *err)
{
    struct pl_gap *g = pl_vec_push(r->keep, &r->out->gaps);
    if (!g || !pl_arena_copy(r->keep, pl_span_str(detail), &g->detail))
        return pl_fail(err, PL_ELIMIT, "more gaps than the report holds");
    g->layer = (int32_t)index;
    g->reason = pl_span_str(reason);
    return PL_OK;
}

static const char *reason_of(pl_rc rc)
{
    switch (rc) {
    case PL_ELIMIT: return "limit";
    case PL_EFORMAT:
    case PL_EDIGEST: return "broken";
    case PL_EABSENT: return "missing";
    default: return "unreadable";
    }
}

static unsigned jobs_of(const struct pl_scan_opts *o)
{
    long jobs = o->jobs ? (long)o->jobs : sysconf(_SC_NPROCESSORS_ONLN);
    if (!o->jobs && jobs > 4)
        jobs = 4;
    return jobs < 1 ? 1 : jobs > MAX_JOBS ? MAX_JOBS : (unsigned)jobs;
}

/* ---- the rows of the system alone, for a scan that asks for no application ---- */

enum { MAX_ROWS = 256 };
static const struct pl_analyzer *system_row[MAX_ROWS];
static size_t n_system_rows;

static void find_system_rows(void)
{
    if (!n_system_rows)
        for (size_t i = 0; i < pl_n_analyzers && n_system_rows < MAX_ROWS; i++)
            if (!pl_analyzers[i]->application)
                system_row[n_system_rows++] = pl_analyzers[i];
}

/* ---- what needs no reading ---- */

static pl_rc find_twins(struct reader *r, struct pl_err *err)
{
    struct pl_map first __attribute__((cleanup(pl_auto_map))) = { 0 };
    struct pl_layer_store *store = r->out->store;
    for (unsigned i = 0; i < store->n; i++) {
        const struct pl_layer *l = &r->image->layers[i];
        store->held[i].twin = i;
        if (l->empty || l->unreadable || !pl_digest_set(&l->diff_id))
            continue;
        void **slot = pl_map_at(&first, pl_digest_span(&l->diff_id));
        if (!slot)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        if (*slot)
            store->held[i].twin = (unsigned)((uintptr_t)*slot - 1);
        else
            *slot = (void *)((uintptr_t)i + 1);
    }
    return PL_OK;
}

static bool from_cache(struct reader *r, unsigned index)
{
    const struct pl_layer *l = &r->image->layers[index];
    struct held *h = &r->out->store->held[index];
    if (!r->cache || !pl_digest_set(&l->diff_id))
        return false;
    h->done = pl_cache_get(r->cache, &l->diff_id, &r->key_whole, &h->mapped) ||
              (r->system_only && pl_cache_get(r->cache, &l->diff_id, &r->key_system, &h->mapped));
    return h->done;
}

/* ---- what a child answered ---- */

/* Is it what was named? A layer that ended early cannot be asked (*whole is false then). */
static pl_rc check_totals(struct reader *r, unsigned index, const struct pl_layer_totals *t,
                          bool *whole, struct pl_err *err)
{
    struct pl_layer *l = &r->image->layers[index];
    *whole = pl_digest_set(&t->diff_id);
    if (!*whole)
        return PL_OK;
    if (pl_digest_set(&l->digest) &&
        pl_span_eq(pl_digest_algorithm(&l->digest), PL_LIT("sha256")) &&
        !pl_digest_eq(&l->digest, &t->digest))
        return pl_fail(err, PL_EDIGEST, "its bytes are %.19s..., not %.19s... as the manifest says",
                       t->digest.text, l->digest.text);
    if (pl_digest_set(&l->diff_id) && !pl_digest_eq(&l->diff_id, &t->diff_id))
        return pl_fail(err, PL_EDIGEST,
                       "its files are %.19s..., not %.19s... as the configuration says",
                       t->diff_id.text, l->diff_id.text);
    l->diff_id = t->diff_id;
    if (!l->size)
        l->size = t->stored_size;
    return PL_OK;
}

/* Reading leaves room for more behind an answer. Ten thousand small layers would hold a mapping
 * each, and every fork copies them all. */
static void shrink(struct pl_buf *b)
{
    char *ptr = b->len && b->len < b->room ? realloc(b->ptr, b->len) : NULL;
    if (!ptr)
        return;
    b->ptr = ptr;
    b->room = b->len;
}

static pl_rc take_answer(struct reader *r, struct slot *s, struct pl_err *err)
{
    struct pl_arena tmp __attribute__((cleanup(pl_auto_arena)));
    struct pl_layer_report report;
    bool whole = false;
    pl_arena_init(&tmp, r->keep->ceiling);
    pl_span bytes = pl_buf_span(&s->pass.answer);
    pl_rc rc = pl_layer_report_decode(bytes, r->o->limits, &tmp, &report, err);
    if (!rc && r->source->rootfs_fd < 0)
        rc = check_totals(r, s->index, &report.totals, &whole, err);
    if (rc)
        return rc;
    struct held *h = &r->out->store->held[s->index];
    h->own = s->pass.answer;
    s->pass.answer = (struct pl_buf){ 0 };
    shrink(&h->own);
    h->done = true;
    struct pl_err full; /* a cache that cannot be written costs time, nothing else */
    if (r->cache && whole &&
        pl_cache_put(r->cache, &report.totals.diff_id,
                     r->system_only ? &r->key_system : &r->key_whole, pl_buf_span(&h->own), &full))
        pl_log(r->o->log, PL_LOG_DEBUG, "cache: %s", full.msg);
    return PL_OK;
}

/* The child has ended: its answer, or a gap that says why there is none. When the stream itself
 * failed, the source knows better why. */
static pl_rc finish(struct reader *r, struct slot *s, struct pl_err *err)
{
    struct pl_err why = { 0 }, source_why = { 0 };
    pl_rc rc = pl_layer_pass_finish(&s->pass, &why);
    if (!rc)
        rc = take_answer(r, s, &why);
    pl_rc source_rc = PL_OK;
    if (r->source->ops->layer_status)
        source_rc = r->source->ops->layer_status(r->source, s->index, &source_why);
    if (rc && r->source->document) /* there is nothing else in it to report on */
        return pl_fail(err, rc, "%s", why.msg);
    if (source_rc)
        rc = gap(r, s->index, reason_of(source_rc), source_why.msg, err);
    else if (rc)
        rc = gap(r, s->index, strstr(why.msg, "crashed") ? "crashed" : reason_of(rc), why.msg, err);
    uint64_t size = r->image->layers[s->index].size;
    pl_log_progress(r->o->log, "layer", s->index, r->image->n_layers, size, size);
    pl_layer_pass_close(&s->pass);
    pl_close_fd(s->stream.fd);
    s->busy = false;
    r->n_busy--;
    return rc;
}

/* ---- the loop ---- */

static pl_rc start(struct reader *r, struct slot *s, unsigned index, struct pl_err *err)
{
    struct pl_err why;
    bool tree = r->source->rootfs_fd >= 0;
    *s = (struct slot){ .index = index, .stream = { .fd = -1 } };
    pl_rc rc = tree ? PL_OK : r->source->ops->layer_open(r->source, index, &s->stream, &why);
    struct pl_layer_job job = { .name = "layer",
                                .stream = s->stream,
                                .document = r->source->document,
                                .tree_fd = tree ? r->source->rootfs_fd : -1,
                                .limits = r->o->limits,
                                .analyzers_for =
                                    r->system_only ? pl_analyzers_for_system : pl_analyzers_for,
                                .rows = r->system_only ? system_row : pl_analyzers,
                                .n_rows = r->system_only ? n_system_rows : pl_n_analyzers };
    if (!rc)
        rc = pl_layer_pass_start(&job, &s->pass, &why);
    if (rc) {
        pl_close_fd(s->stream.fd);
        return gap(r, index, reason_of(rc), why.msg, err);
    }
    s->busy = true;
    r->n_busy++;
    return PL_OK;
}

/* The next layer that must be read; false when there is none. */
static bool next_index(struct reader *r, unsigned *index)
{
    struct pl_layer_store *store = r->out->store;
    while (r->next < store->n) {
        unsigned i = r->source->read_order ? r->source->read_order[r->next] : (unsigned)r->next;
        r->next++;
        const struct pl_layer *l = &r->image->layers[i];
        if (l->empty || l->unreadable || store->held[i].done || store->held[i].twin != i)
            continue;
        *index = i;
        return true;
    }
    return false;
}

static pl_rc fill(struct reader *r, struct pl_err *err)
{
    unsigned index;
    for (unsigned i = 0; i < r->n_slots; i++) {
        while (!r->slots[i].busy && next_index(r, &index)) {
            pl_rc rc = start(r, &r->slots[i], index, err);
            if (rc)
                return rc;
        }
    }
    return PL_OK;
}

static void tell(struct reader *r)
{
    for (unsigned i = 0; i < r->n_slots; i++) {
        struct slot *s = &r->slots[i];
        if (s->busy)
            pl_log_progress(r->o->log, "layer", s->index, r->image->n_layers,
                            pl_layer_pass_position(&s->pass), r->image->layers[s->index].size);
    }
}

/* Time is up: what is not read yet is a gap. */
static pl_rc give_up(struct reader *r, struct pl_err *err)
{
    char detail[DETAIL];
    unsigned index;
    pl_rc rc = PL_OK;
    snprintf(detail, sizeof(detail), "not read within %u s (--timeout)", r->o->timeout_s);
    for (unsigned i = 0; !rc && i < r->n_slots; i++)
        if (r->slots[i].busy)
            rc = gap(r, r->slots[i].index, "timeout", detail, err);
    while (!rc && next_index(r, &index))
        rc = gap(r, index, "timeout", detail, err);
    return rc;
}

static pl_rc wait_for_answers(struct reader *r, struct pl_err *err)
{
    struct pollfd fds[MAX_JOBS];
    struct slot *of[MAX_JOBS];
    nfds_t n = 0;
    for (unsigned i = 0; i < r->n_slots; i++) {
        if (!r->slots[i].busy)
            continue;
        of[n] = &r->slots[i];
        fds[n++] = (struct pollfd){ .fd = r->slots[i].pass.child.out, .events = POLLIN };
    }
    if (poll(fds, n, TICK_MS) < 0 && errno != EINTR)
        return pl_fail_errno(err, PL_EIO, errno, "poll");
    for (nfds_t i = 0; i < n; i++) {
        bool ended = false;
        if (!fds[i].revents)
            continue;
        pl_rc rc = pl_layer_pass_read(&of[i]->pass, &ended, NULL);
        rc = rc || ended ? finish(r, of[i], err) : PL_OK;
        if (rc)
            return rc;
    }
    return PL_OK;
}

static pl_rc read_all(struct reader *r, struct pl_err *err)
{
    pl_rc rc = fill(r, err);
    while (!rc && r->n_busy) {
        if (r->deadline_ms && now_ms() >= r->deadline_ms)
            return give_up(r, err);
        rc = wait_for_answers(r, err);
        tell(r);
        if (!rc)
            rc = fill(r, err);
    }
    return rc;
}

static pl_rc read_layers(struct reader *r, struct pl_err *err)
{
    struct pl_layer_store *store = r->out->store;
    bool missing = false;
    pl_rc rc = find_twins(r, err);
    for (unsigned i = 0; !rc && i < store->n; i++) {
        const struct pl_layer *l =
            &r->image->layers[i]; /* one that is unreadable has its gap already */
        if (!l->empty && !l->unreadable && store->held[i].twin == i && !from_cache(r, i))
            missing = true;
    }
    if (!rc && missing && !pl_analyzers_ready(r->system_only))
        rc = pl_fail(err, PL_ENOMEM, "out of memory");
    if (!rc && missing && r->source->ops->prepare)
        rc = r->source->ops->prepare(r->source, err);
    if (!rc && missing)
        rc = read_all(r, err);
    for (unsigned i = 0; i < r->n_slots; i++) {
        if (!r->slots[i].busy)
            continue;
        pl_layer_pass_close(&r->slots[i].pass);
        pl_close_fd(r->slots[i].stream.fd);
    }
    return rc;
}

static pl_span bytes_of(const struct held *h)
{
    return h->own.len ? pl_buf_span(&h->own) : h->mapped.bytes;
}

static pl_rc list_layers(struct reader *r, struct pl_err *err)
{
    struct pl_layer_store *store = r->out->store;
    r->out->layers = pl_arena_array(r->keep, store->n, sizeof(*r->out->layers));
    if (!r->out->layers)
        return pl_fail(err, PL_ELIMIT, "more layers than the report holds");
    for (unsigned i = 0; i < store->n; i++) {
        if (r->image->layers[i].empty)
            continue;
        pl_span bytes = bytes_of(&store->held[store->held[i].twin]);
        if (!bytes.len && store->held[i].twin != i) { /* its twin's gap is its own too */
            pl_rc rc = gap(r, i, "unreadable", "the same layer as one that could not be read", err);
            if (rc)
                return rc;
        }
        r->out->layers[r->out->n++] = (struct pl_layer_bytes){ .bytes = bytes, .index = i };
    }
    return PL_OK;
}

/* mkdir -p, 0700. */
static int make_folders(const char *dir)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
        return -1;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

/* A scan without a cache is a scan. */
static void open_cache(struct reader *r, const char *dir)
{
    struct pl_buf revision __attribute__((cleanup(pl_auto_buf))) = { 0 };
    char path[4096];
    struct pl_err why;
    pl_analyzers_revision(&revision);
    pl_cache_key(pl_buf_span(&revision), &r->key_whole);
    pl_buf_add(&revision, PL_LIT("system only"));
    pl_cache_key(pl_buf_span(&revision), &r->key_system);
    snprintf(path, sizeof(path), "%s/layers", dir);
    if (make_folders(dir) || pl_cache_open(path, PL_CACHE_BYTES, &r->cache, &why))
        pl_log(r->o->log, PL_LOG_WARNING, "no cache in %s, layers will be read again next time",
               dir);
}

pl_rc pl_layers_read(struct pl_source *source, const struct pl_scan_opts *o, const char *cache_dir,
                     struct pl_arena *keep, struct pl_layer_set *out, struct pl_err *err)
{
    size_t n = source->image->n_layers;
    struct pl_layer_set set = { .gaps = PL_VEC(struct pl_gap) };
    struct reader r = { .source = source,
                        .image = source->image,
                        .o = o,
                        .keep = keep,
                        .out = &set,
                        .n_slots = jobs_of(o),
                        .system_only = o->classes && !(o->classes & 1u << PL_CLASS_APP_VULN) };
    find_system_rows();
    if (o->timeout_s)
        r.deadline_ms = now_ms() + (int64_t)o->timeout_s * 1000;
    set.store = calloc(1, sizeof(*set.store) + n * sizeof(struct held));
    r.slots = calloc(r.n_slots, sizeof(*r.slots));
    pl_rc rc = PL_OK;
    if (!set.store || !r.slots)
        rc = pl_fail(err, PL_ENOMEM, "out of memory");
    else
        set.store->n = n;
    if (!rc && cache_dir)
        open_cache(&r, cache_dir);
    if (!rc)
        rc = read_layers(&r, err);
    if (!rc)
        rc = list_layers(&r, err);
    pl_cache_close(r.cache);
    free(r.slots);
    *out = set;
    return rc;
}

void pl_layers_done(struct pl_layer_set *s)
{
    for (size_t i = 0; s->store && i < s->store->n; i++) {
        pl_buf_done(&s->store->held[i].own);
        pl_cached_done(&s->store->held[i].mapped);
    }
    free(s->store);
    s->store = NULL;
    s->n = 0;
}
