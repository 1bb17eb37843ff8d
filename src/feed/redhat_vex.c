/* redhat_vex.c - Red Hat CSAF VEX. */
#include "feed/csaf.h"

static bool sniff(const struct pl_feed_file *f) { return pl_csaf_sniff(f, "redhat.com"); }

static pl_rc read_csaf(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    return pl_csaf_read(f, "redhat_vex", "redhat", out, err);
}

const struct pl_feed pl_feed_redhat_vex = {
    .name = "redhat_vex",
    .what = "Red Hat CSAF VEX",
    .spec = "CSAF 2.0, profile VEX; Red Hat security data guidelines",
    .folder = "redhat-vex",
    .rank = 10,
    .sniff = sniff,
    .read = read_csaf,
};
