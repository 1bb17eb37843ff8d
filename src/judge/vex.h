/* vex.h - what others say about vulnerabilities in a product: VEX documents.
 *
 * OpenVEX (0.2.0, and the older forms whose vulnerability and products are plain texts) and
 * CycloneDX's vulnerabilities[].analysis. Specs: openvex/spec OPENVEX-SPEC.md; CycloneDX 1.4 to
 * 1.6. docs/vex.md says for people what is matched with what. */
#pragma once
#include "base/log.h"
#include "model/report.h"

struct pl_vex; /* statements of all documents */

struct pl_vex *pl_vex_new(void);
void pl_vex_free(struct pl_vex *v);
PL_AUTO_DEFINE(vex, struct pl_vex *, pl_vex_free)

/* Adds a document's statements. PL_EFORMAT when it is no VEX document that we know; a statement
 * without what it needs is left out and said in the log. */
pl_rc pl_vex_read(struct pl_vex *v, const char *file, const struct pl_log *log,
                  struct pl_err *err) PL_CHECKED;
/* The same from bytes, for the fuzzer. */
pl_rc pl_vex_parse(struct pl_vex *v, const char *file, pl_span text, const struct pl_log *log,
                   struct pl_err *err) PL_CHECKED;
size_t pl_vex_count(const struct pl_vex *v);

/* not_affected and fixed suppress; affected and under_investigation are noted. Of several
 * statements that speak of a finding, the one with the latest timestamp counts, of those the last
 * read. */
pl_rc pl_vex_apply(const struct pl_vex *v, struct pl_report *report, struct pl_arena *keep,
                   struct pl_err *err) PL_CHECKED;
