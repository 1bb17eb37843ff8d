/* config.c - the image configuration. Builders differ in what they leave out and what they write
 * as null, so nothing here is required and a member of the wrong type counts as absent. Specs: OCI
 * image-spec config.md; Docker image spec v1.2 (Healthcheck, OnBuild, Shell). */
#include <stdlib.h>

#include "base/json.h"
#include "image/source.h"

/* One arena, and whether it met its ceiling on the way: asked once at the end. */
struct maker {
    struct pl_arena *arena;
    bool full;
};

static pl_span keep(struct maker *m, pl_span s)
{
    pl_span out = { 0 };
    if (s.len && !pl_arena_copy(m->arena, s, &out))
        m->full = true;
    return out;
}

static void *array(struct maker *m, size_t n, size_t size)
{
    void *p = pl_arena_array(m->arena, n, size);
    if (!p)
        m->full = true;
    return p;
}

/* A list of strings; a lone string is a list of one (Entrypoint of Docker 1.x). */
static const pl_span *strings(struct maker *m, const json_t *v, size_t *n)
{
    size_t count = json_is_string(v) ? 1 : json_array_size(v), used = 0;
    pl_span *list = count ? array(m, count, sizeof(*list)) : NULL;
    if (!list)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_string(v) ? v : json_array_get(v, i);
        if (json_is_string(item))
            list[used++] = keep(m, pl_json_span(item));
    }
    *n = used;
    return list;
}

static int by_text(const void *a, const void *b)
{
    return pl_span_cmp(*(const pl_span *)a, *(const pl_span *)b);
}

/* The names of an object ({"80/tcp": {}}), sorted; some builders write a list. */
static const pl_span *names(struct maker *m, const json_t *v, size_t *n)
{
    if (!json_is_object(v))
        return strings(m, v, n);
    size_t count = json_object_size(v), used = 0;
    pl_span *list = count ? array(m, count, sizeof(*list)) : NULL;
    const char *key;
    json_t *value;
    if (!list)
        return NULL;
    json_object_foreach((json_t *)v, key, value) list[used++] = keep(m, pl_span_str(key));
    qsort(list, used, sizeof(*list), by_text);
    *n = used;
    return list;
}

static int by_key(const void *a, const void *b)
{
    return pl_span_cmp(((const struct pl_pair *)a)->key, ((const struct pl_pair *)b)->key);
}

static const struct pl_pair *labels(struct maker *m, const json_t *v, size_t *n)
{
    size_t count = json_object_size(v), used = 0;
    struct pl_pair *list = count ? array(m, count, sizeof(*list)) : NULL;
    const char *key;
    json_t *value;
    if (!list)
        return NULL;
    json_object_foreach((json_t *)v, key, value)
    {
        if (!json_is_string(value))
            continue;
        list[used].key = keep(m, pl_span_str(key));
        list[used++].value = keep(m, pl_json_span(value));
    }
    qsort(list, used, sizeof(*list), by_key);
    *n = used;
    return list;
}

/* {"Test": ["NONE"]} switches an inherited check off. */
static bool has_healthcheck(const json_t *config)
{
    const json_t *test = json_object_get(pl_json_object(config, "Healthcheck"), "Test");
    pl_span first = pl_json_span(json_is_string(test) ? test : json_array_get(test, 0));
    return first.len && !pl_span_eq(first, PL_LIT("NONE"));
}

static void read_config(struct maker *m, const json_t *j, struct pl_config *c)
{
    c->user = keep(m, pl_json_text(j, "User"));
    c->working_dir = keep(m, pl_json_text(j, "WorkingDir"));
    c->stop_signal = keep(m, pl_json_text(j, "StopSignal"));
    c->entrypoint = strings(m, json_object_get(j, "Entrypoint"), &c->n_entrypoint);
    c->cmd = strings(m, json_object_get(j, "Cmd"), &c->n_cmd);
    c->env = strings(m, json_object_get(j, "Env"), &c->n_env);
    c->on_build = strings(m, json_object_get(j, "OnBuild"), &c->n_on_build);
    c->shell = strings(m, json_object_get(j, "Shell"), &c->n_shell);
    c->exposed_ports = names(m, json_object_get(j, "ExposedPorts"), &c->n_exposed_ports);
    c->volumes = names(m, json_object_get(j, "Volumes"), &c->n_volumes);
    c->labels = labels(m, json_object_get(j, "Labels"), &c->n_labels);
    c->healthcheck = has_healthcheck(j);
}

/* ---- history and layers ---- */

static size_t count_real(const struct pl_image *image)
{
    size_t n = 0;
    for (size_t i = 0; i < image->n_layers; i++)
        n += !image->layers[i].empty;
    return n;
}

static void read_history(struct maker *m, const json_t *entry, struct pl_layer *layer)
{
    layer->created_by = keep(m, pl_json_text(entry, "created_by"));
    layer->created = keep(m, pl_json_text(entry, "created"));
    layer->comment = keep(m, pl_json_text(entry, "comment"));
}

/* Each entry that is not marked empty takes the next layer. Only when the numbers agree does it
 * say which command made which layer; kaniko, ko, jib and bazel write one entry, or none. */
static void join_history(struct maker *m, const json_t *history, const struct pl_limits *limits,
                         struct pl_image *image)
{
    size_t n = json_array_size(history), n_with_layer = 0, real = count_real(image), next = 0;
    if (n > 2 * limits->n_layers) {
        pl_image_gap(image, m->arena, -1, "limit", "history of %zu entries was not read", n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        n_with_layer += !pl_json_bool(json_array_get(history, i), "empty_layer");
    if (n == 0 || n_with_layer != real || real != image->n_layers)
        return;
    struct pl_layer *list = array(m, n, sizeof(*list));
    for (size_t i = 0; list && i < n; i++) {
        const json_t *entry = json_array_get(history, i);
        if (pl_json_bool(entry, "empty_layer"))
            list[i].empty = true;
        else
            list[i] = image->layers[next++];
        list[i].index = (unsigned)i;
        read_history(m, entry, &list[i]);
    }
    if (list) {
        image->layers = list;
        image->n_layers = n;
    }
}

static void join_diff_ids(struct maker *m, const json_t *ids, struct pl_image *image)
{
    size_t n = json_array_size(ids), next = 0, broken = 0, real = count_real(image);
    for (size_t i = 0; i < image->n_layers; i++)
        if (!image->layers[i].empty && next < n)
            broken += pl_digest_parse(pl_json_span(json_array_get(ids, next++)),
                                      &image->layers[i].diff_id, NULL) != PL_OK;
    if (broken)
        pl_image_gap(image, m->arena, -1, "broken",
                     "%zu diff IDs of the configuration are no digests", broken);
    if (n != real && json_is_array(ids))
        pl_image_gap(image, m->arena, -1, n > real ? "missing" : "broken",
                     "the configuration names %zu layers, the manifest %zu", n, real);
}

static void note_unreadable(struct maker *m, struct pl_image *image)
{
    static const char *const reasons[][2] = {
        { "encrypted", "encrypted" },
        { "missing", "missing" },
        { "truncated", "broken" },
        { "not a filesystem layer", "unsupported" },
    };
    for (size_t i = 0; i < image->n_layers; i++) {
        const struct pl_layer *layer = &image->layers[i];
        const char *reason = "unreadable";
        if (!layer->unreadable)
            continue;
        for (size_t k = 0; k < PL_COUNT(reasons); k++)
            if (!strcmp(layer->unreadable, reasons[k][0]))
                reason = reasons[k][1];
        const char *id = pl_digest_set(&layer->digest) ? layer->digest.text : layer->diff_id.text;
        pl_image_gap(image, m->arena, (int32_t)i, reason, "layer %zu%s%s: %s%s%.*s", i,
                     id[0] ? " " : "", id, layer->unreadable, layer->media_type.len ? ", " : "",
                     (int)(layer->media_type.len < 200 ? layer->media_type.len : 200),
                     layer->media_type.ptr ? layer->media_type.ptr : "");
    }
}

pl_rc pl_config_parse(pl_span json, const struct pl_limits *limits, struct pl_arena *a,
                      struct pl_image *image, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    struct maker m = { .arena = a };
    if (json.len > limits->config_bytes)
        return pl_fail(err, PL_ELIMIT, "configuration is larger than %zu bytes",
                       limits->config_bytes);
    pl_rc rc = pl_json_parse(json, &root, err);
    if (rc || !json_is_object(root)) {
        if (!rc)
            return pl_fail(err, PL_EFORMAT, "configuration is not a JSON object");
        (void)pl_wrap(err, "configuration");
        return rc;
    }
    image->os = keep(&m, pl_json_text(root, "os"));
    image->architecture = keep(&m, pl_json_text(root, "architecture"));
    image->variant = keep(&m, pl_json_text(root, "variant"));
    image->created = keep(&m, pl_json_text(root, "created"));
    image->author = keep(&m, pl_json_text(root, "author"));
    image->config_json = keep(&m, json);
    pl_sha256(json, &image->image_id);
    read_config(&m, pl_json_object(root, "config"), &image->config);
    join_diff_ids(&m, pl_json_array(pl_json_object(root, "rootfs"), "diff_ids"), image);
    join_history(&m, pl_json_array(root, "history"), limits, image);
    note_unreadable(&m, image);
    if (m.full)
        return pl_fail(err, PL_ELIMIT, "the image's description needs more memory than allowed");
    return PL_OK;
}
