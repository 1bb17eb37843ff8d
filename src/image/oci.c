/* oci.c - an OCI image layout. Spec: OCI image-spec image-layout.md, image-index.md. */
#include "image/oci.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

static const char *blob_name(struct pl_arena *a, const pl_digest *d)
{
    pl_span algorithm = pl_digest_algorithm(d), hex = pl_digest_hex(d);
    return pl_arena_printf(a, "blobs/%.*s/%.*s", PL_FMT(algorithm), PL_FMT(hex));
}

/* ---- one manifest ---- */

static uint64_t config_size(pl_span manifest)
{
    PL_AUTO(json) json_t *root = NULL;
    if (pl_json_parse(manifest, &root, NULL))
        return 0;
    double n = pl_json_number(pl_json_object(root, "config"), "size", 0);
    return n > 0 && n < 1e15 ? (uint64_t)n : 0;
}

static pl_rc locate_layers(struct pl_files *f, struct pl_image *image, pl_blob_name name,
                           struct pl_arena *a, struct pl_file **out, struct pl_err *err)
{
    struct pl_file *located = pl_arena_array(a, image->n_layers, sizeof(*located));
    if (!located)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    size_t next = 0;
    for (size_t i = 0; i < image->n_layers; i++) {
        if (image->layers[i].empty)
            continue;
        const char *path = name(a, &image->layers[i].digest);
        if (!path)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        pl_stored_locate(f, image, i, pl_span_str(path), &located[next++]);
    }
    *out = located;
    return PL_OK;
}

pl_rc pl_manifest_source(struct pl_files **files, pl_span manifest, pl_span media_type,
                         pl_blob_name name, const struct pl_source_opts *o, struct pl_source **out,
                         struct pl_err *err)
{
    struct pl_image *image = pl_arena_alloc(o->arena, sizeof(*image));
    struct pl_file *located = NULL;
    pl_digest config = { 0 };
    pl_span text;
    if (!image)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = pl_manifest_parse(manifest, media_type, o->limits, o->arena, image, &config, err);
    if (!rc)
        rc = locate_layers(*files, image, name, o->arena, &located, err);
    if (rc)
        return rc;
    pl_sha256(manifest, &image->digest);
    if (pl_digest_set(&config)) {
        const char *path = name(o->arena, &config);
        if (!path)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        rc = pl_files_checked(*files, pl_span_str(path), o->limits->config_bytes, &config,
                              config_size(manifest), o->arena, &text, err);
        if (!rc)
            rc = pl_config_parse(text, o->limits, o->arena, image, err);
        if (rc) {
            (void)pl_wrap(err, "configuration");
            return rc;
        }
        image->image_id = config;
    }
    rc = pl_check_platform(image, o->platform, err);
    return rc ? rc : pl_stored_source(files, image, located, o, out, err);
}

/* ---- index.json ---- */

static pl_span entry_name(const json_t *entry, bool full)
{
    return pl_json_text(pl_json_object(entry, "annotations"),
                        full ? "io.containerd.image.name" : "org.opencontainers.image.ref.name");
}

static bool matches(const json_t *entry, pl_span ref)
{
    return pl_span_eq(entry_name(entry, false), ref) || pl_span_eq(entry_name(entry, true), ref) ||
           (pl_span_starts(ref, PL_LIT("@")) &&
            pl_span_eq(pl_json_text(entry, "digest"), pl_span_from(ref, 1)));
}

static pl_rc list_names(const json_t *list, pl_span ref, struct pl_err *err)
{
    char text[320] = "";
    size_t used = 0, i;
    const json_t *entry;
    json_array_foreach((json_t *)list, i, entry)
    {
        pl_span name = entry_name(entry, false), digest = pl_json_text(entry, "digest");
        if (name.len == 0)
            name = entry_name(entry, true);
        if (used < sizeof(text) - 100)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%.*s", used ? ", " : "",
                                     name.len ? "" : "@",
                                     (int)(name.len          ? name.len > 80 ? 80 : name.len
                                           : digest.len > 80 ? 80
                                                             : digest.len),
                                     name.len     ? name.ptr
                                     : digest.len ? digest.ptr
                                                  : "");
    }
    if (ref.len)
        return pl_fail(err, PL_EABSENT, "no image \"%.*s\"; there is %s",
                       (int)(ref.len < 90 ? ref.len : 90), ref.ptr, used ? text : "none");
    return pl_fail(err, PL_EUSAGE, "several images, choose one by PATH:REF: %s", text);
}

/* The entries that ref means. Without a ref they must all be of one name: then they are one image
 * for several platforms. */
static pl_rc narrow(const json_t *list, pl_span ref, json_t *into, struct pl_err *err)
{
    pl_span first = { 0 };
    size_t i;
    json_t *entry;
    json_array_foreach((json_t *)list, i, entry)
    {
        if (ref.len && !matches(entry, ref))
            continue;
        /* BuildKit's attestations bear no name. */
        pl_span name = entry_name(entry, false);
        if (!ref.len && name.len && first.len && !pl_span_eq(name, first))
            return list_names(list, ref, err);
        if (name.len)
            first = name;
        if (json_array_append(into, entry))
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if (json_array_size(into) == 0)
        return ref.len ? list_names(list, ref, err)
                       : pl_fail(err, PL_EABSENT, "index.json names no image");
    return PL_OK;
}

static pl_rc choose_top(pl_span index, pl_span ref, const struct pl_source_opts *o,
                        struct pl_descriptor *out, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    PL_AUTO(json) json_t *narrowed = json_pack("{s:[]}", "manifests");
    PL_AUTO(text) char *text = NULL;
    pl_rc rc = pl_json_parse(index, &root, err);
    if (rc)
        return rc;
    const json_t *list = pl_json_array(root, "manifests");
    if (!list)
        return pl_fail(err, PL_EFORMAT, "no \"manifests\"");
    if (pl_json_array(root, "layers"))
        return pl_fail(err, PL_EFORMAT, "both \"layers\" and \"manifests\": refused as ambiguous");
    rc = narrow(list, ref, json_object_get(narrowed, "manifests"), err);
    if (rc)
        return rc;
    text = json_dumps(narrowed, JSON_COMPACT);
    if (!text)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    return pl_index_choose(pl_span_str(text), o->platform, o->arena, out, err);
}

/* Follow descriptors down to a manifest. */
static pl_rc resolve(struct pl_files *f, struct pl_descriptor *at, const struct pl_source_opts *o,
                     pl_span *manifest, struct pl_err *err)
{
    for (size_t depth = 0;; depth++) {
        const char *path = blob_name(o->arena, &at->digest);
        if (depth > o->limits->index_depth)
            return pl_fail(err, PL_ELIMIT, "indexes nest more than %zu deep",
                           o->limits->index_depth);
        if (!path)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        pl_rc rc = pl_files_checked(f, pl_span_str(path), o->limits->manifest_bytes, &at->digest,
                                    at->size, o->arena, manifest, err);
        if (rc)
            return rc;
        const char *kind = pl_document_kind(at->media_type, *manifest);
        if (!kind || strcmp(kind, "index"))
            return PL_OK;
        rc = pl_index_choose(*manifest, o->platform, o->arena, at, err);
        if (rc) {
            (void)pl_wrap(err, "%s", path);
            return rc;
        }
    }
}

pl_rc pl_oci_open(struct pl_files **files, pl_span ref, const struct pl_source_opts *o,
                  struct pl_source **out, struct pl_err *err)
{
    struct pl_descriptor at = { 0 };
    pl_span index, manifest;
    pl_rc rc = pl_files_document(*files, PL_LIT("index.json"), o->limits->manifest_bytes, o->arena,
                                 &index, err);
    if (rc && pl_files_have(*files, "manifest.json"))
        return pl_fail(err, PL_EFORMAT, "no index.json: not an OCI layout (%s)",
                       (*files)->is_directory ? "dir:DIR" : "docker-archive:FILE");
    if (rc)
        return rc;
    if ((rc = choose_top(index, ref, o, &at, err))) {
        (void)pl_wrap(err, "index.json");
        return rc;
    }
    rc = resolve(*files, &at, o, &manifest, err);
    if (rc)
        return rc;
    return pl_manifest_source(files, manifest, at.media_type, blob_name, o, out, err);
}

bool pl_oci_sniff(struct pl_files *f)
{
    return pl_files_have(f, "oci-layout") && pl_files_have(f, "index.json");
}

static bool sniff(struct pl_files *f) { return f->is_directory && pl_oci_sniff(f); }

const struct pl_transport pl_transport_oci = {
    .name = "oci",
    .what = "a directory in OCI image layout",
    .syntax = "oci:DIR[:REF]",
    .spec = "OCI image-spec image-layout.md",
    .sniff = sniff,
    .open_files = pl_oci_open,
};
