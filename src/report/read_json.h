/* read_json.h - a saved report read back, for other formats and for comparing.
 *
 * What json.c writes, plimsoll.report/1, alone or as an array. Strict about the schema's name and
 * about what each known member is; members that it does not know are passed over, those that are
 * not there count as not known: reports of other versions of the program are read too. Written
 * again by json.c, the bytes are the same. */
#pragma once
#include "model/report.h"

struct pl_report_set {
    struct pl_report *items;
    size_t n;
    bool list; /* the file held an array */
};

enum { PL_REPORT_SET_MOST = 10000 }; /* reports of one file */
#define PL_REPORT_FILE_BYTES ((size_t)1 << 30)

/* text is the whole file, borrowed for the call; everything in out is held by keep.
 * PL_EFORMAT names the member ("report 2: findings[7].severity: ..."), PL_ELIMIT when keep is
 * full. */
pl_rc pl_reports_parse(pl_span text, struct pl_arena *keep, struct pl_report_set *out,
                       struct pl_err *err) PL_CHECKED;
