/* format.h - one file per output format, one word in formats.def. */
#pragma once
#include "model/report.h"
#include <stdio.h>

struct pl_format_opts {
    unsigned columns; /* of the screen; 0: 100 */
    bool colour;      /* a terminal that has it */
    bool unicode;     /* may draw with more than ASCII */
    bool verbose;     /* fold nothing */
    bool quiet;
    bool several; /* more than one target was named: an array, however many could be scanned */
};

struct pl_format {
    const char *name; /* "table", "json" */
    const char *what;
    const char *spec;
    const char *media_type;
    bool one_image; /* a document describes one image: several are refused */
    /* n reports of one command; several targets make one document where the format can. */
    pl_rc (*write)(const struct pl_report *const *reports, size_t n, const struct pl_format_opts *o,
                   FILE *out, struct pl_err *err);
};
extern const struct pl_format *const pl_formats[];
extern const size_t pl_n_formats;
const struct pl_format *pl_format_find(pl_span name);
#define FORMAT(name) extern const struct pl_format pl_format_##name;
#include "report/formats.def"
#undef FORMAT
/* PL_EUSAGE, with the remedy, when the format cannot hold n images. Asked before a long scan. */
pl_rc pl_format_check(const struct pl_format *f, size_t n_images, struct pl_err *err) PL_CHECKED;
