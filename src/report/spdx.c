/* SPDX 2.3, JSON: a bill of materials.
 *
 * How a report maps to it, and back:
 *
 *     documentNamespace         urn:uuid:..., made of what was scanned, when, and what was found
 *     package SPDXRef-Image     the image: purpose CONTAINER, name is the reference, versionInfo
 *                               and checksum its digest, purl pkg:oci
 *     package SPDXRef-OS        purpose OPERATING-SYSTEM: name family, versionInfo version,
 *                               summary pretty name
 *     package SPDXRef-Package-TYPE-HASH
 *                               one for each package, in the report's order; HASH is made of the
 *                               report's id
 *         name                  as the package manager writes it, group and all
 *         versionInfo           as the package manager writes it: rpm's with its epoch in front
 *         externalRefs          purl with qualifiers arch, distro, epoch, modularitylabel,
 * upstream; an advisory for each vulnerability that has a page sourceInfo            "built package
 * from: NAME VERSION", the source package licenseDeclared       an expression where all its parts
 * are known, else a LicenseRef whose text is what the package says attributionTexts
 * "plimsoll:KEY=VALUE", see sbom.h; what is there beats what the purl says relationships the
 * document DESCRIBES the image, the image CONTAINS the system and what does not belong to it, the
 * system CONTAINS its packages
 *
 * Spec: SPDX specification 2.3, JSON serialisation. Vulnerabilities are only references here:
 * SPDX 2.3 has no place for their state. */
#include "base/map.h"
#include "model/purl.h"
#include "report/sbom.h"

struct doc {
    struct pl_jsonw w;
    const struct pl_report *r;
    struct pl_arena *a;
    pl_span *refs;        /* SPDXIDs of packages */
    struct pl_vec *found; /* of each package: indices of its findings */
};

static void text(struct doc *d, const char *key, pl_span value)
{
    if (value.len)
        pl_jsonw_text(&d->w, key, value);
}

static void attribution(struct pl_jsonw *w, const char *key, pl_span value)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_buf_printf(&b, "%s=", key);
    pl_buf_add(&b, value);
    pl_jsonw_text(w, NULL, pl_buf_span(&b));
}

/* SPDXIDs are made of letters, digits, '.' and '-' only. */
static pl_span ref_of(struct doc *d, const struct pl_package *p, pl_span id)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span kept = { 0 };
    pl_buf_add(&b, PL_LIT("SPDXRef-Package-"));
    for (size_t i = 0; i < p->type.len && i < 16; i++) {
        char c = p->type.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        pl_buf_char(&b, plain ? c : '-');
    }
    pl_span hash = pl_doc_hash(id, 16, d->a);
    pl_buf_printf(&b, "-%.*s", PL_FMT(hash));
    return !b.failed && pl_arena_copy(d->a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}

static bool prepare(struct doc *d)
{
    const struct pl_inventory *v = &d->r->inventory;
    pl_span *ids = pl_package_ids(v->packages, v->n_packages, d->a);
    d->refs = pl_arena_array(d->a, v->n_packages + 1, sizeof(*d->refs));
    d->found = pl_arena_array(d->a, v->n_packages + 1, sizeof(*d->found));
    if (!ids || !d->refs || !d->found)
        return false;
    for (size_t i = 0; i < v->n_packages; i++) {
        d->refs[i] = ref_of(d, &v->packages[i], ids[i]);
        d->found[i] = PL_VEC(size_t);
    }
    for (size_t i = 0; i < d->r->n_findings; i++) {
        const struct pl_finding *f = &d->r->findings[i];
        if (!pl_doc_is_vuln(f) || !pl_doc_package(d->r, f))
            continue;
        size_t *place = pl_vec_push(d->a, &d->found[f->package]);
        if (!place)
            return false;
        *place = i;
    }
    return true;
}

/* ---- packages ---- */

static void begin_package(struct doc *d, pl_span ref, pl_span name, pl_span version,
                          const char *purpose)
{
    struct pl_jsonw *w = &d->w;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "SPDXID", ref);
    pl_jsonw_text(w, "name", name.len ? name : PL_LIT("unknown"));
    text(d, "versionInfo", version);
    pl_jsonw_text(w, "downloadLocation", PL_LIT("NOASSERTION"));
    pl_jsonw_bool(w, "filesAnalyzed", false);
    pl_jsonw_text(w, "copyrightText", PL_LIT("NOASSERTION"));
    pl_jsonw_text(w, "primaryPackagePurpose", pl_span_str(purpose));
}

static void reference(struct pl_jsonw *w, const char *category, const char *type, pl_span locator,
                      pl_span comment)
{
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "referenceCategory", pl_span_str(category));
    pl_jsonw_text(w, "referenceType", pl_span_str(type));
    pl_jsonw_text(w, "referenceLocator", locator);
    if (comment.len)
        pl_jsonw_text(w, "comment", comment);
    pl_jsonw_end_object(w);
}

static void image(struct doc *d)
{
    struct pl_jsonw *w = &d->w;
    const struct pl_image *i = pl_doc_image(d->r);
    const pl_digest *digest = pl_digest_set(&i->digest) ? &i->digest : &i->image_id;
    pl_span purl = pl_sbom_image_purl(d->r, d->a);
    begin_package(d, PL_LIT("SPDXRef-Image"), i->reference, pl_digest_span(digest), "CONTAINER");
    pl_jsonw_text(w, "licenseConcluded", PL_LIT("NOASSERTION"));
    pl_jsonw_text(w, "licenseDeclared", PL_LIT("NOASSERTION"));
    if (pl_span_eq(pl_digest_algorithm(digest), PL_LIT("sha256"))) {
        pl_jsonw_array(w, "checksums");
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "algorithm", PL_LIT("SHA256"));
        pl_jsonw_text(w, "checksumValue", pl_digest_hex(digest));
        pl_jsonw_end_object(w);
        pl_jsonw_end_array(w);
    }
    if (purl.len) {
        pl_jsonw_array(w, "externalRefs");
        reference(w, "PACKAGE-MANAGER", "purl", purl, PL_SPAN_NONE);
        pl_jsonw_end_array(w);
    }
    pl_jsonw_array(w, "attributionTexts");
    pl_sbom_image(w, attribution, d->r, d->a);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

static void os_package(struct doc *d)
{
    struct pl_jsonw *w = &d->w;
    const struct pl_os *o = &d->r->inventory.os;
    if (!o->family.len)
        return;
    begin_package(d, PL_LIT("SPDXRef-OS"), o->family, o->version, "OPERATING-SYSTEM");
    pl_jsonw_text(w, "licenseConcluded", PL_LIT("NOASSERTION"));
    pl_jsonw_text(w, "licenseDeclared", PL_LIT("NOASSERTION"));
    text(d, "summary", o->pretty_name);
    if (o->codename.len || o->variant.len) {
        pl_jsonw_array(w, "attributionTexts");
        pl_sbom_os(w, attribution, d->r);
        pl_jsonw_end_array(w);
    }
    pl_jsonw_end_object(w);
}

static pl_span license_ref(struct doc *d, pl_span raw)
{
    pl_span hash = pl_doc_hash(raw, 12, d->a);
    return pl_span_str(pl_arena_printf(d->a, "LicenseRef-%.*s", PL_FMT(hash)));
}

static pl_span declared(struct doc *d, const struct pl_package *p)
{
    if (!p->licenses.len)
        return PL_LIT("NOASSERTION");
    return pl_license_known(p->licenses) ? p->licenses : license_ref(d, p->licenses);
}

static void external_refs(struct doc *d, size_t i)
{
    PL_AUTO(buf) struct pl_buf purl = { 0 };
    const size_t *found = d->found[i].items;
    pl_purl(&d->r->inventory.packages[i], &d->r->inventory.os, &purl);
    pl_jsonw_array(&d->w, "externalRefs");
    reference(&d->w, "PACKAGE-MANAGER", "purl", pl_buf_span(&purl), PL_SPAN_NONE);
    for (size_t k = 0; k < d->found[i].n; k++) {
        const struct pl_finding *f = &d->r->findings[found[k]];
        pl_span link = pl_doc_link(f, d->a);
        const char *said = pl_arena_printf(
            d->a, "%.*s: %s, %s%s%.*s%s%.*s", PL_FMT(f->id), pl_severity_text(f->severity),
            pl_status_text(f->status), f->fixed_version.len ? " in " : "", PL_FMT(f->fixed_version),
            f->suppressed_by.len ? "; suppressed by " : "", PL_FMT(f->suppressed_by));
        if (link.len)
            reference(&d->w, "SECURITY", "advisory", link, pl_span_str(said));
    }
    pl_jsonw_end_array(&d->w);
}

static void source_info(struct doc *d, const struct pl_package *p)
{
    if (!p->source_name.len)
        return;
    pl_span version = p->source_version.len ? p->source_version : p->version;
    text(d, "sourceInfo",
         pl_span_str(pl_arena_printf(d->a, "built package from: %.*s %.*s", PL_FMT(p->source_name),
                                     PL_FMT(version))));
}

/* "Name <address>" becomes "Organization: Name (address)", which is how SPDX writes people. */
static void supplier(struct doc *d, const struct pl_package *p)
{
    pl_span name = pl_span_trim(p->vendor);
    size_t at = pl_span_chr(name, '<');
    if (at != SIZE_MAX)
        name = pl_span_trim(pl_span_sub(name, 0, at));
    bool plain = name.len > 0;
    for (size_t i = 0; plain && i < name.len; i++)
        plain = name.ptr[i] >= ' ' && name.ptr[i] != '(' && name.ptr[i] != ')';
    pl_jsonw_text(&d->w, "supplier",
                  plain ? pl_span_str(pl_arena_printf(d->a, "Organization: %.*s", PL_FMT(name)))
                        : PL_LIT("NOASSERTION"));
}

static void package(struct doc *d, size_t i)
{
    struct pl_jsonw *w = &d->w;
    const struct pl_package *p = &d->r->inventory.packages[i];
    begin_package(d, d->refs[i], p->name, p->version,
                  p->flags & PL_PACKAGE_BY_BYTES ? "APPLICATION" : "LIBRARY");
    supplier(d, p);
    source_info(d, p);
    pl_jsonw_text(w, "licenseConcluded", PL_LIT("NOASSERTION"));
    pl_jsonw_text(w, "licenseDeclared", declared(d, p));
    external_refs(d, i);
    pl_jsonw_array(w, "attributionTexts");
    pl_sbom_package(w, attribution, d->r, p);
    if (p->licenses.len && !pl_license_known(p->licenses))
        attribution(w, "plimsoll:licenses", p->licenses);
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

/* ---- relationships and licences ---- */

static void relation(struct doc *d, pl_span from, const char *type, pl_span to)
{
    struct pl_jsonw *w = &d->w;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "spdxElementId", from);
    pl_jsonw_text(w, "relationshipType", pl_span_str(type));
    pl_jsonw_text(w, "relatedSpdxElement", to);
    pl_jsonw_end_object(w);
}

static bool of_the_os(const struct pl_report *r, const struct pl_package *p)
{
    const struct pl_distro *d = r->inventory.os.distro;
    return r->inventory.os.family.len && d && d->package_type &&
           pl_span_eq(p->type, pl_span_str(d->package_type));
}

static void relationships(struct doc *d)
{
    const struct pl_inventory *v = &d->r->inventory;
    pl_jsonw_array(&d->w, "relationships");
    relation(d, PL_LIT("SPDXRef-DOCUMENT"), "DESCRIBES", PL_LIT("SPDXRef-Image"));
    if (v->os.family.len)
        relation(d, PL_LIT("SPDXRef-Image"), "CONTAINS", PL_LIT("SPDXRef-OS"));
    for (size_t i = 0; i < v->n_packages; i++)
        relation(d,
                 of_the_os(d->r, &v->packages[i]) ? PL_LIT("SPDXRef-OS") : PL_LIT("SPDXRef-Image"),
                 "CONTAINS", d->refs[i]);
    pl_jsonw_end_array(&d->w);
}

static pl_rc extracted_licenses(struct doc *d, struct pl_err *err)
{
    PL_AUTO(map) struct pl_map seen = { 0 };
    const struct pl_inventory *v = &d->r->inventory;
    struct pl_jsonw *w = &d->w;
    for (size_t i = 0; i < v->n_packages; i++) {
        pl_span raw = v->packages[i].licenses;
        if (!raw.len || pl_license_known(raw) || pl_map_get(&seen, raw))
            continue;
        if (seen.n == 0)
            pl_jsonw_array(w, "hasExtractedLicensingInfos");
        void **place = pl_map_at(&seen, raw);
        if (!place)
            return pl_fail(err, PL_ENOMEM, "SPDX: out of memory");
        *place = d;
        pl_jsonw_object(w, NULL);
        pl_jsonw_text(w, "licenseId", license_ref(d, raw));
        pl_jsonw_text(w, "extractedText", raw);
        pl_jsonw_end_object(w);
    }
    if (seen.n)
        pl_jsonw_end_array(w);
    return PL_OK;
}

static void creation(struct doc *d)
{
    struct pl_jsonw *w = &d->w;
    pl_jsonw_object(w, "creationInfo");
    pl_jsonw_text(w, "created", pl_doc_time(d->r->generated_at, d->a));
    pl_jsonw_array(w, "creators");
    pl_jsonw_text(w, NULL, PL_LIT("Tool: plimsoll-" PL_VERSION));
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
}

static pl_rc write_spdx(const struct pl_report *const *reports, size_t n,
                        const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct doc d = { .a = &a };
    struct pl_jsonw *w = &d.w;
    char uuid[37];
    pl_arena_init(&a, SIZE_MAX / 2);
    pl_rc rc = pl_format_check(&pl_format_spdx, n, err);
    if (rc)
        return rc;
    (void)o;
    d.r = reports[0];
    pl_jsonw_init(w, out, false);
    if (!prepare(&d))
        return pl_fail(err, PL_ENOMEM, "SPDX: out of memory");
    pl_doc_uuid(pl_doc_identity(d.r, "spdx", &a), uuid);
    pl_span name = pl_doc_image(d.r)->reference;
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "spdxVersion", PL_LIT("SPDX-2.3"));
    pl_jsonw_text(w, "dataLicense", PL_LIT("CC0-1.0"));
    pl_jsonw_text(w, "SPDXID", PL_LIT("SPDXRef-DOCUMENT"));
    pl_jsonw_text(w, "name", name.len ? name : PL_LIT("unknown"));
    pl_jsonw_text(w, "documentNamespace", pl_span_str(pl_arena_printf(&a, "urn:uuid:%s", uuid)));
    creation(&d);
    pl_jsonw_array(w, "packages");
    image(&d);
    os_package(&d);
    for (size_t i = 0; i < d.r->inventory.n_packages; i++)
        package(&d, i);
    pl_jsonw_end_array(w);
    relationships(&d);
    rc = extracted_licenses(&d, err);
    pl_jsonw_end_object(w);
    return rc;
}

const struct pl_format pl_format_spdx = {
    .name = "spdx",
    .what = "bill of materials, SPDX 2.3 JSON",
    .spec = "SPDX 2.3 (ISO/IEC 5962 and later)",
    .media_type = "application/spdx+json",
    .one_image = true,
    .write = write_spdx,
};
