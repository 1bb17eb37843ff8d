/* docker_archive.c - what `docker save` writes, and skopeo, podman, buildah, kaniko, bazel after
 * it. manifest.json names configuration and layers; its place in the archive is free (often last),
 * and a layer may be a link to another image's. Archives from before Docker 1.10 have only
 * `repositories` and a chain of <id>/json. Spec: Docker image spec v1.2, "Combined Image JSON +
 * Filesystem Changeset Format"; v1 for the chain. */
#include "image/docker_archive.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"

/* ---- choosing an image ---- */

static bool same_name(pl_span tag, pl_span want)
{
    static const pl_span prefixes[] = { { "docker.io/library/", 18 }, { "docker.io/", 10 } };
    char with_latest[512];
    for (size_t i = 0; i < PL_COUNT(prefixes); i++) {
        if (pl_span_starts(tag, prefixes[i]))
            tag = pl_span_from(tag, prefixes[i].len);
        if (pl_span_starts(want, prefixes[i]))
            want = pl_span_from(want, prefixes[i].len);
    }
    if (pl_span_eq(tag, want))
        return true;
    int n = snprintf(with_latest, sizeof(with_latest), "%.*s:latest", PL_FMT(want));
    return pl_span_eq(tag,
                      pl_span_of(with_latest, (size_t)n < sizeof(with_latest) ? (size_t)n : 0));
}

static bool has_tag(const json_t *image, pl_span want)
{
    const json_t *tags = pl_json_array(image, "RepoTags");
    for (size_t i = 0; i < json_array_size(tags); i++)
        if (same_name(pl_json_span(json_array_get(tags, i)), want))
            return true;
    return false;
}

static pl_rc list_images(const json_t *images, pl_span want, struct pl_err *err)
{
    char text[320] = "";
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(images) && used < sizeof(text) - 90; i++) {
        const json_t *tags = pl_json_array(json_array_get(images, i), "RepoTags");
        pl_span tag = pl_json_span(json_array_get(tags, 0));
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s@%zu%s%.*s", used ? ", " : "",
                                 i, tag.len ? " " : "", (int)(tag.len < 70 ? tag.len : 70),
                                 tag.ptr ? tag.ptr : "");
    }
    if (want.len)
        return pl_fail(err, PL_EABSENT, "no image \"%.*s\" in the archive; there is %s",
                       (int)(want.len < 90 ? want.len : 90), want.ptr, text);
    return pl_fail(err, PL_EUSAGE,
                   "%zu images in the archive, choose one by FILE:REF or FILE:@N: %s",
                   json_array_size(images), text);
}

static pl_rc choose(const json_t *images, pl_span ref, const json_t **out, struct pl_err *err)
{
    uint64_t n = json_array_size(images), at = 0;
    if (n == 0)
        return pl_fail(err, PL_EFORMAT, "manifest.json names no image");
    if (ref.len == 0 && n > 1)
        return list_images(images, ref, err);
    if (pl_span_starts(ref, PL_LIT("@"))) {
        if (!pl_span_decimal(pl_span_from(ref, 1), n - 1, &at))
            return list_images(images, ref, err);
    } else if (ref.len) {
        while (at < n && !has_tag(json_array_get(images, at), ref))
            at++;
        if (at == n)
            return list_images(images, ref, err);
    }
    *out = json_array_get(images, at);
    return json_is_object(*out) ? PL_OK
                                : pl_fail(err, PL_EFORMAT, "manifest.json: image %llu is no object",
                                          (unsigned long long)at);
}

/* ---- one image ---- */

/* "<64 hex>.json" and "blobs/sha256/<64 hex>" claim a digest; other names do not. */
static bool claimed_digest(pl_span name, pl_digest *out)
{
    char text[80];
    pl_span base = pl_span_basename(name);
    if (pl_span_ends(base, PL_LIT(".json")))
        base = pl_span_sub(base, 0, base.len - 5);
    else if (!pl_span_starts(name, PL_LIT("blobs/sha256/")))
        return false;
    if (base.len != 64)
        return false;
    snprintf(text, sizeof(text), "sha256:%.*s", PL_FMT(base));
    return pl_digest_parse(pl_span_str(text), out, NULL) == PL_OK;
}

static pl_rc read_config(struct pl_files *f, pl_span name, const struct pl_source_opts *o,
                         pl_span *out, struct pl_err *err)
{
    pl_digest claimed;
    if (claimed_digest(name, &claimed))
        return pl_files_checked(f, name, o->limits->config_bytes, &claimed, 0, o->arena, out, err);
    return pl_files_document(f, name, o->limits->config_bytes, o->arena, out, err);
}

static pl_rc make_layers(size_t n, const struct pl_source_opts *o, struct pl_image *image,
                         struct pl_file **located, struct pl_err *err)
{
    if (n > o->limits->n_layers)
        return pl_fail(err, PL_ELIMIT, "%zu layers, more than %zu", n, o->limits->n_layers);
    image->layers = pl_arena_array(o->arena, n, sizeof(*image->layers));
    *located = pl_arena_array(o->arena, n, sizeof(**located));
    if (!image->layers || !*located)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    image->n_layers = n;
    for (size_t i = 0; i < n; i++)
        image->layers[i].index = (unsigned)i;
    if (n == 0)
        pl_image_gap(image, o->arena, -1, "missing", "the manifest names no layer");
    return PL_OK;
}

static pl_rc locate_layers(struct pl_files *f, const json_t *layers, const struct pl_source_opts *o,
                           struct pl_image *image, struct pl_file **located, struct pl_err *err)
{
    pl_rc rc = make_layers(json_array_size(layers), o, image, located, err);
    for (size_t i = 0; !rc && i < image->n_layers; i++) {
        pl_span name = pl_json_span(json_array_get(layers, i));
        pl_stored_locate(f, image, i, name, &(*located)[i]);
        if (pl_span_starts(name, PL_LIT("blobs/")))
            (void)claimed_digest(name, &image->layers[i].digest);
    }
    return rc;
}

pl_rc pl_docker_archive_image(struct pl_files *f, pl_span ref, const struct pl_source_opts *o,
                              struct pl_image *image, struct pl_file **located, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    const json_t *entry = NULL;
    pl_span text, config;
    pl_rc rc = pl_files_document(f, PL_LIT("manifest.json"), o->limits->config_bytes, o->arena,
                                 &text, err);
    if (rc && pl_files_have(f, "index.json"))
        return pl_fail(err, PL_EFORMAT, "no manifest.json: an OCI layout (oci-archive:FILE)");
    if (rc)
        return rc;
    rc = pl_json_parse(text, &root, err);
    if (!rc)
        rc = choose(root, ref, &entry, err);
    if (!rc && pl_json_text(entry, "Config").len == 0)
        rc = pl_fail(err, PL_EFORMAT, "the image has no \"Config\"");
    if (rc) {
        (void)pl_wrap(err, "manifest.json");
        return rc;
    }
    if (!pl_arena_copy(o->arena, text, &image->manifest_json))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    rc = locate_layers(f, pl_json_array(entry, "Layers"), o, image, located, err);
    if (!rc)
        rc = read_config(f, pl_json_text(entry, "Config"), o, &config, err);
    if (!rc)
        rc = pl_config_parse(config, o->limits, o->arena, image, err);
    return rc;
}

/* ---- archives of Docker 1.0 to 1.9 ---- */

/* {"repository": {"tag": "<id>"}}: the id that ref means, or the only one. */
static pl_rc legacy_id(const json_t *repositories, pl_span ref, pl_span *out, struct pl_err *err)
{
    const char *repository, *tag;
    json_t *tags, *id;
    size_t n = 0;
    char name[512], list[320] = "";
    json_object_foreach((json_t *)repositories, repository, tags)
    {
        json_object_foreach(tags, tag, id)
        {
            snprintf(name, sizeof(name), "%.250s:%.200s", repository, tag);
            size_t used = strlen(list);
            snprintf(list + used, sizeof(list) - used, "%s%.60s", used ? ", " : "", name);
            if (ref.len && !same_name(pl_span_str(name), ref))
                continue;
            if (n && !pl_span_eq(*out, pl_json_span(id)))
                return pl_fail(err, PL_EUSAGE, "several images, choose one by FILE:REF: %s", list);
            *out = pl_json_span(id);
            n++;
        }
    }
    if (n == 0)
        return pl_fail(err, ref.len && list[0] ? PL_EABSENT : PL_EFORMAT,
                       "no image \"%.*s\" in the archive; there is %s", PL_FMT(ref),
                       list[0] ? list : "none");
    return PL_OK;
}

struct chain {
    pl_span *ids; /* newest first */
    size_t n, room;
    struct pl_map seen;
};
static inline void pl_auto_chain(struct chain *c) { pl_map_done(&c->seen); }

static pl_rc read_v1(struct pl_files *f, pl_span id, const struct pl_source_opts *o, pl_span *text,
                     json_t **tree, struct pl_err *err)
{
    char name[300];
    if (id.len > 128 || pl_span_chr(id, '/') != SIZE_MAX)
        return pl_fail(err, PL_EFORMAT, "\"%.*s\" is no image id", PL_FMT(id));
    snprintf(name, sizeof(name), "%.*s/json", PL_FMT(id));
    pl_rc rc =
        pl_files_document(f, pl_span_str(name), o->limits->config_bytes, o->arena, text, err);
    if (!rc && (rc = pl_json_parse(*text, tree, err)))
        (void)pl_wrap(err, "%s", name);
    return rc;
}

static pl_rc walk_chain(struct pl_files *f, pl_span id, const struct pl_source_opts *o,
                        struct chain *c, struct pl_err *err)
{
    while (id.len) {
        PL_AUTO(json) json_t *v1 = NULL;
        pl_span text, kept;
        if (c->n >= o->limits->n_layers)
            return pl_fail(err, PL_ELIMIT, "more than %zu layers", o->limits->n_layers);
        pl_rc rc = read_v1(f, id, o, &text, &v1, err);
        if (rc)
            return rc;
        if (!pl_arena_copy(o->arena, id, &kept))
            return pl_fail(err, PL_ENOMEM, "out of memory");
        void **seen = pl_map_at(&c->seen, kept);
        if (!seen || *seen)
            return pl_fail(err, seen ? PL_EFORMAT : PL_ENOMEM, "%.*s is its own ancestor",
                           PL_FMT(kept));
        *seen = kept.len ? (void *)kept.ptr : NULL;
        if (c->n == c->room) {
            c->room = c->room ? c->room * 2 : 64;
            pl_span *more = pl_arena_array(o->arena, c->room, sizeof(*more));
            if (!more)
                return pl_fail(err, PL_ENOMEM, "out of memory");
            if (c->n)
                memcpy(more, c->ids, c->n * sizeof(*more));
            c->ids = more;
        }
        c->ids[c->n++] = kept;
        pl_span parent = pl_json_text(v1, "parent");
        if (!pl_arena_copy(o->arena, parent, &id))
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    return PL_OK;
}

/* The command that made a v1 layer is the last word of container_config.Cmd. */
static pl_rc describe_v1(struct pl_files *f, pl_span id, const struct pl_source_opts *o,
                         struct pl_layer *layer, struct pl_err *err)
{
    PL_AUTO(json) json_t *v1 = NULL;
    pl_span text;
    pl_rc rc = read_v1(f, id, o, &text, &v1, err);
    if (rc)
        return rc;
    const json_t *cmd = pl_json_array(pl_json_object(v1, "container_config"), "Cmd");
    size_t n = json_array_size(cmd);
    if (!pl_arena_copy(o->arena, pl_json_span(json_array_get(cmd, n ? n - 1 : 0)),
                       &layer->created_by) ||
        !pl_arena_copy(o->arena, pl_json_text(v1, "created"), &layer->created))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    return PL_OK;
}

static pl_rc legacy_layers(struct pl_files *f, const struct chain *c,
                           const struct pl_source_opts *o, struct pl_image *image,
                           struct pl_file **located, struct pl_err *err)
{
    pl_rc rc = make_layers(c->n, o, image, located, err);
    for (size_t i = 0; !rc && i < c->n; i++) {
        pl_span id = c->ids[c->n - 1 - i];
        char *name = pl_arena_printf(o->arena, "%.*s/layer.tar", PL_FMT(id));
        if (!name)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        pl_stored_locate(f, image, i, pl_span_str(name), &(*located)[i]);
        rc = describe_v1(f, id, o, &image->layers[i], err);
    }
    return rc;
}

static pl_rc legacy_image(struct pl_files *f, pl_span ref, const struct pl_source_opts *o,
                          struct pl_image *image, struct pl_file **located, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    PL_AUTO(json) json_t *v1 = NULL;
    PL_AUTO(chain) struct chain c = { 0 };
    pl_span text, id = { 0 };
    pl_rc rc =
        pl_files_document(f, PL_LIT("repositories"), o->limits->config_bytes, o->arena, &text, err);
    if (!rc)
        rc = pl_json_parse(text, &root, err);
    if (!rc)
        rc = legacy_id(root, ref, &id, err);
    if (rc) {
        (void)pl_wrap(err, "repositories");
        return rc;
    }
    rc = walk_chain(f, id, o, &c, err);
    if (!rc)
        rc = legacy_layers(f, &c, o, image, located, err);
    if (!rc)
        rc = read_v1(f, id, o, &text, &v1, err);
    if (!rc)
        rc = pl_config_parse(text, o->limits, o->arena, image, err);
    image->image_id = (pl_digest){ 0 }; /* v1 ids are random, not digests */
    return rc;
}

/* ---- the row ---- */

static pl_rc open_files(struct pl_files **files, pl_span ref, const struct pl_source_opts *o,
                        struct pl_source **out, struct pl_err *err)
{
    struct pl_image *image = pl_arena_alloc(o->arena, sizeof(*image));
    struct pl_file *located = NULL;
    if (!image)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    bool legacy = !pl_files_have(*files, "manifest.json") && pl_files_have(*files, "repositories");
    pl_rc rc =
        (legacy ? legacy_image : pl_docker_archive_image)(*files, ref, o, image, &located, err);
    if (!rc)
        rc = pl_check_platform(image, o->platform, err);
    if (!rc)
        rc = pl_stored_source(files, image, located, o, out, err);
    return rc;
}

static bool sniff(struct pl_files *f)
{
    return !f->is_directory &&
           (pl_files_have(f, "manifest.json") || pl_files_have(f, "repositories"));
}

const struct pl_transport pl_transport_docker_archive = {
    .name = "docker-archive",
    .what = "a file that `docker save` wrote",
    .syntax = "docker-archive:FILE[:REF|:@N]",
    .spec = "Docker image spec v1.2",
    .sniff = sniff,
    .open_files = open_files,
};
