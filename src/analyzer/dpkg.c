/* dpkg.c - Debian's package database, and opkg's, which is written alike.
 *
 * One stanza per package, "Field: value" with continuation lines. Distroless images have one file
 * per package in status.d/ instead, without a Status field, their names sometimes in base64.
 * Spec: deb822(5), deb-control(5), dpkg(1) PACKAGE STATES; deb-src-control(5) for Source. */
#include "analyzer/packages.h"

struct stanza {
    pl_span package, status, version, arch, source, maintainer;
    pl_span conffiles; /* the continuation lines, whole */
    size_t line;       /* 1-based, where it began; 0: nothing yet */
};

struct reader {
    const struct pl_input *in;
    struct pl_sink *out;
    struct pl_broken broken;
    uint64_t n;
    pl_span type;
};

static void set_field(struct stanza *s, pl_span name, pl_span value)
{
    const struct {
        pl_span name;
        pl_span *to;
    } fields[] = {
        { PL_LIT("Package"), &s->package }, { PL_LIT("Status"), &s->status },
        { PL_LIT("Version"), &s->version }, { PL_LIT("Architecture"), &s->arch },
        { PL_LIT("Source"), &s->source },   { PL_LIT("Maintainer"), &s->maintainer },
    };
    for (size_t i = 0; i < PL_COUNT(fields); i++)
        if (pl_span_eq_nocase(name, fields[i].name))
            *fields[i].to = value;
}

/* "install ok installed": the third word is the state. Packages of other states than these have
 * no files on disk, or settings only. False: does not count. */
static bool counts(pl_span status, uint32_t *flags)
{
    static const struct {
        const char *state;
        uint32_t flags;
    } states[] = {
        { "installed", 0 },
        { "triggers-pending", 0 },
        { "triggers-awaited", 0 },
        { "half-configured", 0 },
        { "unpacked", PL_PACKAGE_PARTIAL },
        { "half-installed", PL_PACKAGE_PARTIAL },
    };
    pl_span word = PL_SPAN_NONE, rest = status;
    if (pl_span_trim(status).len == 0)
        return true; /* status.d/ has none: the file is there, so is the package */
    for (int i = 0; i < 3; i++)
        if (!pl_span_word(&rest, &word))
            return false;
    for (size_t i = 0; i < PL_COUNT(states); i++)
        if (pl_span_eq(word, pl_span_str(states[i].state))) {
            *flags |= states[i].flags;
            return true;
        }
    return false;
}

/* "glibc (2.31-13)" or "glibc"; the version is there only where it differs from the package's. */
static void put_source(pl_span source, struct pl_package *p)
{
    size_t open = pl_span_chr(source, '(');
    p->source_name = pl_span_trim(pl_span_sub(source, 0, open));
    if (open == SIZE_MAX)
        return;
    pl_span inside = pl_span_from(source, open + 1);
    p->source_version = pl_span_trim(pl_span_sub(inside, 0, pl_span_chr(inside, ')')));
}

/* " /etc/bash.bashrc 3fe8a1b1..." and perhaps "obsolete" or "remove-on-upgrade" behind. */
static pl_rc put_conffiles(struct reader *r, const struct stanza *s, struct pl_err *err)
{
    pl_span lines = s->conffiles, line, path, md5, clean;
    char buf[PL_PATH_ROOM], digest[48];
    while (pl_span_line(&lines, &line)) {
        if (!pl_span_word(&line, &path) || !pl_span_word(&line, &md5) || md5.len != 32 ||
            !pl_is_hex(md5) || !pl_clean_path(path, buf, &clean))
            continue; /* "newconffile" stands where no digest is known yet */
        int n = snprintf(digest, sizeof(digest), "md5:%.32s", md5.ptr);
        const struct pl_owned o = { .type = r->type,
                                    .package = s->package,
                                    .path = clean,
                                    .digest = pl_span_of(digest, (size_t)n) };
        pl_rc rc = pl_sink_owned(r->out, &o, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

static pl_rc put_stanza(struct reader *r, const struct stanza *s, struct pl_err *err)
{
    struct pl_package p = { .type = r->type,
                            .name = s->package,
                            .version = s->version,
                            .arch = s->arch,
                            .vendor = s->maintainer,
                            .status = s->status,
                            .path = r->in->path,
                            .analyzer = PL_LIT("dpkg") };
    if (!s->line || !counts(s->status, &p.flags))
        return PL_OK;
    if (p.name.len == 0 || p.version.len == 0) {
        pl_broken_add(&r->broken, "line %zu: package \"%.*s\" has no %s", s->line,
                      (int)(p.name.len > 60 ? 60 : p.name.len), p.name.len ? p.name.ptr : "",
                      p.name.len ? "version" : "name");
        return PL_OK;
    }
    put_source(s->source, &p);
    if (pl_is_kernel_headers(p.name))
        p.flags |= PL_PACKAGE_KERNEL_HEADERS;
    r->n++;
    pl_rc rc = pl_sink_package(r->out, &p, err);
    return rc ? rc : put_conffiles(r, s, err);
}

/* One line that is not blank. `list` is where continuation lines are collected, or NULL. */
static void read_line(struct reader *r, struct stanza *s, pl_span line, size_t number,
                      pl_span after, pl_span **list)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        if (*list)
            (*list)->len = (size_t)(line.ptr + line.len - (*list)->ptr);
        return;
    }
    *list = NULL;
    if (line.ptr[0] == '#')
        return;
    size_t colon = pl_span_chr(line, ':');
    if (colon == SIZE_MAX || colon == 0) {
        pl_broken_add(&r->broken, "line %zu: no field name before a colon", number);
        return;
    }
    if (!s->line)
        s->line = number;
    pl_span name = pl_span_sub(line, 0, colon);
    set_field(s, name, pl_span_trim(pl_span_from(line, colon + 1)));
    if (pl_span_eq_nocase(name, PL_LIT("Conffiles"))) {
        s->conffiles = pl_span_of(after.ptr, 0);
        *list = &s->conffiles;
    }
}

/* Read one status file.
 *
 * in    bytes may hold anything
 * out   one package per stanza whose files are on disk, in file order, and its conffiles
 * err   what the sink says; a broken stanza is a gap, and the others are read */
static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct reader r = { .in = in, .out = out, .type = PL_LIT("deb") };
    if (pl_span_find(in->path, PL_LIT("opkg/")) != SIZE_MAX)
        r.type = PL_LIT("opkg");
    struct stanza s = { 0 };
    pl_span rest = in->bytes, line, *list = NULL;
    for (size_t number = 1; pl_span_line(&rest, &line); number++) {
        bool again = s.package.len && line.len > 8 &&
                     pl_span_eq_nocase(pl_span_sub(line, 0, 8), PL_LIT("Package:"));
        if (again) /* the blank line between two stanzas is missing */
            pl_broken_add(&r.broken, "line %zu: a second Package in one stanza", number);
        if (pl_span_trim(line).len && !again) {
            read_line(&r, &s, line, number, rest, &list);
            continue;
        }
        pl_rc rc = put_stanza(&r, &s, err);
        if (rc)
            return rc;
        s = (struct stanza){ 0 };
        list = NULL;
        if (again)
            read_line(&r, &s, line, number, rest, &list);
    }
    pl_rc rc = put_stanza(&r, &s, err);
    if (rc)
        return rc;
    pl_broken_report(&r.broken, in, out, "lines or stanzas");
    return pl_put_database(in, out, "dpkg", r.n, err);
}

const struct pl_analyzer pl_analyzer_dpkg = {
    .name = "dpkg",
    .what = "Debian and Ubuntu packages, distroless ones, and opkg's",
    .spec = "deb822(5); deb-control(5); dpkg(1), PACKAGE STATES",
    .paths = (const char *const[]){ "var/lib/dpkg/status", "var/lib/dpkg/status.d/*",
                                    "usr/lib/opkg/status", "var/lib/opkg/status",
                                    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) */
                                    "!var/lib/dpkg/status.d/*.{md5sums,list,conffiles,preinst,"
                                    "postinst,prerm,postrm,triggers,shlibs,symbols,templates,"
                                    "config}",
                                    NULL },
    .max_bytes = 64 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
