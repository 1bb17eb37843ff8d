#include "image/sbom.h"

#include <ctype.h>

#include "model/distro.h"

enum { PORTS_BYTES = 16 << 10 };

/* ---- makers' properties ---- */

struct property {
    const char *key;
    size_t at;
};
#define PROPERTY(key, field)                                                                       \
    {                                                                                              \
        key, offsetof(struct pl_sbom_item, field)                                                  \
    }

/* plimsoll: report/sbom.h. syft: its CycloneDX encoding of pkg.Package. trivy: pkg/sbom/core. */
static const struct property properties[] = {
    PROPERTY("plimsoll:name", ours_name),
    PROPERTY("plimsoll:path", path),
    PROPERTY("plimsoll:owner", owner),
    PROPERTY("plimsoll:source:name", source_name),
    PROPERTY("plimsoll:source:version", source_version),
    PROPERTY("plimsoll:module", module),
    PROPERTY("plimsoll:vendor", vendor),
    PROPERTY("plimsoll:repository", repository),
    PROPERTY("plimsoll:status", status),
    PROPERTY("plimsoll:analyzer", analyzer),
    PROPERTY("plimsoll:licenses", our_licenses),
    PROPERTY("syft:location:0:path", path),
    PROPERTY("syft:metadata:source", source_name),
    PROPERTY("syft:metadata:sourceVersion", source_version),
    PROPERTY("syft:metadata:originPackage", source_name),
    PROPERTY("syft:metadata:sourceRpm", source_rpm),
    PROPERTY("syft:metadata:modularityLabel", module),
    PROPERTY("syft:metadata:maintainer", vendor),
    PROPERTY("syft:metadata:vendor", vendor),
    PROPERTY("aquasecurity:trivy:FilePath", path),
    PROPERTY("aquasecurity:trivy:SrcName", source_name),
    PROPERTY("aquasecurity:trivy:SrcVersion", source_version),
    PROPERTY("aquasecurity:trivy:SrcRelease", source_release),
    PROPERTY("aquasecurity:trivy:SrcEpoch", source_epoch),
    PROPERTY("aquasecurity:trivy:Modularitylabel", module),
    PROPERTY("aquasecurity:trivy:ModularityLabel", module),
};

static const struct {
    const char *word;
    uint32_t flag;
} flags[] = {
    { "kernel-headers", PL_PACKAGE_KERNEL_HEADERS },
    { "third-party", PL_PACKAGE_THIRD_PARTY },
    { "by-bytes", PL_PACKAGE_BY_BYTES },
    { "runtime", PL_PACKAGE_RUNTIME },
    { "partial", PL_PACKAGE_PARTIAL },
};

void pl_sbom_property(struct pl_sbom_item *item, pl_span key, pl_span value)
{
    if (pl_span_eq(key, PL_LIT("plimsoll:flag")))
        for (size_t i = 0; i < PL_COUNT(flags); i++)
            if (pl_span_eq(value, pl_span_str(flags[i].word)))
                item->flags |= flags[i].flag;
    for (size_t i = 0; i < PL_COUNT(properties); i++)
        if (pl_span_eq(key, pl_span_str(properties[i].key)))
            *(pl_span *)(void *)((char *)item + properties[i].at) = value;
}

static void add_port(struct pl_sbom *b, pl_span port)
{
    for (size_t i = 0; i < port.len; i++)
        if (!isalnum((unsigned char)port.ptr[i]) && !strchr("/-", port.ptr[i]))
            return;
    if (!port.len || port.len > 32 || b->ports.len > PORTS_BYTES)
        return;
    pl_buf_add(&b->ports, port);
    pl_buf_char(&b->ports, '\n');
}

void pl_sbom_os_property(struct pl_sbom *b, pl_span key, pl_span value)
{
    if (pl_span_eq(key, PL_LIT("plimsoll:image:exposed_port")))
        add_port(b, value);
    else if (pl_span_eq(key, PL_LIT("plimsoll:os:codename")) ||
             pl_span_eq(key, PL_LIT("syft:distro:versionCodename")))
        b->os_codename = value;
    else if (pl_span_eq(key, PL_LIT("plimsoll:os:variant")))
        b->os_variant = value;
    else if (pl_span_eq(key, PL_LIT("syft:distro:id")))
        b->os_family = value;
    else if (pl_span_eq(key, PL_LIT("syft:distro:versionID")))
        b->os_version = value;
    else if (pl_span_eq(key, PL_LIT("syft:distro:prettyName")))
        b->os_pretty = value;
}

/* ---- a package URL to a package ---- */

static const struct {
    const char *type, *analyzer, *database; /* database: where it lies when nobody says */
} systems[] = {
    { "deb", "dpkg", "var/lib/dpkg/status" },
    { "apk", "apk", "lib/apk/db/installed" },
    { "rpm", "rpm", "var/lib/rpm/rpmdb.sqlite" },
    { "alpm", "pacman", "" },
};

static int system_of(pl_span type)
{
    for (size_t i = 0; i < PL_COUNT(systems); i++)
        if (pl_span_eq(type, pl_span_str(systems[i].type)))
            return (int)i;
    return -1;
}

/* "debian-12", "opensuse-leap-15.5", "rhel-9.4", "wolfi", "debian-bookworm"; Trivy's old Alpine
 * documents have "3.16.0" alone. */
static void note_distro(struct pl_sbom *b, const struct pl_purl *p)
{
    pl_span distro = pl_purl_qualifier(p, "distro");
    if (b->hint_family.len || !distro.len)
        return;
    size_t dash = pl_span_rchr(distro, '-');
    if (isdigit((unsigned char)distro.ptr[0])) {
        b->hint_family = p->space;
        b->hint_version = distro;
    } else if (dash != SIZE_MAX && dash + 1 < distro.len &&
               (isdigit((unsigned char)distro.ptr[dash + 1]) ||
                pl_span_eq(pl_span_sub(distro, 0, dash), p->space))) {
        b->hint_family = pl_span_sub(distro, 0, dash);
        b->hint_version = pl_span_from(distro, dash + 1);
    } else {
        b->hint_family = distro;
    }
}

/* The component's own name where it only differs in case: package URLs are lower case for some
 * types, advisories are not. */
static pl_span best_name(struct pl_sbom *b, const struct pl_sbom_item *i, const struct pl_purl *p)
{
    pl_span full = pl_purl_full_name(p, &b->a);
    if (i->ours_name.len)
        return i->ours_name;
    if (pl_span_eq_nocase(full, i->name))
        return i->name;
    if (i->group.len) {
        char mark = pl_span_eq(p->type, PL_LIT("maven")) ? ':' : '/';
        const char *joined =
            pl_arena_printf(&b->a, "%.*s%c%.*s", PL_FMT(i->group), mark, PL_FMT(i->name));
        if (pl_span_eq_nocase(full, pl_span_str(joined)))
            return pl_span_str(joined);
    }
    return full;
}

static pl_span with_epoch(struct pl_sbom *b, pl_span epoch, pl_span version)
{
    if (!epoch.len || !version.len || pl_span_eq(epoch, PL_LIT("0")) ||
        pl_span_chr(version, ':') != SIZE_MAX)
        return version;
    const char *text = pl_arena_printf(&b->a, "%.*s:%.*s", PL_FMT(epoch), PL_FMT(version));
    return text ? pl_span_str(text) : version;
}

/* "openssl-1.1.1k-6.el8.src.rpm" in whatever place it was found. */
static void from_source_rpm(pl_span file, pl_span *name, pl_span *version)
{
    struct pl_purl p = { .n_qualifiers = 1, .qualifiers = { { PL_LIT("upstream"), file } } };
    pl_purl_upstream(&p, name, version);
}

static void take_source(struct pl_sbom *b, const struct pl_sbom_item *i, const struct pl_purl *p,
                        pl_span epoch, struct pl_package *out)
{
    bool rpm = pl_span_eq(p->type, PL_LIT("rpm"));
    pl_purl_upstream(p, &out->source_name, &out->source_version);
    if (i->source_rpm.len)
        from_source_rpm(i->source_rpm, &out->source_name, &out->source_version);
    if (i->source_name.len) {
        out->source_name = i->source_name;
        out->source_version = PL_SPAN_NONE;
    }
    if (i->source_version.len) {
        out->source_version = i->source_version;
        if (i->source_release.len) {
            const char *text = pl_arena_printf(&b->a, "%.*s-%.*s", PL_FMT(i->source_version),
                                               PL_FMT(i->source_release));
            out->source_version = text ? pl_span_str(text) : out->source_version;
        }
        out->source_version = with_epoch(b, i->source_epoch, out->source_version);
    } else if (rpm) {
        out->source_version = with_epoch(b, epoch, out->source_version);
    }
}

/* Where a system's packages are said to lie. One database an image has, whatever each package's
 * maker wrote; dpkg's folder of single files is the exception. */
static pl_span database_path(struct pl_sbom *b, const struct pl_sbom_item *i, int system)
{
    pl_span path = i->path;
    while (path.len && path.ptr[0] == '/')
        path = pl_span_from(path, 1);
    if (system < 0)
        return path;
    bool one = pl_span_eq(pl_span_str(systems[system].analyzer), PL_LIT("rpm")) ||
               pl_span_eq(pl_span_str(systems[system].analyzer), PL_LIT("apk"));
    void **first = one ? pl_map_at(&b->paths, pl_span_str(systems[system].type)) : NULL;
    if (!path.len)
        path = pl_span_str(systems[system].database);
    if (!first)
        return path;
    if (!*first) {
        pl_span *kept = pl_arena_alloc(&b->a, sizeof(*kept));
        if (!kept)
            return path;
        *kept = path;
        *first = kept;
    }
    return *(pl_span *)*first;
}

static bool is_word(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '_')
            return false;
    return s.len > 0 && s.len < 64;
}

static void fill(struct pl_sbom *b, const struct pl_sbom_item *i, const struct pl_purl *p,
                 struct pl_package *out)
{
    int system = system_of(p->type);
    pl_span epoch = pl_purl_qualifier(p, "epoch");
    bool epochs = pl_span_eq(p->type, PL_LIT("rpm")) || pl_span_eq(p->type, PL_LIT("deb"));
    out->type = p->type;
    out->name = best_name(b, i, p);
    out->version = p->version.len ? p->version : i->version;
    if (epochs)
        out->version = with_epoch(b, epoch, out->version);
    out->arch = i->arch.len ? i->arch : pl_purl_qualifier(p, "arch");
    take_source(b, i, p, epoch, out);
    out->vendor = i->vendor.len ? i->vendor : i->supplier;
    out->module = i->module;
    if (!out->module.len)
        out->module = pl_purl_qualifier(p, "modularitylabel");
    if (!out->module.len)
        out->module = pl_purl_qualifier(p, "rpmmod");
    out->licenses = i->our_licenses.len ? i->our_licenses : i->licenses;
    out->status = i->status;
    out->repository = i->repository;
    out->path = database_path(b, i, system);
    out->analyzer = is_word(i->analyzer) ? i->analyzer
                    : system >= 0        ? pl_span_str(systems[system].analyzer)
                                         : PL_LIT("sbom");
    out->flags = i->flags;
    if (system >= 0 && pl_is_kernel_headers(out->name))
        out->flags |= PL_PACKAGE_KERNEL_HEADERS;
}

/* One thing listed twice (once for each place it was found, say, but without the places) is one. */
static bool is_new(struct pl_sbom *b, const struct pl_package *p, bool *fresh)
{
    struct pl_buf key __attribute__((cleanup(pl_auto_buf))) = { 0 };
    const pl_span parts[] = { p->type, p->name, p->version, p->arch, p->path, p->module };
    pl_span kept;
    for (size_t i = 0; i < PL_COUNT(parts); i++)
        pl_buf_text(&key, parts[i]);
    *fresh = false;
    if (key.failed || !pl_arena_copy(&b->a, pl_buf_span(&key), &kept))
        return false;
    void **at = pl_map_at(&b->seen, kept);
    *fresh = at && !*at;
    if (*fresh)
        *at = b;
    return at != NULL;
}

/* "deb/nodejs" owns the package's file. */
static pl_rc give_owner(struct pl_sbom *b, const struct pl_sbom_item *i, const struct pl_package *p,
                        struct pl_err *err)
{
    size_t slash = pl_span_chr(i->owner, '/');
    if (slash == SIZE_MAX || !p->path.len)
        return PL_OK;
    const struct pl_owned o = { .type = pl_span_sub(i->owner, 0, slash),
                                .package = pl_span_from(i->owner, slash + 1),
                                .path = p->path };
    return pl_sink_owned(b->sink, &o, err);
}

pl_rc pl_sbom_item(struct pl_sbom *b, const struct pl_sbom_item *item, struct pl_err *err)
{
    struct pl_purl p;
    struct pl_package package = { 0 };
    bool fresh;
    if (!item->purl.len) {
        if (!b->n_nameless++)
            b->first_nameless = item->name;
        return PL_OK;
    }
    if (!pl_purl_parse(item->purl, &b->a, &p)) {
        if (!b->n_broken++)
            b->first_broken = item->purl;
        return PL_OK;
    }
    if (pl_span_eq(p.type, PL_LIT("oci")) || pl_span_eq(p.type, PL_LIT("docker")))
        return PL_OK; /* an image, not a package in one */
    note_distro(b, &p);
    fill(b, item, &p, &package);
    b->n_system += system_of(p.type) >= 0;
    if (!is_new(b, &package, &fresh))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (!fresh)
        return PL_OK;
    b->n_packages++;
    pl_rc rc = pl_sink_package(b->sink, &package, err);
    return rc || !item->owner.len ? rc : give_owner(b, item, &package, err);
}

/* ---- the system ---- */

/* Trivy's words, and os-release's. */
static const struct {
    const char *theirs, *id;
} families[] = {
    { "redhat", "rhel" },
    { "amazon", "amzn" },
    { "amazonlinux", "amzn" },
    { "oracle", "ol" },
    { "oraclelinux", "ol" },
    { "alma", "almalinux" },
    { "rockylinux", "rocky" },
    { "suse linux enterprise server", "sles" },
    { "opensuse.leap", "opensuse-leap" },
    { "opensuse.tumbleweed", "opensuse-tumbleweed" },
    { "cbl-mariner", "mariner" },
    { "azure linux", "azurelinux" },
};

static pl_span family_of(pl_span word)
{
    for (size_t i = 0; i < PL_COUNT(families); i++)
        if (pl_span_eq_nocase(word, pl_span_str(families[i].theirs)))
            return pl_span_str(families[i].id);
    return word;
}

/* os-release(5) quotes: what could end the quotes or begin something goes. */
static void line(struct pl_buf *out, const char *key, pl_span value)
{
    if (!value.len)
        return;
    pl_buf_printf(out, "%s=\"", key);
    for (size_t i = 0; i < value.len && i < 256; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        pl_buf_char(out, c < 0x20 || c == 0x7f || strchr("\"\\$`", c) ? ' ' : (char)c);
    }
    pl_buf_printf(out, "\"\n");
}

/* The system as an os-release file would tell it. */
static pl_rc put_system(struct pl_sbom *b, struct pl_err *err)
{
    struct pl_buf text __attribute__((cleanup(pl_auto_buf))) = { 0 };
    bool own = b->os_family.len > 0;
    pl_span family = family_of(own ? b->os_family : b->hint_family);
    pl_span version = own ? b->os_version : b->hint_version, codename = b->os_codename;
    if (!family.len)
        return PL_OK;
    if (version.len && !isdigit((unsigned char)version.ptr[0]) && !codename.len &&
        pl_distro_find(family) && pl_release_by_codename(pl_distro_find(family), version)) {
        codename = version;
        version = PL_SPAN_NONE;
    }
    line(&text, "ID", family);
    line(&text, "VERSION_ID", version);
    line(&text, "VERSION_CODENAME", codename);
    line(&text, "PRETTY_NAME", b->os_pretty);
    line(&text, "VARIANT_ID", b->os_variant);
    if (text.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    const struct pl_fact f = { .kind = PL_LIT("os-release"),
                               .path = PL_LIT("etc/os-release"),
                               .bytes = pl_buf_span(&text) };
    return pl_sink_fact(b->sink, &f, err);
}

static pl_rc put_ports(struct pl_sbom *b, struct pl_err *err)
{
    const struct pl_fact f = { .kind = PL_LIT(PL_SBOM_PORTS),
                               .path = PL_LIT("sbom/" PL_SBOM_PORTS),
                               .bytes = pl_buf_span(&b->ports) };
    if (b->ports.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    return b->ports.len ? pl_sink_fact(b->sink, &f, err) : PL_OK;
}

static void put_gaps(struct pl_sbom *b)
{
    if (b->n_nameless)
        pl_sink_gap(b->sink, PL_LIT("components without a package URL"), "missing",
                    "%llu %s no package URL and cannot be judged, the first: %.*s",
                    (unsigned long long)b->n_nameless,
                    b->n_nameless == 1 ? "component has" : "components have",
                    PL_FMT(pl_span_sub(b->first_nameless, 0, 200)));
    if (b->n_broken)
        pl_sink_gap(b->sink, PL_LIT("components with a broken package URL"), "broken",
                    "%llu package %s cannot be read, the first: %.*s",
                    (unsigned long long)b->n_broken, b->n_broken == 1 ? "URL" : "URLs",
                    PL_FMT(pl_span_sub(b->first_broken, 0, 200)));
    if (b->n_system && !b->os_family.len && !b->hint_family.len)
        pl_sink_gap(b->sink, PL_LIT("distribution"), "missing",
                    "neither a component of type operating-system nor a package URL says which "
                    "distribution its packages are of");
}

/* ---- the document ---- */

static pl_rc not_json(pl_span bytes, struct pl_err *err)
{
    if (pl_span_starts(bytes, PL_LIT("<")))
        return pl_fail(err, PL_EFORMAT,
                       "XML; bills of materials are read as JSON: write it anew in that form");
    if (pl_span_find(pl_span_sub(bytes, 0, 4096), PL_LIT("SPDXVersion:")) != SIZE_MAX)
        return pl_fail(err, PL_EFORMAT,
                       "SPDX in tag-value form; bills of materials are read as JSON: write it anew "
                       "in that form");
    return PL_OK;
}

/* An attestation (in-toto) carries the document as its predicate. */
static const json_t *unwrapped(const json_t *doc)
{
    const json_t *predicate = pl_json_object(doc, "predicate");
    if (!predicate || !json_object_get(doc, "predicateType"))
        return doc;
    const json_t *data = pl_json_object(predicate, "Data"); /* cosign's older wrapping */
    return data ? data : predicate;
}

static pl_rc read_document(struct pl_sbom *b, const json_t *whole, struct pl_err *err)
{
    const json_t *doc = unwrapped(whole);
    pl_span spdx = pl_json_text(doc, "spdxVersion"), form = pl_json_text(doc, "bomFormat");
    pl_rc rc;
    if (pl_span_eq(form, PL_LIT("CycloneDX")))
        rc = pl_sbom_cyclonedx(b, doc, err);
    else if (pl_span_starts(spdx, PL_LIT("SPDX-2.")))
        rc = pl_sbom_spdx(b, doc, err);
    else if (spdx.len || json_object_get(doc, "@graph"))
        return pl_fail(err, PL_EFORMAT, "SPDX of another version; 2.2 and 2.3 are read");
    else
        return pl_fail(err, PL_EFORMAT,
                       "no bill of materials: neither \"bomFormat\": \"CycloneDX\" nor "
                       "\"spdxVersion\": \"SPDX-2.x\"");
    rc = rc ? rc : put_system(b, err);
    rc = rc ? rc : put_ports(b, err);
    if (!rc)
        put_gaps(b);
    return rc;
}

pl_rc pl_sbom_read(pl_span bytes, const struct pl_limits *limits, struct pl_sink *out,
                   struct pl_err *err)
{
    PL_AUTO(json) json_t *doc = NULL;
    struct pl_sbom b = { .limits = limits, .sink = out };
    (void)pl_span_skip_lit(&bytes, PL_LIT("\xef\xbb\xbf"));
    bytes = pl_span_trim(bytes);
    pl_rc rc = not_json(bytes, err);
    if (!rc)
        rc = pl_json_parse(bytes, &doc, err);
    if (rc)
        return rc;
    pl_arena_init(&b.a, limits->gathered_bytes);
    rc = read_document(&b, doc, err);
    pl_arena_done(&b.a);
    pl_buf_done(&b.ports);
    pl_map_done(&b.seen);
    pl_map_done(&b.paths);
    return rc;
}
