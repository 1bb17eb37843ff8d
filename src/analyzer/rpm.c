/* rpm.c - the row of the rpm database: which of the three containers is it?
 *
 * By content, not by name: Photon and Mariner kept "Packages" names for SQLite for a while.
 * Spec: rpm, docs/manual/format_header.md, lib/backend/; protocol of each in its own file. */
#include "analyzer/rpm.h"

bool pl_seen_init(struct pl_seen *s, struct pl_arena *a, size_t n)
{
    *s = (struct pl_seen){ .bits = pl_arena_alloc(a, n / 8 + 1), .n = n };
    return s->bits != NULL;
}

bool pl_seen_first(struct pl_seen *s, size_t page)
{
    if (page >= s->n || (s->bits[page / 8] >> (page % 8) & 1))
        return false;
    s->bits[page / 8] |= (uint8_t)(1u << (page % 8));
    return true;
}

static pl_rc walk(struct pl_rpm *r, struct pl_err *err)
{
    pl_span bytes = r->in->bytes;
    if (pl_rpm_is_sqlite(bytes))
        return pl_rpm_sqlite(r, err);
    if (pl_rpm_is_ndb(bytes))
        return pl_rpm_ndb(r, err);
    if (pl_rpm_is_bdb(bytes))
        return pl_rpm_bdb(r, err);
    if (bytes.len == 0)
        pl_sink_gap(r->out, r->in->path, "broken", "an rpm database of no bytes");
    else
        pl_sink_gap(r->out, r->in->path, "unknown-format",
                    "no rpm database that is known: neither SQLite, nor NDB, nor Berkeley DB hash");
    return PL_OK;
}

/* Read one database.
 *
 * in    bytes: the whole file; beside: SQLite's write-ahead log, where there is one
 * out   one package per header but "gpg-pubkey" (keys), and the files each installed
 * err   what the sink says, or PL_ELIMIT; anything broken is a gap, the rest is read */
static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_rpm r = { .in = in, .out = out, .blob.ceiling = in->bytes.len + in->beside.len + 1 };
    pl_arena_init(&r.scratch, 64 * PL_MIB);
    pl_rc rc = walk(&r, err);
    pl_broken_report(&r.broken, in, out, "records or pages");
    if (!rc)
        rc = pl_put_database(in, out, "rpm", r.n, err);
    pl_buf_done(&r.blob);
    pl_arena_done(&r.scratch);
    return rc;
}

const struct pl_analyzer pl_analyzer_rpm = {
    .name = "rpm",
    .what = "packages of Red Hat, SUSE, Amazon and other rpm distributions",
    .spec = "rpm, docs/manual/format_header.md; Berkeley DB hash, NDB, SQLite",
    .paths = (const char *const[]){ "var/lib/rpm/{Packages,Packages.db,rpmdb.sqlite}",
                                    "usr/lib/sysimage/rpm/{Packages,Packages.db,rpmdb.sqlite}",
                                    "usr/share/rpm/{Packages,Packages.db,rpmdb.sqlite}", NULL },
    .beside = "-wal",
    .max_bytes = 320 * PL_MIB, /* as limits.package_db_bytes */
    .revision = 1,
    .parse = parse,
};
