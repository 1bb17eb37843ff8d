/* naming.h - what the judge's files call findings by: ids, packages, paths. */
#pragma once
#include "base/yaml.h"
#include "model/report.h"

/* The id or one of the aliases; case does not matter, as people type them. */
bool pl_named_by_id(const struct pl_finding *f, pl_span id);
/* Globs. For a package: of its name, or its source's; with "pkg:" in front, of its package URL (a
 * glob without "@" or "?" means every version). NULL package: no. */
bool pl_named_by_package(const struct pl_package *p, const struct pl_os *os, pl_span glob);
bool pl_named_by_path(const struct pl_finding *f, const struct pl_package *p, pl_span glob);
const struct pl_package *pl_package_of(const struct pl_report *r, const struct pl_finding *f);
