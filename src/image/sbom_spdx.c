/* SPDX JSON, 2.2 and 2.3. Packages carry their package URL among externalRefs; who described the
 * whole (the image, a folder) stands among them too. Spec: SPDX specification 2.3. */
#include "image/sbom.h"

static pl_span purl_of(const json_t *package)
{
    const json_t *refs = pl_json_array(package, "externalRefs");
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const json_t *one = json_array_get(refs, i);
        if (pl_span_eq(pl_json_text(one, "referenceType"), PL_LIT("purl")))
            return pl_json_text(one, "referenceLocator");
    }
    return PL_SPAN_NONE;
}

static bool is_nothing(pl_span s)
{
    return pl_span_eq(s, PL_LIT("NOASSERTION")) || pl_span_eq(s, PL_LIT("NONE"));
}

static pl_span known(pl_span s) { return is_nothing(s) ? PL_SPAN_NONE : s; }

/* "Organization: Debian Glibc Maintainers <debian-glibc@lists.debian.org>" */
static pl_span supplier_of(const json_t *package)
{
    pl_span s = known(pl_json_text(package, "supplier"));
    if (!pl_span_skip_lit(&s, PL_LIT("Organization: ")))
        (void)pl_span_skip_lit(&s, PL_LIT("Person: "));
    return s;
}

/* "built package from: openssl 3.0.11-1~deb12u1" (Trivy and ours); "acquired package info from
 * DPKG DB: /var/lib/dpkg/status" (Syft). */
static void take_source_info(pl_span text, struct pl_sbom_item *item)
{
    pl_span rest = text;
    if (pl_span_skip_lit(&rest, PL_LIT("built package from: "))) {
        pl_span name;
        if (!pl_span_word(&rest, &name))
            return;
        item->source_name = name;
        item->source_version = pl_span_trim(rest);
        return;
    }
    size_t colon = pl_span_rchr(text, ':');
    if (pl_span_starts(text, PL_LIT("acquired package info from")) && colon != SIZE_MAX) {
        pl_span path = pl_span_trim(pl_span_from(text, colon + 1));
        if (pl_span_starts(path, PL_LIT("/")))
            item->path = pl_span_trim(pl_span_sub(path, 0, pl_span_chr(path, ',')));
    }
}

static void take_texts(const json_t *package, struct pl_sbom_item *item, struct pl_sbom *os)
{
    const json_t *list = pl_json_array(package, "attributionTexts");
    for (size_t i = 0; i < json_array_size(list); i++) {
        pl_span text = pl_json_span(json_array_get(list, i));
        size_t equals = pl_span_chr(text, '=');
        if (equals == SIZE_MAX)
            continue;
        pl_span key = pl_span_sub(text, 0, equals), value = pl_span_from(text, equals + 1);
        if (item)
            pl_sbom_property(item, key, value);
        if (os)
            pl_sbom_os_property(os, key, value);
    }
    /* Trivy 0.50 and later: annotations "FilePath: ...", without its prefix. */
    const json_t *notes = pl_json_array(package, "annotations");
    for (size_t i = 0; item && i < json_array_size(notes); i++) {
        pl_span text = pl_json_text(json_array_get(notes, i), "comment"), key;
        char full[64];
        if (!pl_span_split(&text, ':', &key) || key.len > 32)
            continue;
        snprintf(full, sizeof(full), "aquasecurity:trivy:%.*s", PL_FMT(key));
        pl_sbom_property(item, pl_span_str(full), pl_span_trim(text));
    }
}

static bool is_purpose(const json_t *package, const char *purpose)
{
    return pl_span_eq(pl_json_text(package, "primaryPackagePurpose"), pl_span_str(purpose));
}

static void take_system(struct pl_sbom *b, const json_t *package)
{
    if (b->os_family.len)
        return;
    b->os_family = pl_json_text(package, "name");
    b->os_version = known(pl_json_text(package, "versionInfo"));
    b->os_pretty = pl_json_text(package, "summary");
    take_texts(package, NULL, b);
}

static bool trivy_folder(const json_t *package)
{
    pl_span id = pl_json_text(package, "SPDXID");
    return is_purpose(package, "APPLICATION") && pl_span_starts(id, PL_LIT("SPDXRef-Application"));
}

static pl_rc take_package(struct pl_sbom *b, const json_t *package, const struct pl_map *described,
                          struct pl_err *err)
{
    struct pl_sbom_item item = { .purl = purl_of(package),
                                 .name = pl_json_text(package, "name"),
                                 .version = known(pl_json_text(package, "versionInfo")),
                                 .supplier = supplier_of(package),
                                 .licenses = known(pl_json_text(package, "licenseDeclared")) };
    if (is_purpose(package, "OPERATING-SYSTEM") ||
        pl_span_starts(pl_json_text(package, "SPDXID"), PL_LIT("SPDXRef-OperatingSystem"))) {
        take_system(b, package);
        return PL_OK;
    }
    bool subject = pl_map_get(described, pl_json_text(package, "SPDXID")) != NULL;
    if (subject)
        take_texts(package, NULL, b);
    if (!item.purl.len && (subject || is_purpose(package, "CONTAINER") ||
                           is_purpose(package, "FILE") || trivy_folder(package)))
        return PL_OK;
    take_source_info(pl_json_text(package, "sourceInfo"), &item);
    take_texts(package, &item, NULL);
    return pl_sbom_item(b, &item, err);
}

static bool note(struct pl_map *described, pl_span id)
{
    void **at = id.len ? pl_map_at(described, id) : NULL;
    if (at)
        *at = described;
    return at || !id.len;
}

/* What the document is about: it holds the packages, and is none. */
static bool find_described(const json_t *doc, struct pl_map *described)
{
    const json_t *old = pl_json_array(doc, "documentDescribes");
    const json_t *relations = pl_json_array(doc, "relationships");
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(old); i++)
        good = note(described, pl_json_span(json_array_get(old, i)));
    for (size_t i = 0; good && i < json_array_size(relations); i++) {
        const json_t *r = json_array_get(relations, i);
        if (pl_span_eq(pl_json_text(r, "relationshipType"), PL_LIT("DESCRIBES")))
            good = note(described, pl_json_text(r, "relatedSpdxElement"));
    }
    return good;
}

pl_rc pl_sbom_spdx(struct pl_sbom *b, const json_t *doc, struct pl_err *err)
{
    PL_AUTO(map) struct pl_map described = { 0 };
    const json_t *list = pl_json_array(doc, "packages");
    if (!find_described(doc, &described))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < json_array_size(list); i++)
        rc = take_package(b, json_array_get(list, i), &described, err);
    return rc;
}
