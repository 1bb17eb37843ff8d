/* OpenVEX 0.2.0, JSON: what is known and decided about this image's vulnerabilities, for those who
 * ship it to others, or to feed back with --vex.
 *
 *     suppressed by a VEX statement   its status, justification and impact statement
 *     suppressed by an ignore file    affected: that somebody accepts a risk does not make the
 *                                     product unaffected; the reason stands as action statement
 *     under_investigation             under_investigation
 *     everything else                 affected, with what mends it as action statement
 *
 * One statement for each vulnerability and answer; the product is the image, its packages are the
 * subcomponents. Other classes of finding have no place in it.
 * Spec: openvex/spec, OPENVEX-SPEC.md v0.2.0. */
#include "base/buf.h"
#include "base/json.h"
#include "model/purl.h"
#include "report/format.h"

struct writing {
    struct pl_jsonw w;
    const struct pl_report *r;
    struct pl_arena *a;
    pl_span product; /* its @id */
};

/* ---- the product ---- */

static pl_span bare_reference(pl_span reference)
{
    (void)pl_span_skip_lit(&reference, PL_LIT("docker://"));
    (void)pl_span_skip_lit(&reference, PL_LIT("docker-daemon:"));
    return pl_span_sub(reference, 0, pl_span_chr(reference, '@'));
}

static void encode(struct pl_buf *b, pl_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            pl_buf_char(b, (char)c);
        else
            pl_buf_printf(b, "%%%02X", c);
    }
}

/* pkg:oci/api@sha256%3A...?repository_url=registry.example%2Fshop%2Fapi&tag=1.4 where there is a
 * manifest digest; else the reference as it was named. */
static pl_span product_id(const struct pl_report *r, struct pl_arena *a)
{
    static const struct pl_image none;
    const struct pl_image *i = r->image ? r->image : &none;
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span name = bare_reference(i->reference), tag = PL_SPAN_NONE, kept = PL_SPAN_NONE;
    size_t colon = pl_span_rchr(name, ':'), slash = pl_span_rchr(name, '/');
    bool named = pl_span_eq(i->transport, PL_LIT("docker")) ||
                 pl_span_eq(i->transport, PL_LIT("docker-daemon"));
    if (!pl_digest_set(&i->digest) || !named)
        return i->reference;
    if (colon != SIZE_MAX && (slash == SIZE_MAX || colon > slash)) {
        tag = pl_span_from(name, colon + 1);
        name = pl_span_sub(name, 0, colon);
    }
    pl_buf_add(&b, PL_LIT("pkg:oci/"));
    encode(&b, pl_span_basename(name));
    pl_buf_char(&b, '@');
    encode(&b, pl_digest_span(&i->digest));
    pl_buf_add(&b, PL_LIT("?repository_url="));
    encode(&b, name);
    if (tag.len) {
        pl_buf_add(&b, PL_LIT("&tag="));
        encode(&b, tag);
    }
    return !b.failed && pl_arena_copy(a, pl_buf_span(&b), &kept) ? kept : i->reference;
}

static void hashes(struct pl_jsonw *w, const struct pl_image *i)
{
    const pl_digest *d = i && pl_digest_set(&i->digest) ? &i->digest : i ? &i->image_id : NULL;
    if (!d || !pl_span_eq(pl_digest_algorithm(d), PL_LIT("sha256")))
        return;
    pl_jsonw_object(w, "hashes");
    pl_jsonw_text(w, "sha-256", pl_digest_hex(d));
    pl_jsonw_end_object(w);
}

/* ---- answers ---- */

static const char *const justifications[] = {
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
};

/* CycloneDX's words for the same; others have no like. */
static const struct {
    const char *theirs, *ours;
} likes[] = {
    { "code_not_present", "vulnerable_code_not_present" },
    { "code_not_reachable", "vulnerable_code_not_in_execute_path" },
    { "requires_configuration", "vulnerable_code_cannot_be_controlled_by_adversary" },
    { "requires_environment", "vulnerable_code_cannot_be_controlled_by_adversary" },
    { "requires_dependency", "vulnerable_code_not_in_execute_path" },
    { "protected_by_compiler", "inline_mitigations_already_exist" },
    { "protected_at_runtime", "inline_mitigations_already_exist" },
    { "protected_at_perimeter", "inline_mitigations_already_exist" },
    { "protected_by_mitigating_control", "inline_mitigations_already_exist" },
};

static pl_span justification(pl_span word)
{
    for (size_t i = 0; i < PL_COUNT(justifications); i++)
        if (pl_span_eq(word, pl_span_str(justifications[i])))
            return word;
    for (size_t i = 0; i < PL_COUNT(likes); i++)
        if (pl_span_eq(word, pl_span_str(likes[i].theirs)))
            return pl_span_str(likes[i].ours);
    return PL_SPAN_NONE;
}

struct answer {
    pl_span status, justification, impact, action;
};

static pl_span what_mends(const struct pl_finding *f, struct pl_arena *a)
{
    if (f->fix.command.len && f->fixed_version.len)
        return pl_span_str(pl_arena_printf(a, "Upgrade to %.*s or later: %.*s",
                                           PL_FMT(f->fixed_version), PL_FMT(f->fix.command)));
    if (f->fixed_version.len)
        return pl_span_str(
            pl_arena_printf(a, "Upgrade to %.*s or later.", PL_FMT(f->fixed_version)));
    return f->fix.description.len ? f->fix.description : PL_LIT("There is no fix yet.");
}

/* The reason of a VEX suppression is "justification: impact statement", or the status where there
 * is no justification: a saved report has only that. */
static struct answer answer_by_vex(const struct pl_finding *f)
{
    pl_span first = f->suppressed_reason, rest = PL_SPAN_NONE;
    size_t colon = pl_span_find(first, PL_LIT(": "));
    if (colon != SIZE_MAX) {
        rest = pl_span_from(first, colon + 2);
        first = pl_span_sub(first, 0, colon);
    }
    if (pl_span_eq(f->vex_status.len ? f->vex_status : first, PL_LIT("fixed")))
        return (struct answer){ .status = PL_LIT("fixed") };
    struct answer x = { .status = PL_LIT("not_affected"),
                        .justification =
                            justification(f->vex_justification.len ? f->vex_justification : first),
                        .impact = f->vex_impact.len ? f->vex_impact : rest };
    if (!x.impact.len && !x.justification.len)
        x.impact = f->suppressed_reason;
    return x;
}

/* What a reader must find: not_affected wants a justification or an impact statement, affected an
 * action statement. */
static struct answer answer_of(const struct pl_finding *f, struct pl_arena *a)
{
    struct answer x = { 0 };
    pl_span why = f->suppressed_reason.len ? f->suppressed_reason : PL_LIT("no reason given");
    if (pl_span_starts(f->suppressed_by, PL_LIT("vex ")))
        return answer_by_vex(f);
    if (f->suppressed_by.len) {
        x.status = PL_LIT("affected");
        x.action = pl_span_str(
            pl_arena_printf(a, "Accepted by %.*s: %.*s", PL_FMT(f->suppressed_by), PL_FMT(why)));
    } else if (f->status == PL_STATUS_UNDER_INVESTIGATION ||
               pl_span_eq(f->vex_status, PL_LIT("under_investigation"))) {
        x.status = PL_LIT("under_investigation");
    } else {
        x.status = PL_LIT("affected");
        x.action = what_mends(f, a);
    }
    return x;
}

static bool same_answer(const struct answer *x, const struct answer *y)
{
    return pl_span_eq(x->status, y->status) && pl_span_eq(x->justification, y->justification) &&
           pl_span_eq(x->impact, y->impact) && pl_span_eq(x->action, y->action);
}

/* ---- statements ---- */

static bool is_vulnerability(const struct pl_finding *f)
{
    return f->class_id == PL_CLASS_OS_VULN || f->class_id == PL_CLASS_APP_VULN;
}

static void vulnerability(struct pl_jsonw *w, const struct pl_finding *f)
{
    pl_jsonw_object(w, "vulnerability");
    pl_jsonw_text(w, "name", f->id);
    if (f->n_aliases) {
        pl_jsonw_array(w, "aliases");
        for (size_t i = 0; i < f->n_aliases; i++)
            pl_jsonw_text(w, NULL, f->aliases[i]);
        pl_jsonw_end_array(w);
    }
    pl_jsonw_end_object(w);
}

static void open_statement(struct writing *s, const struct pl_finding *f)
{
    pl_jsonw_object(&s->w, NULL);
    vulnerability(&s->w, f);
    pl_jsonw_array(&s->w, "products");
    pl_jsonw_object(&s->w, NULL);
    pl_jsonw_text(&s->w, "@id", s->product);
    if (pl_span_starts(s->product, PL_LIT("pkg:"))) {
        pl_jsonw_object(&s->w, "identifiers");
        pl_jsonw_text(&s->w, "purl", s->product);
        pl_jsonw_end_object(&s->w);
    }
    hashes(&s->w, s->r->image);
    pl_jsonw_array(&s->w, "subcomponents");
}

static void close_statement(struct writing *s, const struct answer *x)
{
    struct pl_jsonw *w = &s->w;
    pl_jsonw_end_array(w);
    pl_jsonw_end_object(w);
    pl_jsonw_end_array(w);
    pl_jsonw_text(w, "status", x->status);
    if (x->justification.len)
        pl_jsonw_text(w, "justification", x->justification);
    if (x->impact.len)
        pl_jsonw_text(w, "impact_statement", x->impact);
    if (x->action.len)
        pl_jsonw_text(w, "action_statement", x->action);
    pl_jsonw_end_object(w);
}

static void subcomponent(struct writing *s, const struct pl_finding *f, struct pl_buf *scratch)
{
    const struct pl_inventory *v = &s->r->inventory;
    if (f->package < 0 || (uint64_t)f->package >= v->n_packages)
        return;
    scratch->len = 0;
    pl_purl(&v->packages[f->package], &v->os, scratch);
    pl_jsonw_object(&s->w, NULL);
    pl_jsonw_text(&s->w, "@id", pl_buf_span(scratch));
    pl_jsonw_end_object(&s->w);
}

/* Findings stand in order of class, severity and id: those of one vulnerability together. */
static pl_rc statements(struct writing *s, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf scratch = { 0 };
    const struct pl_finding *last = NULL;
    struct answer open = { 0 };
    pl_jsonw_array(&s->w, "statements");
    for (size_t i = 0; i < s->r->n_findings; i++) {
        const struct pl_finding *f = &s->r->findings[i];
        if (!is_vulnerability(f))
            continue;
        struct answer x = answer_of(f, s->a);
        if (last && (!pl_span_eq(last->id, f->id) || !same_answer(&open, &x))) {
            close_statement(s, &open);
            last = NULL;
        }
        if (!last)
            open_statement(s, f);
        subcomponent(s, f, &scratch);
        last = f;
        open = x;
    }
    if (last)
        close_statement(s, &open);
    pl_jsonw_end_array(&s->w);
    return scratch.failed ? pl_fail(err, PL_ENOMEM, "OpenVEX: out of memory") : PL_OK;
}

/* The same image, findings and day give the same name. */
static void document_id(struct writing *s)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_digest d;
    const struct pl_report *r = s->r;
    pl_buf_text(&b, s->product);
    pl_buf_text(&b, r->generated_at);
    pl_buf_text(&b, r->database.digest);
    for (size_t i = 0; i < r->n_findings; i++) {
        pl_buf_text(&b, r->findings[i].key);
        pl_buf_text(&b, r->findings[i].suppressed_by);
    }
    pl_sha256(pl_buf_span(&b), &d);
    char id[160];
    snprintf(id, sizeof(id), "urn:plimsoll:vex:%s", pl_digest_hex(&d).ptr);
    pl_jsonw_text(&s->w, "@id", pl_span_str(id));
}

static pl_rc one(struct writing *s, struct pl_err *err)
{
    struct pl_jsonw *w = &s->w;
    s->product = product_id(s->r, s->a);
    pl_jsonw_object(w, NULL);
    pl_jsonw_text(w, "@context", PL_LIT("https://openvex.dev/ns/v0.2.0"));
    document_id(s);
    pl_jsonw_text(w, "author", PL_LIT("Plimsoll"));
    pl_jsonw_text(w, "role", PL_LIT("Document Creator"));
    pl_jsonw_text(w, "timestamp", s->r->generated_at);
    pl_jsonw_int(w, "version", 1);
    pl_jsonw_text(w, "tooling", PL_LIT("plimsoll " PL_VERSION));
    pl_rc rc = statements(s, err);
    pl_jsonw_end_object(w);
    return rc;
}

static pl_rc write_openvex(const struct pl_report *const *reports, size_t n,
                           const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, SIZE_MAX / 2);
    struct writing s = { .a = &a };
    bool list = o->several || n != 1;
    pl_rc rc = PL_OK;
    pl_jsonw_init(&s.w, out, false);
    if (list)
        pl_jsonw_array(&s.w, NULL);
    for (size_t i = 0; !rc && i < n; i++) {
        s.r = reports[i];
        rc = one(&s, err);
    }
    if (list)
        pl_jsonw_end_array(&s.w);
    return rc;
}

const struct pl_format pl_format_openvex = {
    .name = "openvex",
    .what = "who is affected by what, for those who get the image: OpenVEX 0.2.0",
    .spec = "openvex/spec, OPENVEX-SPEC.md v0.2.0",
    .media_type = "application/json",
    .write = write_openvex,
};
