/* oci_archive.c - a tar of an OCI image layout; compressed or not. Spec: OCI image-layout.md. */
#include "image/oci.h"

static bool sniff(struct pl_files *f) { return !f->is_directory && pl_oci_sniff(f); }

const struct pl_transport pl_transport_oci_archive = {
    .name = "oci-archive",
    .what = "an archive in OCI image layout",
    .syntax = "oci-archive:FILE[:REF]",
    .spec = "OCI image-spec image-layout.md",
    .sniff = sniff,
    .open_files = pl_oci_open,
};
