/* purl.h - names of packages for others: package URLs, and the ids inside a report.
 *
 * Spec: the package URL specification (ECMA-427) and its type definitions. */
#pragma once
#include "base/buf.h"
#include "model/inventory.h"

/* "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12". os may be NULL. Bytes that
 * are not unreserved are percent-encoded, whatever they are, so the text is plain ASCII. */
void pl_purl(const struct pl_package *p, const struct pl_os *os, struct pl_buf *out);

/* One id per package, in their order: "deb/libc6/2.36-9+deb12u4/amd64"; where two would be the
 * same, "#path" follows, and a count where even that is the same. NULL when memory ends. */
pl_span *pl_package_ids(const struct pl_package *packages, size_t n, struct pl_arena *a);
