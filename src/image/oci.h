/* oci.h - the OCI image layout, in a directory or an archive. */
#pragma once
#include "image/files.h"

bool pl_oci_sniff(struct pl_files *f);
/* ref: what org.opencontainers.image.ref.name or io.containerd.image.name must be, "@DIGEST", or
 * empty. */
pl_rc pl_oci_open(struct pl_files **files, pl_span ref, const struct pl_source_opts *o,
                  struct pl_source **out, struct pl_err *err) PL_CHECKED;

/* An image manifest whose bytes are at hand: where a layout keeps a blob is told by `name`. Used
 * by oci and dir. */
typedef const char *(*pl_blob_name)(struct pl_arena *a, const pl_digest *digest);
pl_rc pl_manifest_source(struct pl_files **files, pl_span manifest, pl_span media_type,
                         pl_blob_name name, const struct pl_source_opts *o, struct pl_source **out,
                         struct pl_err *err) PL_CHECKED;
