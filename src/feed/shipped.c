/* shipped.c - the records that ship with Plimsoll: OSV records of our own, a selection.
 *
 * They are told by `database_specific.plimsoll`, so that they stay what they are in whatever folder
 * they lie. They rank behind every publisher; where nobody else speaks of a release, matching says
 * that only a selection was looked for (PL_FEED_SELECTION, model/advisory.h). */
#include "feed/osv.h"
#include "feed/record.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '{' && pl_osv_sniff(f) && pl_head_key(f->head, 2, "plimsoll");
}

static pl_rc read_shipped(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    return pl_osv_read(f, PL_FEED_SELECTION, "plimsoll", out, err);
}

const struct pl_feed pl_feed_shipped = {
    .name = PL_FEED_SELECTION,
    .what = "Plimsoll's shipped records",
    .spec = "OSV schema 1.6; advisories/README.md",
    .folder = "shipped",
    .rank = 80,
    .sniff = sniff,
    .read = read_shipped,
};
