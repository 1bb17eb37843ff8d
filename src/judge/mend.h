/* mend.h - how a finding is mended: the command, the version, what to beware of. */
#pragma once
#include "model/report.h"

/* Fills the parts of every vulnerability's fix and cause that are still empty. One command serves
 * all binary packages of a source package that have a fix. False when memory ends. */
bool pl_mend(struct pl_report *report, struct pl_arena *keep);
