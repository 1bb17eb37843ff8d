/* docker_daemon.c - an image that a local engine holds. What it says about the image is asked first
 * (inspect, history); its archive is only fetched when a layer is opened, twice then: once for the
 * index, as manifest.json comes last, and once to feed the layers. Spec: Docker Engine API, "Image"
 * (inspect, history, get). */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "image/docker_archive.h"
#include "image/engine.h"

struct daemon {
    struct pl_source base;
    struct pl_engine engine;
    char name[600], path[1024];
    struct pl_limits limits;
    struct pl_source_opts o;
    struct pl_arena arena;
    struct pl_files *files;  /* the archive, once a layer was opened */
    struct pl_file *located; /* by index in image->layers */
};

/* ---- what the engine says ---- */

static bool is_empty_kind(pl_span by)
{
    static const pl_span data[] = {
        { "COPY ", 5 }, { "ADD ", 4 }, { "RUN ", 4 }, { "WORKDIR ", 8 }
    };
    size_t nop = pl_span_find(by, PL_LIT("#(nop)"));
    pl_span words = pl_span_trim(nop == SIZE_MAX ? by : pl_span_from(by, nop + 6));
    for (size_t i = 0; i < PL_COUNT(data); i++)
        if (pl_span_starts(words, data[i]))
            return false;
    return nop != SIZE_MAX || !pl_span_starts(by, PL_LIT("/bin/sh -c"));
}

/* The engine does not say which entries have a layer. Those with bytes have one; when that leaves
 * layers over, commands that can make an empty layer (WORKDIR, COPY of nothing) take them, first
 * the oldest. Numbers that still disagree leave the layers without commands. */
static void mark_empty(json_t *history, size_t n_layers)
{
    size_t with_bytes = 0, i;
    json_t *entry;
    json_array_foreach(history, i, entry) with_bytes += pl_json_number(entry, "Size", 0) > 0;
    size_t left = n_layers > with_bytes ? n_layers - with_bytes : 0;
    json_array_foreach(history, i, entry)
    {
        bool empty = !(pl_json_number(entry, "Size", 0) > 0);
        if (empty && left && !is_empty_kind(pl_json_text(entry, "created_by"))) {
            empty = false;
            left--;
        }
        json_object_set_new(entry, "empty_layer", json_boolean(empty));
    }
}

/* Newest first, other names: into the order and the names of a configuration. */
static json_t *convert_history(const json_t *answer, size_t n_layers)
{
    json_t *history = json_array();
    for (size_t n = json_array_size(answer), i = 0; i < n; i++) {
        const json_t *from = json_array_get(answer, n - 1 - i);
        json_t *to = json_object();
        json_object_set(to, "created_by", json_object_get(from, "CreatedBy"));
        json_object_set(to, "comment", json_object_get(from, "Comment"));
        json_object_set(to, "Size", json_object_get(from, "Size"));
        json_array_append_new(history, to);
    }
    mark_empty(history, n_layers);
    return history;
}

/* The configuration in its own shape, from inspect and history. */
static char *make_config(const json_t *inspect, const json_t *history)
{
    static const char *const names[][2] = {
        { "architecture", "Architecture" }, { "os", "Os" },         { "variant", "Variant" },
        { "created", "Created" },           { "author", "Author" }, { "config", "Config" }
    };
    PL_AUTO(json) json_t *config = json_object();
    const json_t *ids = pl_json_array(pl_json_object(inspect, "RootFS"), "Layers");
    for (size_t i = 0; i < PL_COUNT(names); i++)
        json_object_set(config, names[i][0], json_object_get(inspect, names[i][1]));
    json_object_set_new(config, "rootfs",
                        json_pack("{s:s,s:O?}", "type", "layers", "diff_ids", ids));
    json_object_set_new(config, "history", convert_history(history, json_array_size(ids)));
    return json_dumps(config, JSON_COMPACT);
}

static pl_rc ask(struct daemon *d, const char *what, json_t **out, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf body = { 0 };
    char path[1024];
    snprintf(path, sizeof(path), "/images/%s/%s", d->name, what);
    pl_rc rc = pl_engine_get(&d->engine, path, d->limits.config_bytes, &body, err);
    if (!rc && (rc = pl_json_parse(pl_buf_span(&body), out, err)))
        (void)pl_wrap(err, "the engine's answer to %s", path);
    return rc;
}

/* With containerd's image store the engine's Id is the manifest's digest, not the configuration's.
 */
static void read_digests(const json_t *inspect, struct pl_image *image)
{
    const json_t *list = pl_json_array(inspect, "RepoDigests");
    const pl_digest none = { 0 };
    pl_digest id = none, first = none, d;
    bool id_is_manifest = false;
    if (pl_digest_parse(pl_json_text(inspect, "Id"), &id, NULL))
        id = none;
    for (size_t i = 0; i < json_array_size(list); i++) {
        pl_span s = pl_json_span(json_array_get(list, i));
        size_t at = pl_span_chr(s, '@');
        if (at == SIZE_MAX || pl_digest_parse(pl_span_from(s, at + 1), &d, NULL))
            continue;
        if (!pl_digest_set(&first))
            first = d;
        id_is_manifest = id_is_manifest || pl_digest_eq(&d, &id);
    }
    image->digest = id_is_manifest ? id : first;
    image->image_id = id_is_manifest ? none : id;
}

static pl_rc describe(struct daemon *d, struct pl_arena *a, struct pl_image *image,
                      struct pl_err *err)
{
    PL_AUTO(json) json_t *inspect = NULL;
    PL_AUTO(json) json_t *history = NULL;
    PL_AUTO(text) char *config = NULL;
    pl_rc rc = ask(d, "json", &inspect, err);
    if (!rc)
        rc = ask(d, "history", &history, err);
    if (rc)
        return rc;
    const json_t *ids = pl_json_array(pl_json_object(inspect, "RootFS"), "Layers");
    image->n_layers = json_array_size(ids);
    if (image->n_layers > d->limits.n_layers)
        return pl_fail(err, PL_ELIMIT, "%zu layers, more than %zu", image->n_layers,
                       d->limits.n_layers);
    image->layers = pl_arena_array(a, image->n_layers, sizeof(*image->layers));
    config = make_config(inspect, history);
    if (!image->layers || !config)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    for (size_t i = 0; i < image->n_layers; i++)
        image->layers[i].index = (unsigned)i;
    if (image->n_layers == 0)
        pl_image_gap(image, a, -1, "missing", "the engine names no layer");
    rc = pl_config_parse(pl_span_str(config), &d->limits, a, image, err);
    double size = pl_json_number(inspect, "Size", 0);
    image->size = size > 0 && size < 1e18 ? (uint64_t)size : 0;
    read_digests(inspect, image);
    return rc;
}

/* ---- the archive ---- */

static pl_rc fetch_index(struct daemon *d, struct pl_files **files, struct pl_err *err)
{
    struct pl_opener *opener = NULL;
    pl_rc rc = pl_engine_stream(&d->engine, d->path, &opener, err);
    if (rc)
        return rc;
    rc = pl_archive_stream(opener, &d->limits, files, err);
    if (rc)
        opener->close(opener);
    return rc;
}

/* The archive must hold the image that inspect described: a tag may have moved in between. */
static pl_rc match_layers(struct daemon *d, const struct pl_image *packed,
                          const struct pl_file *located, struct pl_err *err)
{
    struct pl_image *image = d->base.image;
    size_t n = 0, k = 0, at = 0;
    for (size_t i = 0; i < packed->n_layers; i++)
        n += !packed->layers[i].empty;
    for (size_t i = 0; i < image->n_layers; i++) {
        if (image->layers[i].empty)
            continue;
        while (at < packed->n_layers && packed->layers[at].empty)
            at++;
        if (at == packed->n_layers ||
            (pl_digest_set(&packed->layers[at].diff_id) &&
             !pl_digest_eq(&packed->layers[at].diff_id, &image->layers[i].diff_id)))
            return pl_fail(err, PL_EDIGEST, "the image changed while it was read: scan it again");
        d->located[i] = located[k++];
        if (packed->layers[at].unreadable)
            d->located[i] = (struct pl_file){ 0 };
        image->layers[i].size = d->located[i].size;
        at++;
    }
    return k == n ? PL_OK
                  : pl_fail(err, PL_EDIGEST, "the image changed while it was read: scan it again");
}

static bool settle_order(struct daemon *d)
{
    struct pl_image *image = d->base.image;
    unsigned *order = pl_arena_array(&d->arena, image->n_layers, sizeof(*order));
    if (!order)
        return false;
    /* Insertion by place in the archive; images have few layers, and 16,384 take a second. */
    for (size_t i = 0; i < image->n_layers; i++) {
        size_t k = i;
        while (k && d->located[order[k - 1]].at > d->located[i].at) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = (unsigned)i;
    }
    d->base.read_order = order;
    return true;
}

static pl_rc prepare(struct pl_source *s, struct pl_err *err)
{
    struct daemon *d = (struct daemon *)s;
    PL_AUTO(files) struct pl_files *files = NULL;
    struct pl_image packed = { 0 };
    struct pl_file *located = NULL;
    if (d->files)
        return PL_OK;
    pl_rc rc = fetch_index(d, &files, err);
    if (!rc) {
        struct pl_source_opts o = d->o;
        o.limits = &d->limits;
        o.arena = &d->arena;
        rc = pl_docker_archive_image(files, PL_SPAN_NONE, &o, &packed, &located, err);
        if (rc == PL_EUSAGE) /* several: that of our name */
            rc = pl_docker_archive_image(files, pl_span_str(d->name), &o, &packed, &located, err);
    }
    if (!rc) {
        d->located = pl_arena_array(&d->arena, s->image->n_layers, sizeof(*d->located));
        rc = d->located ? match_layers(d, &packed, located, err)
                        : pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if (!rc && !settle_order(d))
        rc = pl_fail(err, PL_ENOMEM, "out of memory");
    if (rc)
        (void)pl_wrap(err, "the engine's archive of %s", d->name);
    else
        d->files = pl_take(files);
    return rc;
}

static pl_rc layer_open(struct pl_source *s, unsigned index, struct pl_stream *out,
                        struct pl_err *err)
{
    struct daemon *d = (struct daemon *)s;
    if (index >= s->image->n_layers || s->image->layers[index].empty)
        return pl_fail(err, PL_EABSENT, "layer %u: no such layer", index);
    pl_rc rc = prepare(s, err);
    if (!rc && d->located[index].name.len == 0)
        rc = pl_fail(err, PL_EABSENT, "not in the engine's archive");
    if (!rc)
        rc = d->files->ops->open(d->files, &d->located[index], out, err);
    if (rc)
        (void)pl_wrap(err, "layer %u", index);
    return rc;
}

static pl_rc layer_status(struct pl_source *s, unsigned index, struct pl_err *err)
{
    struct daemon *d = (struct daemon *)s;
    if (!d->files || index >= s->image->n_layers)
        return PL_OK;
    return d->files->ops->status(d->files, &d->located[index], err);
}

static void close_daemon(struct pl_source *s)
{
    struct daemon *d = (struct daemon *)s;
    pl_files_close(d->files);
    pl_arena_done(&d->arena);
    free(d);
}

static const struct pl_source_ops ops = { .prepare = prepare,
                                          .layer_open = layer_open,
                                          .layer_status = layer_status,
                                          .close = close_daemon };

/* The name goes into a path as it is: nothing that would end or change it. */
static bool good_name(const char *name)
{
    size_t n =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@[]");
    return n > 0 && n < 512 && name[n] == '\0' && !strstr(name, "..") && name[0] != '/';
}

static pl_rc open_image(const char *rest, const struct pl_source_opts *o, struct pl_source **out,
                        struct pl_err *err)
{
    if (!strncmp(rest, "//", 2))
        rest += 2;
    if (!good_name(rest))
        return pl_fail(err, PL_EUSAGE, "docker-daemon:%s: want NAME[:TAG] or an image ID", rest);
    struct pl_image *image = pl_arena_alloc(o->arena, sizeof(*image));
    struct daemon *d = calloc(1, sizeof(*d));
    if (!image || !d) {
        free(d);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    d->base = (struct pl_source){ .ops = &ops, .image = image, .rootfs_fd = -1 };
    d->limits = *o->limits;
    d->o = *o;
    pl_arena_init(&d->arena, 16 * d->limits.config_bytes);
    snprintf(d->name, sizeof(d->name), "%s", rest);
    snprintf(d->path, sizeof(d->path), "/images/%s/get", rest);
    pl_rc rc = pl_engine_find(o, &d->engine, err);
    if (!rc)
        rc = describe(d, o->arena, image, err);
    if (!rc)
        rc = pl_check_platform(image, o->platform, err);
    if (rc) {
        close_daemon(&d->base);
        (void)pl_wrap(err, "docker-daemon:%s", rest);
        return rc;
    }
    *out = &d->base;
    return PL_OK;
}

const struct pl_transport pl_transport_docker_daemon = {
    .name = "docker-daemon",
    .what = "an image that a local engine (Docker, podman) holds",
    .syntax = "docker-daemon:NAME[:TAG] or docker-daemon:ID",
    .spec = "Docker Engine API",
    .open = open_image,
};
