/* openeuler_csaf.c - openEuler CSAF advisories and VEX. */
#include "feed/csaf.h"

static bool sniff(const struct pl_feed_file *f) { return pl_csaf_sniff(f, "openeuler.org"); }

static pl_rc read_csaf(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    return pl_csaf_read(f, "openeuler_csaf", "openeuler", out, err);
}

const struct pl_feed pl_feed_openeuler_csaf = {
    .name = "openeuler_csaf",
    .what = "openEuler CSAF advisories and VEX",
    .spec = "CSAF 2.0",
    .folder = "openeuler",
    .rank = 10,
    .sniff = sniff,
    .read = read_csaf,
};
