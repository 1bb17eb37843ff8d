/* owners.h - inside the room only: which OS package owns an application's file, and packages that
 * are only said twice. */
#pragma once
#include "inventory/inventory_build.h"

/* packages: all visible ones, with their layer set. Sets owner ("deb/python3-requests") of each
 * that was read from a file which a visible OS package lists. Paths are compared where the image
 * really has them: through its links (lib -> usr/lib), and by the outermost file of an archive.
 * n layers, oldest first. Owners' names are in keep. PL_ELIMIT when memory ends. */
pl_rc pl_inventory_owners(struct pl_package *packages, size_t n_packages,
                          const struct pl_layer_report *reports, size_t n, struct pl_arena *tmp,
                          struct pl_arena *keep, struct pl_err *err) PL_CHECKED;

/* Bills of materials and component lists repeat what other analyzers read from the thing itself:
 * a package that stands in such a list alone stays, an echo goes. packages are sorted as in the
 * inventory; returns how many are left. */
size_t pl_inventory_drop_echoes(struct pl_package *packages, size_t n);
