/* upgrade.h - the command that upgrades packages, in the words of the distribution's own manager.
 */
#pragma once
#include "base/arena.h"
#include "model/distro.h"
#include "model/package.h"

/* One shell command for all of them (each name once, in order of name), for a RUN line or a shell
 * in the image. Empty when there is none: the distribution is unknown, has no package manager in
 * the image (distroless), a package is not of its kind, or a name could mean something to a shell:
 * names come from the image, and people paste this. */
pl_span pl_upgrade_command(const struct pl_os *os, const struct pl_package *const *packages,
                           size_t n, struct pl_arena *a);
/* Packages listed by an image that has no package manager (one file each in status.d). */
bool pl_upgrade_distroless(const struct pl_package *p);
/* The command of an application's own package manager that brings this version, for the place
 * where the image is built. Empty where there is none (Maven's is an edit of pom.xml) or a name or
 * version could mean something to a shell. */
pl_span pl_upgrade_app_command(const struct pl_package *p, pl_span version, struct pl_arena *a);
