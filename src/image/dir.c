/* dir.c - skopeo's debugging layout: manifest.json, version, and blobs named by their hex digits.
 * A copy of all platforms has an index there, and <hex>.manifest.json. Written down nowhere but in
 * containers/image, docs/containers-transports.5, "dir:path". */
#include "image/oci.h"

/* Since 1.1 of the format digests other than sha256 keep their algorithm in the name. */
static const char *blob_name(struct pl_arena *a, const pl_digest *d)
{
    pl_span algorithm = pl_digest_algorithm(d), hex = pl_digest_hex(d);
    if (pl_span_eq(algorithm, PL_LIT("sha256")))
        return pl_arena_str(a, hex);
    return pl_arena_printf(a, "%.*s-%.*s", PL_FMT(algorithm), PL_FMT(hex));
}

static pl_rc resolve(struct pl_files *f, const struct pl_source_opts *o, pl_span *manifest,
                     pl_span *media_type, struct pl_err *err)
{
    for (size_t depth = 0;; depth++) {
        const char *kind = pl_document_kind(*media_type, *manifest);
        struct pl_descriptor at = { 0 };
        if (!kind || strcmp(kind, "index"))
            return PL_OK;
        if (depth >= o->limits->index_depth)
            return pl_fail(err, PL_ELIMIT, "indexes nest more than %zu deep",
                           o->limits->index_depth);
        pl_rc rc = pl_index_choose(*manifest, o->platform, o->arena, &at, err);
        if (rc)
            return rc;
        const char *path =
            pl_arena_printf(o->arena, "%s.manifest.json", blob_name(o->arena, &at.digest));
        if (!path)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        rc = pl_files_checked(f, pl_span_str(path), o->limits->manifest_bytes, &at.digest, at.size,
                              o->arena, manifest, err);
        if (rc)
            return rc;
        *media_type = at.media_type;
    }
}

static pl_rc open_files(struct pl_files **files, pl_span ref, const struct pl_source_opts *o,
                        struct pl_source **out, struct pl_err *err)
{
    pl_span manifest, type = { 0 };
    if (ref.len)
        return pl_fail(err, PL_EUSAGE, "dir: holds one image, \"%.*s\" after it means nothing",
                       PL_FMT(ref));
    pl_rc rc = pl_files_document(*files, PL_LIT("manifest.json"), o->limits->manifest_bytes,
                                 o->arena, &manifest, err);
    if (!rc)
        rc = resolve(*files, o, &manifest, &type, err);
    return rc ? rc : pl_manifest_source(files, manifest, type, blob_name, o, out, err);
}

static bool sniff(struct pl_files *f)
{
    return f->is_directory && pl_files_have(f, "manifest.json") && pl_files_have(f, "version");
}

const struct pl_transport pl_transport_dir = {
    .name = "dir",
    .what = "a directory that `skopeo copy ... dir:` wrote",
    .syntax = "dir:DIR",
    .spec = "containers-transports(5), \"dir:path\"",
    .sniff = sniff,
    .open_files = open_files,
};
