/* manifest.c - manifest and index documents. Specs: OCI image-spec manifest.md, image-index.md,
 * descriptor.md; Docker distribution manifest-v2-2.md, and schema 1 as old registries still store
 * it. Configurations are read by config.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "image/source.h"
#include "model/layer_report.h"

static const char BOTH[] = "document has both \"layers\" and \"manifests\": refused as ambiguous";

void pl_image_gap(struct pl_image *image, struct pl_arena *a, int32_t layer, const char *reason,
                  const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!image->gaps.size)
        image->gaps = PL_VEC(struct pl_gap);
    struct pl_gap *gap = pl_vec_push(a, &image->gaps);
    if (!gap)
        return;
    gap->layer = layer;
    gap->reason = pl_span_str(reason);
    if (!pl_arena_copy(a, pl_span_str(text), &gap->detail))
        gap->detail = PL_LIT("no memory left to say more");
}

/* ---- kinds ---- */

static const char *kind_of_type(pl_span type)
{
    static const struct {
        const char *type, *kind;
    } kinds[] = {
        { "application/vnd.oci.image.manifest.v1+json", "manifest" },
        { "application/vnd.oci.image.index.v1+json", "index" },
        { "application/vnd.docker.distribution.manifest.v2+json", "manifest" },
        { "application/vnd.docker.distribution.manifest.list.v2+json", "index" },
        { "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema1" },
        { "application/vnd.docker.distribution.manifest.v1+json", "schema1" },
    };
    size_t end = pl_span_chr(type, ';'); /* "...; charset=utf-8" */
    type = pl_span_trim(pl_span_sub(type, 0, end));
    for (size_t i = 0; i < PL_COUNT(kinds); i++)
        if (pl_span_eq_nocase(type, pl_span_str(kinds[i].type)))
            return kinds[i].kind;
    return NULL;
}

static const char *kind_of_tree(const json_t *root)
{
    const char *kind = kind_of_type(pl_json_text(root, "mediaType"));
    if (kind)
        return kind;
    if (pl_json_array(root, "manifests"))
        return "index";
    if (pl_json_array(root, "fsLayers"))
        return "schema1";
    if (pl_json_array(root, "layers") || pl_json_object(root, "config"))
        return "manifest";
    return NULL;
}

const char *pl_document_kind(pl_span media_type, pl_span json)
{
    const char *kind = kind_of_type(media_type);
    PL_AUTO(json) json_t *root = NULL;
    if (kind || pl_json_parse(json, &root, NULL))
        return kind;
    return kind_of_tree(root);
}

/* ---- descriptors ---- */

static uint64_t size_of(const json_t *descriptor)
{
    const json_t *v = json_object_get(descriptor, "size");
    return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static pl_rc copy(struct pl_arena *a, pl_span s, pl_span *out, struct pl_err *err)
{
    if (!pl_arena_copy(a, s, out))
        return pl_fail(err, PL_ELIMIT, "the image's description needs more memory than allowed");
    return PL_OK;
}

/* What the media type says about reading it. Unknown types that say nothing are given a try: the
 * reader sniffs. Spec: OCI layer.md; protocols of ocicrypt ("+encrypted"). */
static bool is_layer_type(pl_span type)
{
    return type.len == 0 || pl_span_starts(type, PL_LIT("application/vnd.oci.image.layer.")) ||
           pl_span_starts(type, PL_LIT("application/vnd.docker.image.rootfs.")) ||
           pl_span_starts(type, PL_LIT("application/vnd.docker.container.image.rootfs.")) ||
           pl_span_eq(type, PL_LIT("application/octet-stream"));
}

static const char *why_unreadable(pl_span type)
{
    if (pl_span_find(type, PL_LIT("+encrypted")) != SIZE_MAX)
        return "encrypted";
    if (!is_layer_type(type))
        return "not a filesystem layer";
    if (pl_span_find(type, PL_LIT(".nondistributable.")) != SIZE_MAX ||
        pl_span_find(type, PL_LIT(".foreign.")) != SIZE_MAX)
        return "foreign";
    return NULL;
}

static pl_rc read_urls(const json_t *descriptor, struct pl_arena *a, struct pl_layer *layer,
                       struct pl_err *err)
{
    const json_t *urls = pl_json_array(descriptor, "urls");
    size_t n = json_array_size(urls);
    if (n == 0)
        return PL_OK;
    if (n > 16)
        n = 16; /* mirrors of one blob; more are nobody's */
    pl_span *list = pl_arena_array(a, n, sizeof(*list));
    if (!list)
        return pl_fail(err, PL_ELIMIT, "the image's description needs more memory than allowed");
    layer->urls = list;
    for (size_t i = 0; i < n; i++) {
        pl_rc rc = copy(a, pl_json_span(json_array_get(urls, i)), &list[layer->n_urls++], err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

static pl_rc read_layer(const json_t *descriptor, struct pl_arena *a, struct pl_layer *layer,
                        struct pl_err *err)
{
    pl_rc rc = pl_digest_parse(pl_json_text(descriptor, "digest"), &layer->digest, err);
    if (!rc)
        rc = copy(a, pl_json_text(descriptor, "mediaType"), &layer->media_type, err);
    if (!rc)
        rc = read_urls(descriptor, a, layer, err);
    layer->size = size_of(descriptor);
    layer->unreadable = why_unreadable(layer->media_type);
    return rc;
}

static pl_rc read_layers(const json_t *layers, const struct pl_limits *limits, struct pl_arena *a,
                         struct pl_image *image, struct pl_err *err)
{
    size_t n = json_array_size(layers);
    if (n > limits->n_layers)
        return pl_fail(err, PL_ELIMIT, "manifest names %zu layers, more than %zu", n,
                       limits->n_layers);
    struct pl_layer *list = pl_arena_array(a, n, sizeof(*list));
    if (!list)
        return pl_fail(err, PL_ELIMIT, "the image's description needs more memory than allowed");
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        list[i].index = (unsigned)i;
        pl_rc rc = read_layer(json_array_get(layers, i), a, &list[i], err);
        if (rc) {
            (void)pl_wrap(err, "manifest: layers[%zu]", i);
            return rc;
        }
        if (__builtin_add_overflow(total, list[i].size, &total))
            total = UINT64_MAX;
    }
    image->layers = list;
    image->n_layers = n;
    image->size = total;
    if (n == 0)
        pl_image_gap(image, a, -1, "missing", "the manifest names no layer");
    return PL_OK;
}

static bool is_config_type(pl_span type)
{
    return type.len == 0 || pl_span_eq(type, PL_LIT("application/vnd.oci.image.config.v1+json")) ||
           pl_span_eq(type, PL_LIT("application/vnd.docker.container.image.v1+json")) ||
           pl_span_eq(type, PL_LIT("application/octet-stream")); /* Docker 1.9 pushed this */
}

/* Helm charts, WASM modules, signatures and SBOMs are stored as manifests too. */
static pl_rc refuse_artifact(const json_t *root, const struct pl_image *image, struct pl_err *err)
{
    const json_t *config = pl_json_object(root, "config");
    pl_span type = pl_json_text(config, "mediaType");
    if (is_config_type(type))
        return PL_OK;
    for (size_t i = 0; i < image->n_layers; i++)
        if (image->layers[i].media_type.len && is_layer_type(image->layers[i].media_type))
            return PL_OK;
    pl_span artifact = pl_json_text(root, "artifactType");
    if (artifact.len)
        type = artifact;
    return pl_fail(err, PL_EFORMAT, "an artifact of type %.*s, not a container image",
                   (int)(type.len < 120 ? type.len : 120), type.ptr ? type.ptr : "");
}

/* ---- schema 1 ---- */

/* Newest first; the configuration is that of the newest history entry, and it names no diff IDs.
 * Spec: distribution manifest-v2-1.md. */
static pl_rc schema1_layers(const json_t *root, const struct pl_limits *limits, struct pl_arena *a,
                            struct pl_image *image, struct pl_err *err)
{
    const json_t *blobs = pl_json_array(root, "fsLayers");
    const json_t *history = pl_json_array(root, "history");
    size_t n = json_array_size(blobs);
    if (n > limits->n_layers)
        return pl_fail(err, PL_ELIMIT, "manifest names %zu layers, more than %zu", n,
                       limits->n_layers);
    struct pl_layer *list = pl_arena_array(a, n, sizeof(*list));
    if (!list)
        return pl_fail(err, PL_ELIMIT, "the image's description needs more memory than allowed");
    for (size_t i = 0; i < n; i++) {
        struct pl_layer *layer = &list[i];
        const json_t *blob = json_array_get(blobs, n - 1 - i);
        PL_AUTO(json) json_t *v1 = NULL;
        layer->index = (unsigned)i;
        pl_rc rc = pl_digest_parse(pl_json_text(blob, "blobSum"), &layer->digest, err);
        if (rc) {
            (void)pl_wrap(err, "manifest: fsLayers[%zu]", n - 1 - i);
            return rc;
        }
        pl_span text = pl_json_text(json_array_get(history, n - 1 - i), "v1Compatibility");
        if (pl_json_parse(text, &v1, NULL))
            continue;
        layer->empty = pl_json_bool(v1, "throwaway");
        const json_t *cmd = pl_json_array(pl_json_object(v1, "container_config"), "Cmd");
        rc = copy(a, pl_json_span(json_array_get(cmd, json_array_size(cmd) - 1)),
                  &layer->created_by, err);
        if (!rc)
            rc = copy(a, pl_json_text(v1, "created"), &layer->created, err);
        if (rc)
            return rc;
    }
    image->layers = list;
    image->n_layers = n;
    if (n == 0)
        pl_image_gap(image, a, -1, "missing", "the manifest names no layer");
    pl_span newest = pl_json_text(json_array_get(history, 0), "v1Compatibility");
    pl_rc rc = newest.len ? pl_config_parse(newest, limits, a, image, err) : PL_OK;
    image->image_id = (pl_digest){ 0 }; /* that text is no stored blob */
    image->config_json = PL_SPAN_NONE;
    return rc;
}

/* ---- manifest ---- */

static pl_rc schema2(const json_t *root, const struct pl_limits *limits, struct pl_arena *a,
                     struct pl_image *image, pl_digest *config_digest, struct pl_err *err)
{
    if (!json_is_array(json_object_get(root, "layers")) &&
        !json_is_null(json_object_get(root, "layers")) && !pl_json_object(root, "config"))
        return pl_fail(err, PL_EFORMAT, "not an image manifest: no \"layers\" and no \"config\"");
    pl_rc rc = read_layers(pl_json_array(root, "layers"), limits, a, image, err);
    if (!rc)
        rc = refuse_artifact(root, image, err);
    if (rc)
        return rc;
    const json_t *notes = pl_json_object(root, "annotations");
    rc = copy(a, pl_json_text(notes, "org.opencontainers.image.base.name"), &image->base_name, err);
    if (!rc)
        rc = copy(a, pl_json_text(notes, "org.opencontainers.image.base.digest"),
                  &image->base_digest, err);
    pl_span config = pl_json_text(pl_json_object(root, "config"), "digest");
    if (!rc && (rc = pl_digest_parse(config, config_digest, err)))
        (void)pl_wrap(err, "manifest: config");
    return rc;
}

pl_rc pl_manifest_parse(pl_span json, pl_span media_type, const struct pl_limits *limits,
                        struct pl_arena *a, struct pl_image *image, pl_digest *config_digest,
                        struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    pl_digest config = { 0 };
    if (json.len > limits->manifest_bytes)
        return pl_fail(err, PL_ELIMIT, "manifest is larger than %zu bytes", limits->manifest_bytes);
    pl_rc rc = pl_json_parse(json, &root, err);
    if (rc) {
        (void)pl_wrap(err, "manifest");
        return rc;
    }
    if (!json_is_object(root))
        return pl_fail(err, PL_EFORMAT, "manifest is not a JSON object");
    if (pl_json_array(root, "layers") && pl_json_array(root, "manifests"))
        return pl_fail(err, PL_EFORMAT, "%s", BOTH);
    const char *kind = kind_of_type(media_type);
    if (!kind)
        kind = kind_of_tree(root);
    if (!kind || !strcmp(kind, "index"))
        return pl_fail(err, PL_EFORMAT, "%s, not an image manifest",
                       kind ? "an index" : "an unknown document");
    rc = !strcmp(kind, "schema1") ? schema1_layers(root, limits, a, image, err)
                                  : schema2(root, limits, a, image, &config, err);
    if (!rc)
        rc = copy(a, json, &image->manifest_json, err);
    if (!rc)
        *config_digest = config;
    return rc;
}

/* ---- index ---- */

struct platform {
    pl_span os, architecture, variant;
};

static pl_span usual_architecture(pl_span name)
{
    static const char *const aliases[][2] = {
        { "x86_64", "amd64" },
        { "x86-64", "amd64" },
        { "aarch64", "arm64" },
        { "armhf", "arm" },
        { "armel", "arm" },
        { "armv7l", "arm" },
        { "armv6l", "arm" },
        { "i386", "386" },
        { "i486", "386" },
        { "i586", "386" },
        { "i686", "386" },
        { "x86", "386" },
        { "powerpc64le", "ppc64le" },
        { "loongarch64", "loong64" },
        { "mips64", "mips64le" },
    };
    for (size_t i = 0; i < PL_COUNT(aliases); i++)
        if (pl_span_eq_nocase(name, pl_span_str(aliases[i][0])))
            return pl_span_str(aliases[i][1]);
    return name;
}

/* arm64 means v8 and amd64 v1, written or not; arm without a word means v7 (containerd). */
static void normalise(struct platform *p)
{
    bool armel = pl_span_eq(p->architecture, PL_LIT("armel"));
    p->architecture = usual_architecture(p->architecture);
    if (pl_span_eq(p->architecture, PL_LIT("arm64")) && pl_span_eq(p->variant, PL_LIT("v8")))
        p->variant = PL_SPAN_NONE;
    if (pl_span_eq(p->architecture, PL_LIT("amd64")) && pl_span_eq(p->variant, PL_LIT("v1")))
        p->variant = PL_SPAN_NONE;
    if (pl_span_eq(p->architecture, PL_LIT("arm")) && p->variant.len == 0)
        p->variant = armel ? PL_LIT("v6") : PL_LIT("v7");
}

static struct platform parse_platform(const char *text, struct utsname *machine)
{
    struct platform p = { .os = PL_LIT("linux") };
    pl_span in = pl_span_str(text), part = { 0 };
    if (!text) {
        p.architecture = uname(machine) == 0 ? pl_span_str(machine->machine) : PL_LIT("amd64");
    } else if (pl_span_chr(in, '/') == SIZE_MAX) {
        p.architecture = in; /* "arm64" alone */
    } else {
        pl_span_split(&in, '/', &p.os);
        if (pl_span_split(&in, '/', &part))
            p.architecture = part;
        if (pl_span_split(&in, '/', &part))
            p.variant = part;
    }
    normalise(&p);
    return p;
}

static struct platform entry_platform(const json_t *entry)
{
    const json_t *j = pl_json_object(entry, "platform");
    struct platform p = { .os = pl_json_text(j, "os"),
                          .architecture = pl_json_text(j, "architecture"),
                          .variant = pl_json_text(j, "variant") };
    normalise(&p);
    return p;
}

/* BuildKit stores provenance as "unknown/unknown" manifests beside the images. */
static bool is_image_entry(const json_t *entry)
{
    struct platform p = entry_platform(entry);
    const json_t *notes = pl_json_object(entry, "annotations");
    pl_span type = pl_json_text(entry, "mediaType");
    return json_is_object(entry) && !pl_span_eq(p.os, PL_LIT("unknown")) &&
           !pl_span_eq(p.architecture, PL_LIT("unknown")) &&
           pl_json_text(notes, "vnd.docker.reference.type").len == 0 &&
           (type.len == 0 || kind_of_type(type));
}

/* 0: not this; higher fits better. An entry that says no platform fits when nothing else does. */
static int fit(const struct platform *want, const struct platform *have)
{
    if (have->os.len == 0 && have->architecture.len == 0)
        return 1;
    if (!pl_span_eq(want->os, have->os) || !pl_span_eq(want->architecture, have->architecture))
        return 0;
    if (pl_span_eq(want->variant, have->variant))
        return 5;
    /* An arm/v7 machine runs v6 and v5 too; amd64/v2 is no baseline but better than nothing. */
    if (pl_span_eq(want->architecture, PL_LIT("arm")))
        return pl_span_cmp(have->variant, want->variant) < 0 ? 3 : 0;
    return want->variant.len == 0 || have->variant.len == 0 ? 2 : 0;
}

static const json_t *best_entry(const json_t *list, const struct platform *want, size_t *n_images,
                                const json_t **only)
{
    const json_t *best = NULL, *entry;
    int best_fit = 0;
    size_t i;
    *n_images = 0;
    json_array_foreach((json_t *)list, i, entry)
    {
        if (!is_image_entry(entry))
            continue;
        struct platform have = entry_platform(entry);
        int f = fit(want, &have);
        ++*n_images;
        *only = entry;
        if (f > best_fit) {
            best_fit = f;
            best = entry;
        }
    }
    return best;
}

static pl_rc no_such_platform(const json_t *list, const char *platform, struct pl_err *err)
{
    char text[360] = "";
    size_t used = 0, i;
    const json_t *entry;
    json_array_foreach((json_t *)list, i, entry)
    {
        struct platform p = entry_platform(entry);
        if (!is_image_entry(entry) || used > sizeof(text) - 100)
            continue;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.24s/%.24s%s%.16s",
                                 used ? ", " : "", p.os.len ? p.os.ptr : "?",
                                 p.architecture.len ? p.architecture.ptr : "?",
                                 p.variant.len ? "/" : "", p.variant.len ? p.variant.ptr : "");
    }
    return pl_fail(err, PL_EABSENT, "no image for platform %s; there %s %s (choose by --platform)",
                   platform ? platform : "linux and this machine's", used ? "is" : "is no image",
                   text);
}

pl_rc pl_index_choose(pl_span json, const char *platform, struct pl_arena *a,
                      struct pl_descriptor *out, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    struct pl_descriptor found = { 0 };
    struct utsname machine;
    const json_t *only = NULL;
    size_t n_images;
    pl_rc rc = pl_json_parse(json, &root, err);
    if (rc) {
        (void)pl_wrap(err, "index");
        return rc;
    }
    const json_t *list = pl_json_array(root, "manifests");
    if (!list)
        return pl_fail(err, PL_EFORMAT, "index has no \"manifests\"");
    if (pl_json_array(root, "layers"))
        return pl_fail(err, PL_EFORMAT, "%s", BOTH);
    struct platform want = parse_platform(platform, &machine);
    const json_t *entry = best_entry(list, &want, &n_images, &only);
    if (!entry && !platform && n_images == 1)
        entry = only;
    if (!entry)
        return no_such_platform(list, platform, err);
    found.size = size_of(entry);
    rc = pl_digest_parse(pl_json_text(entry, "digest"), &found.digest, err);
    if (rc)
        (void)pl_wrap(err, "index");
    else
        rc = copy(a, pl_json_text(entry, "mediaType"), &found.media_type, err);
    if (!rc)
        *out = found;
    return rc;
}
