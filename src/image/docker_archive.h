/* docker_archive.h - the layout of `docker save`, for those that meet it elsewhere. */
#pragma once
#include "image/files.h"

/* Read manifest.json, choose the image that ref means ("" the only one, "name:tag", "@N"), find its
 * layers and parse its configuration. located: one for each layer that is not empty, in order. */
pl_rc pl_docker_archive_image(struct pl_files *f, pl_span ref, const struct pl_source_opts *o,
                              struct pl_image *image, struct pl_file **located,
                              struct pl_err *err) PL_CHECKED;
