/* rules.h - knowledge as data: the files of rules/, carried inside the program.
 *
 * The table is made by build-aux/embed-rules when the program is built, so that a rule is one text
 * file and nothing has to be found at run time. */
#pragma once
#include "base/span.h"

struct pl_rule_file {
    const char *name; /* below rules/: "programs/databases.yaml" */
    const char *bytes;
    size_t len;
};
extern const struct pl_rule_file pl_rule_files[];
extern const size_t pl_n_rule_files;

/* Of all files in that folder of rules/, names included; part of cache keys. */
const char *pl_rules_digest(pl_span folder);
