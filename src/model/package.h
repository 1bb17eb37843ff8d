/* package.h - one installed package, as its own package manager writes it. */
#pragma once
#include "base/span.h"

struct pl_package {
    pl_span type;    /* purl type: "deb", "apk", "rpm", "npm", ... */
    pl_span name;    /* binary package */
    pl_span version; /* deb, apk: as written. rpm: [epoch:]version-release, epoch left out when 0 */
    pl_span arch;
    pl_span source_name, source_version; /* empty: the same as name and version. An rpm's source
                                            version has no epoch of its own: readers copy the
                                            binary's epoch in front when it is not 0 */
    pl_span vendor; /* rpm VENDOR, dpkg Maintainer, apk maintainer: tells third parties */
    pl_span module; /* rpm MODULARITYLABEL name:stream:version:context */
    pl_span licenses;
    pl_span status;     /* dpkg "hold ok installed"; empty elsewhere */
    pl_span path;       /* file it was read from, from the image root, no leading slash */
    pl_span analyzer;   /* name of the row that read it */
    pl_span repository; /* apk repository tag, conda channel; empty when unknown */
    uint32_t layer;     /* index of the layer that brought this version; set by the inventory */
    pl_span owner;      /* type/name of the OS package that owns `path`; set by the inventory */
    uint32_t flags;
};

enum {
    PL_PACKAGE_KERNEL_HEADERS = 1, /* headers only: the kernel's flaws are not in the image */
    PL_PACKAGE_THIRD_PARTY =
        2,                   /* not built by the distribution: its advisories do not speak of it */
    PL_PACKAGE_BY_BYTES = 4, /* found by the program's own bytes, not by coordinates */
    PL_PACKAGE_RUNTIME = 8,  /* a language runtime or standard library */
    PL_PACKAGE_PARTIAL = 16, /* on disk in part (half-installed, unpacked) */
};

/* Kernel headers only: such a package has no kernel in it, whatever its source package is. */
bool pl_is_kernel_headers(pl_span name);
