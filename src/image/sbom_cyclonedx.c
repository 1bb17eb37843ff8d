/* CycloneDX JSON. Spec: ECMA-424 and the schemas of 1.2 to 1.6. Components nest (assemblies). */
#include "image/sbom.h"

enum { DEPTH = 64 };

static pl_span first_license(const json_t *component)
{
    const json_t *list = pl_json_array(component, "licenses");
    const json_t *one = json_array_get(list, 0), *license = pl_json_object(one, "license");
    if (json_array_size(list) != 1)
        return PL_SPAN_NONE;
    pl_span expression = pl_json_text(one, "expression");
    if (expression.len)
        return expression;
    pl_span id = license ? pl_json_text(license, "id") : PL_SPAN_NONE;
    return id.len || !license ? id : pl_json_text(license, "name");
}

/* A lockfile or folder that packages were found in, in Trivy's documents. */
static bool is_container_of_packages(const json_t *component)
{
    const json_t *list = pl_json_array(component, "properties");
    for (size_t i = 0; i < json_array_size(list); i++) {
        pl_span name = pl_json_text(json_array_get(list, i), "name");
        if (pl_span_eq(name, PL_LIT("aquasecurity:trivy:Class")))
            return true;
    }
    return false;
}

/* Of these types a component without a package URL is no package: files, data, hardware. */
static bool may_be_package(const json_t *component)
{
    static const char *const types[] = { "library", "framework", "application", "platform" };
    pl_span type = pl_json_text(component, "type");
    for (size_t i = 0; i < PL_COUNT(types); i++)
        if (pl_span_eq(type, pl_span_str(types[i])))
            return !is_container_of_packages(component);
    return type.len == 0;
}

static void take_system(struct pl_sbom *b, const json_t *component)
{
    const json_t *list = pl_json_array(component, "properties");
    if (b->os_family.len)
        return;
    b->os_family = pl_json_text(component, "name");
    b->os_version = pl_json_text(component, "version");
    b->os_pretty = pl_json_text(component, "description");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        pl_sbom_os_property(b, pl_json_text(one, "name"), pl_json_text(one, "value"));
    }
}

static pl_span publisher_of(const json_t *component)
{
    const json_t *supplier = pl_json_object(component, "supplier");
    pl_span publisher = pl_json_text(component, "publisher");
    return publisher.len || !supplier ? publisher : pl_json_text(supplier, "name");
}

static pl_rc take_component(struct pl_sbom *b, const json_t *component, struct pl_err *err)
{
    struct pl_sbom_item item = { .purl = pl_json_text(component, "purl"),
                                 .name = pl_json_text(component, "name"),
                                 .group = pl_json_text(component, "group"),
                                 .version = pl_json_text(component, "version"),
                                 .supplier = publisher_of(component),
                                 .licenses = first_license(component) };
    const json_t *list = pl_json_array(component, "properties");
    if (pl_span_eq(pl_json_text(component, "type"), PL_LIT("operating-system"))) {
        take_system(b, component);
        return PL_OK;
    }
    if (!item.purl.len && !may_be_package(component))
        return PL_OK;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        pl_sbom_property(&item, pl_json_text(one, "name"), pl_json_text(one, "value"));
    }
    return pl_sbom_item(b, &item, err);
}

static void take_subject(struct pl_sbom *b, const json_t *doc)
{
    const json_t *metadata = pl_json_object(doc, "metadata");
    const json_t *subject = metadata ? pl_json_object(metadata, "component") : NULL;
    const json_t *list = subject ? pl_json_array(subject, "properties") : NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        pl_span key = pl_json_text(one, "name");
        if (pl_span_starts(key, PL_LIT("plimsoll:image:")))
            pl_sbom_os_property(b, key, pl_json_text(one, "value"));
    }
}

pl_rc pl_sbom_cyclonedx(struct pl_sbom *b, const json_t *doc, struct pl_err *err)
{
    struct {
        const json_t *list;
        size_t at;
    } stack[DEPTH] = { { pl_json_array(doc, "components"), 0 } };
    take_subject(b, doc);
    for (size_t depth = 1; depth;) {
        if (stack[depth - 1].at >= json_array_size(stack[depth - 1].list)) {
            depth--;
            continue;
        }
        const json_t *c = json_array_get(stack[depth - 1].list, stack[depth - 1].at++);
        const json_t *inner = pl_json_array(c, "components");
        pl_rc rc = take_component(b, c, err);
        if (rc)
            return rc;
        if (!inner)
            continue;
        if (depth == DEPTH) {
            pl_sink_gap(b->sink, PL_LIT("components"), "limit",
                        "components nested more than %d deep are not looked at", DEPTH);
            continue;
        }
        stack[depth].list = inner;
        stack[depth++].at = 0;
    }
    return PL_OK;
}
