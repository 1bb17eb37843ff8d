/* inventory.h - what is in the image once its layers are laid over each other. */
#pragma once
#include "model/distro.h"
#include "model/image.h"
#include "model/layer_report.h"
#include "model/package.h"

struct pl_inventory {
    const struct pl_image *image;
    struct pl_os os;
    struct pl_package *packages; /* visible ones, sorted by type, name, arch, version, path */
    size_t n_packages;
    struct pl_fact *facts; /* visible ones, sorted by path */
    size_t n_facts;
    struct pl_gap *gaps;
    size_t n_gaps;
    uint64_t n_files;
    bool all_layers_read; /* false: some layer is a gap */
};
