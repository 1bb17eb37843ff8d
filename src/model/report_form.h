/* report_form.h - the bytes of a layer report, as layer_sink.c writes and layer_report.c reads
 * them.
 *
 *     "PLR1" {tag u8, varint length, body}*
 *
 * text is a varint length and its bytes; path is front-coded: varint of bytes shared with the path
 * before, then text.
 *     TOTALS     text digest, text diff_id, varint size, varint stored_size
 *     PACKAGES   varint n, n of {varint mask of texts as in the record before, texts, varint flags}
 *     DATABASES  varint n, n of {text path, text analyzer, varint n_packages}
 *     FACTS      varint n, n of {text kind, text path, text bytes}
 *     GAPS       varint n, n of {text path, text reason, text detail}
 *     ENTRIES    varint n, n of {path, u8 type, varint mode, uid, gid, then size of a regular file
 * or text target of a link} OWNED      varint n, groups of {text type, text package, varint m, m of
 * {path, text digest}}
 *
 * Any change is a new PL_FORM_VERSION, which is part of the cache key. */
#pragma once
#include "model/layer_report.h"

#define PL_FORM_MAGIC "PLR1"
#define PL_FORM_VERSION "layer-report/1"

enum {
    PL_FORM_TOTALS = 1,
    PL_FORM_PACKAGES,
    PL_FORM_DATABASES,
    PL_FORM_FACTS,
    PL_FORM_GAPS,
    PL_FORM_ENTRIES,
    PL_FORM_OWNED,
};

static const size_t pl_form_package_texts[] = {
    offsetof(struct pl_package, type),        offsetof(struct pl_package, name),
    offsetof(struct pl_package, version),     offsetof(struct pl_package, arch),
    offsetof(struct pl_package, source_name), offsetof(struct pl_package, source_version),
    offsetof(struct pl_package, vendor),      offsetof(struct pl_package, module),
    offsetof(struct pl_package, licenses),    offsetof(struct pl_package, status),
    offsetof(struct pl_package, path),        offsetof(struct pl_package, analyzer),
    offsetof(struct pl_package, repository),
};

static inline pl_span *pl_form_text(void *package, size_t at)
{
    return (pl_span *)(void *)((char *)package + at);
}
