/* limits.h - every ceiling of the program in one place, with its unit and its reason.
 *
 * Parsers are handed a const struct pl_limits *; tests hand smaller ones. A limit met inside an
 * image becomes a gap in the report, never silence. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct pl_limits {
    /* Documents of an image. */
    size_t manifest_bytes;  /* registries are asked to take 4 MiB manifests (OCI distribution) */
    size_t config_bytes;    /* configs hold history; 10,000 layers need about 4 MiB */
    size_t n_layers;        /* Docker stops at 127, kernels at 500 overlays; 16,384 is nobody's */
    size_t index_depth;     /* an index may name an index */
    size_t archive_entries; /* entries of an outer docker or OCI archive */
    uint64_t spool_bytes;   /* standard input kept in an unlinked file; images are far below */

    /* One layer. */
    uint64_t layer_bytes;    /* inflated; 1 TiB: beyond any disk this runs on */
    uint64_t expansion;      /* inflated : stored; DEFLATE itself ends at 1032 */
    uint64_t expansion_from; /* ... looked at once this many bytes are out: small files may */
    size_t layer_entries;    /* 30 MB images with 3 million files exist; memory is per entry */
    size_t path_bytes;       /* Linux: PATH_MAX 4096 */
    size_t layer_report_bytes;
    uint64_t child_memory_bytes; /* address space that a layer's child may write to (RLIMIT_DATA) */
    unsigned child_cpu_s;        /* CPU seconds for one layer, RLIMIT_CPU */

    /* What an analyzer is handed whole. */
    size_t file_bytes;       /* most metadata files are far below 16 MiB */
    size_t package_db_bytes; /* an rpm database of 3,000 packages is about 200 MiB */
    size_t gathered_bytes;   /* all files kept for the end of one layer, together */
    size_t program_bytes;    /* of a program at a time; larger ones are looked at in pieces */
    unsigned nesting_depth;  /* archives within archives */
    size_t zip_entries;      /* of one file, with all that is nested in it; big ears have 200,000 */
    uint64_t zip_bytes;      /* inflated out of one file at all levels together: this much ... */
    uint64_t zip_expansion;  /* ... and this many times its size; jars in wars count at each */
    size_t packages;         /* of one image */

    /* Knowledge. */
    size_t record_bytes; /* one advisory; Debian's whole "linux" is about 12 MiB */
    uint64_t feed_bytes; /* one feed file, inflated */
    unsigned max_redirects;
    unsigned connect_s, stall_s; /* a server that says nothing for this long has failed */
};

#define PL_KIB ((size_t)1 << 10)
#define PL_MIB ((size_t)1 << 20)
#define PL_GIB ((uint64_t)1 << 30)

static const struct pl_limits PL_LIMITS = {
    .manifest_bytes = 4 * PL_MIB,
    .config_bytes = 16 * PL_MIB,
    .n_layers = 16384,
    .index_depth = 4,
    .archive_entries = 200000,
    .spool_bytes = 128 * PL_GIB,
    .layer_bytes = 1024 * PL_GIB,
    .expansion = 1200,
    .expansion_from = 64 * PL_MIB,
    .layer_entries = 5000000,
    .path_bytes = 4096,
    .layer_report_bytes = 256 * PL_MIB,
    .child_memory_bytes = 768 * PL_MIB,
    .child_cpu_s = 3600,
    .file_bytes = 16 * PL_MIB,
    .package_db_bytes = 320 * PL_MIB,
    .gathered_bytes = 400 * PL_MIB,
    .program_bytes = 24 * PL_MIB,
    .nesting_depth = 8,
    .zip_entries = 2000000,
    .zip_bytes = 512 * PL_MIB,
    .zip_expansion = 20,
    .packages = 200000,
    .record_bytes = 64 * PL_MIB,
    .feed_bytes = 32 * PL_GIB,
    .max_redirects = 10,
    .connect_s = 20,
    .stall_s = 60,
};
