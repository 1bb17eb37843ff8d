/* node.c - installed Node modules: node_modules/NAME/package.json, as npm, pnpm and Yarn lay them
 * out, nested or not; a global npm too.
 *
 * Only the file at a module's own root counts: below it lie fixtures, and package.json files that
 * say no more than "type": "module". What has no name or no version was never published.
 * Spec: package.json(5) of npm. Seen in the wild: pnpm's .pnpm/x@1.0.0/node_modules/x; aliases,
 * where the folder has another name than the module; Yarn's .yarn/unplugged. */
#include "analyzer/apps.h"

static pl_span license(pl_span value, struct pl_arena *a)
{
    pl_span type = value.len && value.ptr[0] == '{' ? pl_member(value, "type") : value;
    return pl_member_list(type, a); /* old modules: {"type": "MIT", "url": ...} */
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("npm"), .analyzer = PL_LIT("node") };
    struct pl_broken broken = { 0 };
    struct pl_members m;
    pl_span key, value;
    if (!pl_members_open(in->bytes, &m) || !m.object) {
        pl_sink_gap(out, in->path, "broken", "not a JSON object");
        return PL_OK;
    }
    while (pl_members_next(&m, &key, &value)) {
        if (pl_span_eq(key, PL_LIT("name")))
            p.name = pl_member_text(value, in->tmp);
        else if (pl_span_eq(key, PL_LIT("version")))
            p.version = pl_member_text(value, in->tmp);
        else if (pl_span_eq(key, PL_LIT("license")))
            p.licenses = license(value, in->tmp);
    }
    if (m.broken)
        pl_sink_gap(out, in->path, "broken", "JSON ends or breaks at byte %zu",
                    in->bytes.len - m.in.len);
    pl_rc rc = p.name.len && p.version.len ? pl_put_app(in, out, &p, &broken, err) : PL_OK;
    pl_broken_report(&broken, in, out, "members");
    return rc;
}

const struct pl_analyzer pl_analyzer_node = {
    .application = true,
    .name = "node",
    .what = "installed Node modules",
    .spec = "package.json(5) of npm; node, CommonJS modules: loading from node_modules folders",
    .paths = (const char *const[]){ "**/node_modules/*/package.json",
                                    "**/node_modules/@*/*/package.json", NULL },
    .max_bytes = 8 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
