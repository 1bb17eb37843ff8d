/* csaf.h - the reader that the CSAF feeds share. Private to the room.
 *
 * One document speaks of one vulnerability (VEX) or of those of one advisory; either way each
 * vulnerability is an advisory of its own here, since each has its own product statuses.
 * Spec: CSAF 2.0, 3.2; Red Hat's use of it: security data guidelines, "CSAF VEX". */
#pragma once
#include "feed/record.h"

/* feed: the row's name; source: of the scores ("redhat"). */
pl_rc pl_csaf_read(struct pl_feed_file *f, const char *feed, const char *source,
                   struct pl_advisory_sink *out, struct pl_err *err) PL_CHECKED;
/* Is it CSAF, and does the head name this publisher? */
bool pl_csaf_sniff(const struct pl_feed_file *f, const char *publisher);
