/* osv.h - inside the room only: OSV records under another feed's name. */
#pragma once
#include "feed/feed.h"

bool pl_osv_sniff(const struct pl_feed_file *f);
/* feed names the row that the records belong to, source whose scores they hold (NULL: as the
 * record's own id tells). */
pl_rc pl_osv_read(struct pl_feed_file *f, const char *feed, const char *source,
                  struct pl_advisory_sink *out, struct pl_err *err) PL_CHECKED;
