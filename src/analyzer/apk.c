/* apk.c - Alpine's package database, and that of all who took its package manager.
 *
 * Blocks of "K:value" lines, a blank line after each. Version 3 of apk-tools keeps this text form
 * for the installed set, but its own binary form (ADB) begins "ADB" and is told apart here.
 * Spec: apk-tools doc/apk-package(5) and src/database.c; letters are case-sensitive. */
#include "analyzer/packages.h"

struct reader {
    const struct pl_input *in;
    struct pl_sink *out;
    struct pl_broken broken;
    uint64_t n;
    struct pl_package p;
    pl_span folder, file, sum; /* of the file whose lines are being read; file empty: none */
    size_t line;               /* where the block began; 0: no block */
};

/* "Q1" and base64 is SHA-1, "Q2" SHA-256; "X1" and hex SHA-1; bare hex MD5 (apk-tools 1). */
static pl_span file_digest(pl_span sum, char *out, size_t room)
{
    uint8_t raw[40];
    pl_span rest = pl_span_from(sum, 2);
    if (pl_span_starts(sum, PL_LIT("Q1")) && pl_base64(rest, raw, sizeof(raw)) == 20)
        return pl_hex_digest("sha1", raw, 20, out, room);
    if (pl_span_starts(sum, PL_LIT("Q2")) && pl_base64(rest, raw, sizeof(raw)) == 32)
        return pl_hex_digest("sha256", raw, 32, out, room);
    const char *name = NULL;
    if (pl_span_starts(sum, PL_LIT("X1")) && rest.len == 40)
        name = "sha1", sum = rest;
    else if (sum.len == 32)
        name = "md5";
    if (!name || !pl_is_hex(sum))
        return PL_SPAN_NONE;
    int n = snprintf(out, room, "%s:%.*s", name, (int)sum.len, sum.ptr);
    return pl_span_of(out, (size_t)n);
}

static pl_rc put_file(struct reader *r, struct pl_err *err)
{
    char raw[PL_PATH_ROOM], clean[PL_PATH_ROOM], digest[80];
    struct pl_owned o = { .type = PL_LIT("apk"), .package = r->p.name };
    int n = snprintf(raw, sizeof(raw), "%.*s/%.*s", PL_FMT(r->folder), PL_FMT(r->file));
    bool there = r->file.len > 0;
    o.digest = file_digest(r->sum, digest, sizeof(digest));
    r->file = r->sum = PL_SPAN_NONE;
    if (!there || n < 0 || (size_t)n >= sizeof(raw) || !r->p.name.len ||
        !pl_clean_path(pl_span_of(raw, (size_t)n), clean, &o.path))
        return PL_OK;
    return pl_sink_owned(r->out, &o, err);
}

static pl_rc put_block(struct reader *r, struct pl_err *err)
{
    pl_rc rc = put_file(r, err);
    struct pl_package p = r->p;
    size_t line = r->line;
    r->p = (struct pl_package){ 0 };
    r->folder = PL_SPAN_NONE;
    r->line = 0;
    if (rc || !line)
        return rc;
    if (!p.name.len || !p.version.len) {
        pl_broken_add(&r->broken, "line %zu: a package without %s", line,
                      p.name.len ? "version (V:)" : "name (P:)");
        return PL_OK;
    }
    p.type = PL_LIT("apk");
    p.path = r->in->path;
    p.analyzer = PL_LIT("apk");
    if (pl_is_kernel_headers(p.name))
        p.flags |= PL_PACKAGE_KERNEL_HEADERS;
    r->n++;
    return pl_sink_package(r->out, &p, err);
}

static pl_rc read_line(struct reader *r, pl_span line, size_t number, struct pl_err *err)
{
    pl_span value = pl_span_from(line, 2);
    pl_rc rc = PL_OK;
    if (line.len < 2 || line.ptr[1] != ':') {
        pl_broken_add(&r->broken, "line %zu: not of the form K:value", number);
        return PL_OK;
    }
    if (line.ptr[0] == 'P' && r->p.name.len) { /* the blank line between two blocks is missing */
        pl_broken_add(&r->broken, "line %zu: a second name in one block", number);
        rc = put_block(r, err);
    }
    if (rc)
        return rc;
    if (!r->line)
        r->line = number;
    switch (line.ptr[0]) {
    case 'P': r->p.name = value; break;
    case 'V': r->p.version = value; break;
    case 'A': r->p.arch = value; break;
    case 'o': r->p.source_name = value; break;
    case 'm': r->p.vendor = value; break;
    case 'L': r->p.licenses = value; break;
    case 's': r->p.repository = value; break;
    case 'f': /* broken: files or scripts */
        if (pl_span_chr(value, 'f') != SIZE_MAX)
            r->p.flags |= PL_PACKAGE_PARTIAL;
        break;
    case 'F':
        rc = put_file(r, err);
        r->folder = value;
        break;
    case 'R':
        rc = put_file(r, err);
        r->file = value;
        break;
    case 'Z': r->sum = value; break;
    default: break;
    }
    return rc;
}

/* Read one database.
 *
 * out   one package per block with a name and a version, and the files below it
 * err   what the sink says; anything broken is a gap */
static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct reader r = { .in = in, .out = out };
    pl_span rest = in->bytes, line;
    if (pl_span_starts(rest, PL_LIT("ADB"))) {
        pl_sink_gap(out, in->path, "unknown-format",
                    "a package database in the binary form of apk-tools 3 (ADB): its packages are "
                    "not known");
        return PL_OK;
    }
    for (size_t number = 1; pl_span_line(&rest, &line); number++) {
        pl_rc rc = line.len ? read_line(&r, line, number, err) : put_block(&r, err);
        if (rc)
            return rc;
    }
    pl_rc rc = put_block(&r, err);
    if (rc)
        return rc;
    pl_broken_report(&r.broken, in, out, "lines or packages");
    return pl_put_database(in, out, "apk", r.n, err);
}

const struct pl_analyzer pl_analyzer_apk = {
    .name = "apk",
    .what = "Alpine, Wolfi and other apk packages",
    .spec = "apk-tools, src/database.c; lib/apk/db/installed",
    .paths = (const char *const[]){ "lib/apk/db/installed", "usr/lib/apk/db/installed", NULL },
    .max_bytes = 64 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
