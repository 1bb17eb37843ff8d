/* apps.h - what readers of language packages share. */
#pragma once
#include "analyzer/members.h"
#include "analyzer/packages.h"

/* Put a package whose path is the file's. Name and version are trimmed; one that no registry would
 * take (empty, over 512 bytes, with control characters) is counted in b and left out: it is the
 * file's word, and a version of a megabyte would stand in the report once per finding. */
pl_rc pl_put_app(const struct pl_input *in, struct pl_sink *out, struct pl_package *p,
                 struct pl_broken *b, struct pl_err *err) PL_CHECKED;
