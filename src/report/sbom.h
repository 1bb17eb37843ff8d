/* sbom.h - what a bill of materials of ours says about a package beyond the fields of its format,
 * so that it can be scanned again and give the same packages and the same findings.
 *
 * CycloneDX writes these as properties of a component ("plimsoll:path": "var/lib/dpkg/status"),
 * SPDX as attribution texts of a package ("plimsoll:path=var/lib/dpkg/status"). A key that is not
 * there means empty. The keys:
 *
 *     plimsoll:name             the name as the package manager writes it, where the format's own
 *                               field differs (group and name of maven, npm and composer)
 *     plimsoll:source:name      source package, where it is set
 *     plimsoll:source:version   its version, where it is set
 *     plimsoll:path             the file that the package was read from
 *     plimsoll:layer:index      of the layer that brought it, from 0, empty ones counted
 *     plimsoll:layer:digest, plimsoll:layer:diff_id
 *     plimsoll:owner            "deb/nodejs": the OS package that owns that path
 *     plimsoll:module           rpm's module label, name:stream:version:context
 *     plimsoll:vendor           rpm VENDOR, dpkg or apk maintainer
 *     plimsoll:repository       apk repository tag, conda channel
 *     plimsoll:status           dpkg's three words
 *     plimsoll:analyzer         who read it
 *     plimsoll:licenses         the text as the package has it (SPDX only, where its own field
 *                               holds a reference)
 *     plimsoll:flag             kernel-headers, third-party, by-bytes, runtime or partial; one
 *                               entry for each that is set
 *
 * Of the image (CycloneDX: properties of metadata.component; SPDX: attribution texts of the image's
 * package):
 *
 *     plimsoll:image:reference, :digest, :id, :platform, :created, :size
 *     plimsoll:image:base_name, :base_digest
 *     plimsoll:image:exposed_port  one for each; priority is made of them
 *     plimsoll:image:layer      one for each, in order: "INDEX DIGEST DIFF_ID SIZE COMMAND", apart
 *                               by one blank; "-" for a digest that is not known; SIZE is "empty"
 *                               for history without a layer; the command is the rest
 *     plimsoll:coverage:CLASS   "STATE by WHOM as of WHEN: detail"
 *     plimsoll:gap              "CLASS: PATH in layer N: REASON: detail", one for each
 *     plimsoll:left_out         how many findings are of classes that have no place in it
 *
 * Of the operating system (component or package of that kind, name is the family, version its
 * version, description or summary its pretty name): plimsoll:os:codename, plimsoll:os:variant. */
#pragma once
#include "report/document.h"

struct pl_sbom_writer;
/* One key and value, in the format's own words. */
typedef void (*pl_sbom_put)(struct pl_jsonw *w, const char *key, pl_span value);

void pl_sbom_package(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r,
                     const struct pl_package *p);
void pl_sbom_image(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r,
                   struct pl_arena *a);
void pl_sbom_os(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r);
/* "kernel-headers" and so on, by bit; NULL beyond the last. */
const char *pl_sbom_flag(unsigned bit);
/* pkg:oci/api@sha256%3A...?repository_url=...&tag=1.4; empty when there is no digest. */
pl_span pl_sbom_image_purl(const struct pl_report *r, struct pl_arena *a);
