/* reference.h - "registry/repository:tag@digest", read by docker's rules.
 *
 * "nginx" means docker.io/library/nginx:latest; what stands before the first slash is a host only
 * when it has a dot, a colon or an upper-case letter, or is "localhost". With a tag and a digest
 * the digest decides. Spec: OCI distribution-spec, "Pulling manifests"; the reference grammar of
 * docker's clients. */
#pragma once
#include "base/digest.h"

struct pl_reference {
    char domain[256];     /* "docker.io", "localhost:5000", "[::1]:5000": as people write it */
    char host[256];       /* whom to ask: registry-1.docker.io for docker.io, else the domain */
    char repository[256]; /* "library/nginx" */
    char tag[129];        /* "latest" when neither tag nor digest was given; else may be empty */
    pl_digest digest;     /* unset when none was given */
};

/* PL_EUSAGE with what is wrong and how to write it. */
pl_rc pl_reference_parse(pl_span text, struct pl_reference *out, struct pl_err *err) PL_CHECKED;
/* What to ask the registry for: the digest, else the tag. */
const char *pl_reference_target(const struct pl_reference *r);
/* "docker.io/library/nginx:latest@sha256:..."; whole. */
#define PL_REFERENCE_TEXT 800
void pl_reference_text(const struct pl_reference *r, char *out, size_t size);
