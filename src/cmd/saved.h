/* saved.h - a saved report as a command's argument. */
#pragma once
#include "report/read_json.h"

/* Read FILE ("-": standard input) whole. PL_EIO, PL_ELIMIT over PL_REPORT_FILE_BYTES, PL_EFORMAT
 * when it is no report of ours; the sentence begins with the name. */
pl_rc pl_saved_read(const char *file, struct pl_arena *keep, struct pl_report_set *out,
                    struct pl_err *err) PL_CHECKED;
/* Does the file begin as a JSON report does? False when it cannot be read. Standard input is taken
 * for one. */
bool pl_saved_looks(const char *file);
