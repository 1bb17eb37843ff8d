/* conda.c - packages of a Conda environment: conda-meta/NAME-VERSION-BUILD.json, one each.
 *
 * The file lists every path that the package brought, so it may have megabytes.
 * Spec: conda, "Conda package specification", conda.models.records.PrefixRecord. */
#include "analyzer/apps.h"

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("conda"), .analyzer = PL_LIT("conda") };
    struct pl_broken broken = { 0 };
    const struct {
        pl_span name;
        pl_span *to;
    } fields[] = { { PL_LIT("name"), &p.name },
                   { PL_LIT("version"), &p.version },
                   { PL_LIT("license"), &p.licenses },
                   { PL_LIT("channel"), &p.repository } };
    struct pl_members m;
    pl_span key, value;
    if (!pl_members_open(in->bytes, &m) || !m.object) {
        pl_sink_gap(out, in->path, "broken", "not a JSON object");
        return PL_OK;
    }
    while (pl_members_next(&m, &key, &value))
        for (size_t i = 0; i < PL_COUNT(fields); i++)
            if (pl_span_eq(key, fields[i].name))
                *fields[i].to = pl_member_text(value, in->tmp);
    if (m.broken)
        pl_sink_gap(out, in->path, "broken", "JSON ends or breaks at byte %zu",
                    in->bytes.len - m.in.len);
    pl_rc rc = pl_put_app(in, out, &p, &broken, err);
    pl_broken_report(&broken, in, out, "members");
    return rc;
}

const struct pl_analyzer pl_analyzer_conda = {
    .application = true,
    .name = "conda",
    .what = "packages of Conda environments",
    .spec = "conda: conda-meta/*.json, PrefixRecord",
    .paths = (const char *const[]){ "**/conda-meta/*.json", NULL },
    .max_bytes = 64 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
