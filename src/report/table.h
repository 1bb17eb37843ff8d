/* table.h - the sections of the table that stand in files of their own. */
#pragma once
#include "report/format.h"
#include "report/groups.h"
#include "report/layout.h"

struct pl_table {
    struct pl_page page;
    const struct pl_report *report;
    const struct pl_format_opts *opts;
    struct pl_arena *a;
    struct pl_groups groups;
};

enum { PL_TABLE_TEXT = 12 }; /* column where text begins, after the severity */

/* Escaped for this screen. */
pl_span pl_table_text(struct pl_table *t, pl_span raw);
void pl_table_title(struct pl_table *t, const char *title); /* an empty line, then the title */
enum pl_tone pl_table_tone(enum pl_severity s);

void pl_table_findings(struct pl_table *t); /* DO FIRST and THE REST (table_findings.c) */
void pl_table_unseen(struct pl_table *t);   /* NOT LOOKED AT (table_ledger.c) */
void pl_table_judges(struct pl_table *t);   /* JUDGED BY */
