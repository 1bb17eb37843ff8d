/* sbom.h - packages out of somebody's bill of materials: CycloneDX JSON (1.2 to 1.6) and SPDX JSON
 * (2.2, 2.3), as Syft, Trivy, the CycloneDX tools and this program write them.
 *
 * A package is known by its package URL; what properties (CycloneDX) and attribution texts (SPDX)
 * of the makers say beside it beats it. A component without a package URL is counted into a gap.
 * The distribution is the component of type operating-system, else what the packages' URLs name
 * (qualifier distro). What is read becomes a layer report like any layer's. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "model/layer_report.h"
#include "model/purl.h"

/* Kind of the fact that holds the ports which the image exposes, one a line: "80/tcp". */
#define PL_SBOM_PORTS "exposed-ports"

/* A whole document of either form. PL_EFORMAT when it is none. Runs in a layer's child. */
pl_rc pl_sbom_read(pl_span bytes, const struct pl_limits *limits, struct pl_sink *out,
                   struct pl_err *err) PL_CHECKED;

/* ---- shared by the two readers ---- */

/* One component, as its format names the parts; all optional. */
struct pl_sbom_item {
    pl_span purl, name, group, version, supplier, licenses;
    /* Properties, by whoever wrote them. */
    pl_span ours_name, path, owner, source_name, source_version, source_release, source_epoch;
    pl_span source_rpm, arch, module, status, repository, analyzer, vendor, our_licenses;
    uint32_t flags;
};

struct pl_sbom {
    const struct pl_limits *limits;
    struct pl_sink *sink;
    struct pl_arena a;   /* as long as the reading */
    struct pl_map seen;  /* packages already given */
    struct pl_map paths; /* type -> struct pl_span *: where its database lies */
    pl_span os_family, os_version, os_pretty, os_codename, os_variant;
    pl_span hint_family, hint_version; /* of the first package URL that names one */
    struct pl_buf ports;               /* exposed by the image, one a line */
    uint64_t n_packages, n_nameless, n_broken, n_system;
    pl_span first_nameless, first_broken;
};

pl_rc pl_sbom_item(struct pl_sbom *b, const struct pl_sbom_item *item, struct pl_err *err);
/* A property of some maker's; unknown ones are nothing. */
void pl_sbom_property(struct pl_sbom_item *item, pl_span key, pl_span value);
/* Of the system or the image. */
void pl_sbom_os_property(struct pl_sbom *b, pl_span key, pl_span value);
pl_rc pl_sbom_cyclonedx(struct pl_sbom *b, const json_t *doc, struct pl_err *err) PL_CHECKED;
pl_rc pl_sbom_spdx(struct pl_sbom *b, const json_t *doc, struct pl_err *err) PL_CHECKED;
