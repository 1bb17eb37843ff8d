/* words.h - the sentences of a report for people. */
#pragma once
#include "report/groups.h"

/* "RUN apt-get install -y nginx" from what builders write into the history of an image:
 * "/bin/sh -c #(nop) ADD ...", "|1 A=b /bin/sh -c ...", "RUN /bin/sh -c ... # buildkit". Borrowed,
 * or in a; not escaped. Values of build arguments are left out. */
pl_span pl_words_command(struct pl_arena *a, pl_span created_by);

/* "today", "yesterday", "12 days ago", "4 months ago": date and now are RFC 3339 or dates. Empty
 * when one of them is none. */
pl_span pl_words_age(struct pl_arena *a, pl_span date, pl_span now);
/* Days since 1970-01-01 of the date in front of an RFC 3339 text; false when it is none. */
bool pl_words_days(pl_span date, int64_t *out);

pl_span pl_words_size(struct pl_arena *a, uint64_t bytes); /* "231 MB" */
/* "1 package", "2 packages". */
pl_span pl_words_count(struct pl_arena *a, uint64_t n, const char *one, const char *many);

/* The verdict: what it is in one sentence, and how much of it is mended. Not escaped. */
pl_span pl_words_verdict(struct pl_arena *a, const struct pl_report *r, const struct pl_groups *g);
/* How grave the verdict is, for its colour: 2 no, 1 with reserve, 0 good. */
int pl_words_alarm(const struct pl_report *r, const struct pl_groups *g);
/* Was everything that was asked for looked at? */
bool pl_words_whole(const struct pl_report *r);
