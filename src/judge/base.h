/* base.h - what of an image is its base's. */
#pragma once
#include "model/report.h"

/* Fills report->base when it is empty: from the annotations and labels that builders write
 * (org.opencontainers.image.base.name, .digest), and how far it reaches from the history: the
 * commands up to the first CMD behind the root file system are those of the distribution's image.
 * docs/base.md says it for people. */
void pl_base_find(struct pl_report *report);
/* Marks each finding by its layer. */
void pl_base_mark(struct pl_report *report);
