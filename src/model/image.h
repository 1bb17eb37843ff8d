/* image.h - an image as its manifest and configuration describe it: nouns only, no bytes.
 *
 * Everything is held by the arena that whoever filled it in was given. Text is bytes from outside:
 * escape it where it leaves. Spec: OCI image-spec config.md, manifest.md; Docker image spec v1.2.
 */
#pragma once
#include "base/arena.h"
#include "base/digest.h"

/* One entry of the report's "layers": history entries without a layer are in it too (empty). */
struct pl_layer {
    unsigned index;     /* place in the array, from 0, empty ones included */
    bool empty;         /* history without a layer (ENV, CMD, ...) */
    pl_digest digest;   /* of the stored bytes; unset where the transport does not name it */
    pl_digest diff_id;  /* of the inflated tar; unset until read where there is no config */
    uint64_t size;      /* stored bytes; 0 when not known before reading */
    pl_span media_type; /* as the manifest says; readers sniff all the same */
    pl_span created_by, created, comment;
    const pl_span *urls; /* foreign layers: where the bytes are said to be */
    size_t n_urls;
    const char
        *unreadable; /* why the bytes cannot be had ("encrypted", "foreign"); NULL: they can */
};

struct pl_pair {
    pl_span key, value;
};

struct pl_config {
    pl_span user, working_dir, stop_signal;
    const pl_span *entrypoint, *cmd, *env, *exposed_ports, *volumes, *on_build, *shell;
    size_t n_entrypoint, n_cmd, n_env, n_exposed_ports, n_volumes, n_on_build, n_shell;
    const struct pl_pair *labels; /* sorted by key */
    size_t n_labels;
    bool healthcheck;
};

struct pl_image {
    pl_span reference;  /* as the user named it */
    pl_span transport;  /* "docker-archive", ... */
    pl_digest digest;   /* of the manifest, where there is one */
    pl_digest image_id; /* of the configuration */
    pl_span os, architecture, variant, created, author;
    struct pl_config config;
    struct pl_layer *layers; /* oldest first */
    size_t n_layers;
    uint64_t size;                      /* stored bytes of all layers */
    pl_span base_name, base_digest;     /* annotations org.opencontainers.image.base.*, if any */
    pl_span manifest_json, config_json; /* the bytes themselves */
    /* What stood in the way while the image was opened; struct pl_gap of model/report.h. */
    struct pl_vec gaps;
};
