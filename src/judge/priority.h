/* priority.h - what to do first. The rule is written down for people in docs/priority.md. */
#pragma once
#include "model/report.h"

/* Sets priority and, in keep, the reason: the first rule that holds, in words. package and image
 * may be NULL. False when memory ends. */
bool pl_prioritise(struct pl_finding *f, const struct pl_package *package,
                   const struct pl_image *image, struct pl_arena *keep);
/* Software that others reach over the network: a service, or the library by which services speak.
 */
bool pl_speaks_network(const struct pl_package *package);
