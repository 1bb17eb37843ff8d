/* purl.h - names of packages for others: package URLs, and the ids inside a report.
 *
 * Spec: the package URL specification (ECMA-427) and its type definitions. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "model/inventory.h"

/* "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12". os may be NULL. Bytes that
 * are not unreserved are percent-encoded, whatever they are, so the text is plain ASCII. */
void pl_purl(const struct pl_package *p, const struct pl_os *os, struct pl_buf *out);

/* One id per package, in their order: "deb/libc6/2.36-9+deb12u4/amd64"; where two would be the
 * same, "#path" follows, and a count where even that is the same. NULL when memory ends. */
pl_span *pl_package_ids(const struct pl_package *packages, size_t n, struct pl_arena *a);

/* ---- reading them ---- */

enum { PL_PURL_QUALIFIERS = 24 };

/* A package URL in its parts, decoded. */
struct pl_purl {
    pl_span type;  /* lower case */
    pl_span space; /* namespace, slashes between its parts; may be empty */
    pl_span name;
    pl_span version; /* empty: none */
    struct pl_purl_qualifier {
        pl_span key, value;
    } qualifiers[PL_PURL_QUALIFIERS]; /* those beyond are left out */
    size_t n_qualifiers;
    pl_span subpath;
};

/* False when it is none (no "pkg:", type or name, a broken % sequence, a control character). Text
 * is in a. */
bool pl_purl_parse(pl_span text, struct pl_arena *a, struct pl_purl *out);
/* "%2F" and the like; lower: ASCII letters too. False as pl_purl_parse(). */
bool pl_percent_decode(pl_span in, bool lower, struct pl_arena *a, pl_span *out);
pl_span pl_purl_qualifier(const struct pl_purl *p, const char *key); /* empty when absent */
/* The name as our packages have it: "group:artifact", "@scope/name", "github.com/x/y". */
pl_span pl_purl_full_name(const struct pl_purl *p, struct pl_arena *a);
/* "src" and "1.2-3" out of the qualifier upstream: "src", "src@1.2-3", "src-1.2-3.src.rpm". */
void pl_purl_upstream(const struct pl_purl *p, pl_span *name, pl_span *version);
/* Does the package URL mean this package? Version and qualifiers only count where it has them. */
bool pl_purl_means(const struct pl_purl *p, const struct pl_package *package,
                   const struct pl_os *os, struct pl_arena *tmp);
