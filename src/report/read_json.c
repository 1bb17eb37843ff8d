#include "report/read_json.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "report/sbom.h"

/* One report under way. The first failure sticks, and its place with it; what is read after it is
 * empty, so that readers ask once, at the end. */
struct in {
    struct pl_arena *keep;
    struct pl_err *err;
    pl_rc rc;
    size_t report;  /* from 1; 0: the only one */
    const char *at; /* "findings" */
    size_t index;   /* in that array */
    bool in_array;
    struct pl_map packages; /* id to place, counted from 1 */
};

static void fail(struct in *in, pl_rc rc, const char *key, const char *why)
{
    char report[32] = "", at[96] = "";
    if (in->rc)
        return;
    if (in->report)
        snprintf(report, sizeof(report), "report %zu: ", in->report);
    if (in->at && in->in_array)
        snprintf(at, sizeof(at), "%s[%zu]%s", in->at, in->index, key ? "." : "");
    else if (in->at)
        snprintf(at, sizeof(at), "%s%s", in->at, key ? "." : "");
    in->rc =
        pl_fail(in->err, rc, "%s%s%s%s%s", report, at, key ? key : "", *at || key ? ": " : "", why);
}

static void enter(struct in *in, const char *at)
{
    in->at = at;
    in->in_array = false;
}

static void enter_item(struct in *in, const char *at, size_t index)
{
    in->at = at;
    in->in_array = true;
    in->index = index;
}

/* The member, or NULL when it is not there or null. */
static const json_t *member(struct in *in, const json_t *o, const char *key, json_type type,
                            const char *wanted)
{
    const json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v))
        return NULL;
    if (json_typeof(v) == type)
        return v;
    fail(in, PL_EFORMAT, key, wanted);
    return NULL;
}

static pl_span keep(struct in *in, const json_t *string)
{
    pl_span kept = { 0 };
    pl_span text = pl_json_span(string);
    if (text.len && !pl_arena_copy(in->keep, text, &kept))
        fail(in, PL_ELIMIT, NULL, "the report is too large");
    return kept;
}

static pl_span text(struct in *in, const json_t *o, const char *key)
{
    const json_t *v = member(in, o, key, JSON_STRING, "wants to be a text");
    return v ? keep(in, v) : PL_SPAN_NONE;
}

static const json_t *object(struct in *in, const json_t *o, const char *key)
{
    return member(in, o, key, JSON_OBJECT, "wants to be an object");
}

static const json_t *array(struct in *in, const json_t *o, const char *key, size_t most)
{
    const json_t *v = member(in, o, key, JSON_ARRAY, "wants to be an array");
    if (v && json_array_size(v) > most) {
        fail(in, PL_ELIMIT, key, "has more entries than any report");
        return NULL;
    }
    return v;
}

static int64_t integer(struct in *in, const json_t *o, const char *key, int64_t absent,
                       int64_t least, int64_t most)
{
    const json_t *v = member(in, o, key, JSON_INTEGER, "wants to be a whole number");
    if (!v)
        return absent;
    int64_t n = json_integer_value(v);
    if (n < least || n > most) {
        fail(in, PL_EFORMAT, key, "is out of its range");
        return absent;
    }
    return n;
}

/* A number from 0 to most; -1 when not known. */
static double real(struct in *in, const json_t *o, const char *key, double most)
{
    const json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v))
        return -1;
    double n = json_is_number(v) ? json_number_value(v) : -1;
    if (isfinite(n) && n >= 0 && n <= most)
        return n;
    fail(in, PL_EFORMAT, key, "is no number of its range");
    return -1;
}

static bool truth(struct in *in, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (v && !json_is_boolean(v) && !json_is_null(v))
        fail(in, PL_EFORMAT, key, "wants to be true or false");
    return json_is_true(v);
}

static void digest(struct in *in, const json_t *o, const char *key, pl_digest *out)
{
    pl_span said = pl_json_span(member(in, o, key, JSON_STRING, "wants to be a digest"));
    if (said.len && pl_digest_parse(said, out, NULL))
        fail(in, PL_EFORMAT, key, "is no digest");
}

enum { MOST_TEXTS = 1000000 };

static const pl_span *texts(struct in *in, const json_t *o, const char *key, size_t *n)
{
    const json_t *v = array(in, o, key, MOST_TEXTS);
    size_t count = json_array_size(v);
    pl_span *out = count ? pl_arena_array(in->keep, count, sizeof(*out)) : NULL;
    *n = 0;
    if (!count)
        return NULL;
    if (!out) {
        fail(in, PL_ELIMIT, key, "the report is too large");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *t = json_array_get(v, i);
        if (!json_is_string(t)) {
            fail(in, PL_EFORMAT, key, "wants to hold texts only");
            return NULL;
        }
        out[i] = keep(in, t);
    }
    *n = count;
    return out;
}

/* Room for the elements of an array; NULL (and n 0) when there are none or it failed. */
static void *room(struct in *in, const json_t *v, size_t size, const char *key, size_t *n)
{
    size_t count = json_array_size(v);
    void *out = count ? pl_arena_array(in->keep, count, size) : NULL;
    *n = out ? count : 0;
    if (count && !out)
        fail(in, PL_ELIMIT, key, "the report is too large");
    return out;
}

static bool is_object(struct in *in, const json_t *v)
{
    if (json_is_object(v))
        return true;
    fail(in, PL_EFORMAT, NULL, "wants to be an object");
    return false;
}

/* The word's place among those that `name` gives for 0, 1, ... n - 1. */
#define WORD(in, o, key, n, name, absent)                                                          \
    ({                                                                                             \
        int word_ = (absent);                                                                      \
        pl_span said_ = pl_json_span(member(in, o, key, JSON_STRING, "wants to be a word"));       \
        if (said_.len) {                                                                           \
            int at_ = 0;                                                                           \
            while (at_ < (n) && !pl_span_eq(said_, pl_span_str(name(at_))))                        \
                at_++;                                                                             \
            if (at_ < (n))                                                                         \
                word_ = at_;                                                                       \
            else                                                                                   \
                fail(in, PL_EFORMAT, key, "is no word that this program knows");                   \
        }                                                                                          \
        word_;                                                                                     \
    })

/* ---- who judged ---- */

static void feeds(struct in *in, const json_t *database, struct pl_database_info *out)
{
    const json_t *list = array(in, database, "feeds", MOST_TEXTS);
    struct pl_feed_info *feed = room(in, list, sizeof(*feed), "feeds", &out->n_feeds);
    for (size_t i = 0; i < out->n_feeds; i++) {
        const json_t *f = json_array_get(list, i);
        enter_item(in, "scanner.database.feeds", i);
        if (!is_object(in, f))
            return;
        feed[i].name = text(in, f, "name");
        feed[i].records = (uint64_t)integer(in, f, "records", 0, 0, INT64_MAX);
        feed[i].published_at = text(in, f, "published_at");
    }
    out->feeds = feed;
}

static void scanner(struct in *in, const json_t *root, struct pl_report *r)
{
    enter(in, NULL);
    const json_t *s = object(in, root, "scanner");
    enter(in, "scanner");
    r->scanner_version = text(in, s, "version");
    r->rules_digest = text(in, s, "rules_digest");
    const json_t *d = object(in, s, "database");
    enter(in, "scanner.database");
    r->database.built_at = text(in, d, "built_at");
    r->database.digest = text(in, d, "digest");
    feeds(in, d, &r->database);
}

/* ---- what was scanned ---- */

static void os(struct in *in, const json_t *image, struct pl_os *out)
{
    enter(in, "image");
    const json_t *o = object(in, image, "os");
    enter(in, "image.os");
    out->family = text(in, o, "family");
    out->version = text(in, o, "version");
    out->codename = text(in, o, "codename");
    out->variant = text(in, o, "variant");
    out->pretty_name = text(in, o, "pretty_name");
    out->layer = -1;
    out->distro = pl_distro_find(out->family);
    pl_span end = text(in, o, "end_of_life");
    if (!end.len)
        return;
    /* The report's own date: our table may be of another year. */
    struct pl_release *release = pl_arena_alloc(in->keep, sizeof(*release));
    if (!release) {
        fail(in, PL_ELIMIT, NULL, "the report is too large");
        return;
    }
    *release = (struct pl_release){ .family = out->family.len ? out->family.ptr : "",
                                    .release = out->version.len ? out->version.ptr : "",
                                    .end_of_life = end.ptr };
    out->release = release;
}

static void labels(struct in *in, const json_t *config, struct pl_config *out)
{
    const json_t *o = object(in, config, "labels");
    size_t n = json_object_size(o);
    struct pl_pair *pairs = n ? pl_arena_array(in->keep, n, sizeof(*pairs)) : NULL;
    const char *key;
    size_t length;
    const json_t *value;
    if (n && !pairs)
        fail(in, PL_ELIMIT, "labels", "the report is too large");
    if (!pairs)
        return;
    void *iterator = json_object_iter((json_t *)(uintptr_t)o);
    for (n = 0; iterator; iterator = json_object_iter_next((json_t *)(uintptr_t)o, iterator)) {
        key = json_object_iter_key(iterator);
        length = json_object_iter_key_len(iterator);
        value = json_object_iter_value(iterator);
        if (!json_is_string(value)) {
            fail(in, PL_EFORMAT, "labels", "wants to hold texts only");
            return;
        }
        if (!pl_arena_copy(in->keep, pl_span_of(key, length), &pairs[n].key))
            fail(in, PL_ELIMIT, "labels", "the report is too large");
        pairs[n++].value = keep(in, value);
    }
    out->labels = pairs;
    out->n_labels = n;
}

static void config(struct in *in, const json_t *image, struct pl_config *out)
{
    enter(in, "image");
    const json_t *c = object(in, image, "config");
    enter(in, "image.config");
    out->user = text(in, c, "user");
    out->entrypoint = texts(in, c, "entrypoint", &out->n_entrypoint);
    out->cmd = texts(in, c, "cmd", &out->n_cmd);
    out->exposed_ports = texts(in, c, "exposed_ports", &out->n_exposed_ports);
    out->working_dir = text(in, c, "working_dir");
    out->stop_signal = text(in, c, "stop_signal");
    out->volumes = texts(in, c, "volumes", &out->n_volumes);
    out->on_build = texts(in, c, "on_build", &out->n_on_build);
    out->shell = texts(in, c, "shell", &out->n_shell);
    out->env = texts(in, c, "env_names", &out->n_env); /* their values were not written */
    labels(in, c, out);
    out->healthcheck = truth(in, c, "healthcheck");
}

static void layers(struct in *in, const json_t *image, struct pl_image *out)
{
    enter(in, "image");
    const json_t *list = array(in, image, "layers", PL_LIMITS.n_layers * 2);
    out->layers = room(in, list, sizeof(*out->layers), "layers", &out->n_layers);
    for (size_t i = 0; i < out->n_layers; i++) {
        const json_t *l = json_array_get(list, i);
        enter_item(in, "image.layers", i);
        if (!is_object(in, l))
            return;
        out->layers[i].index =
            (unsigned)integer(in, l, "index", (int64_t)i, (int64_t)i, (int64_t)i);
        digest(in, l, "digest", &out->layers[i].digest);
        digest(in, l, "diff_id", &out->layers[i].diff_id);
        out->layers[i].size = (uint64_t)integer(in, l, "size", 0, 0, INT64_MAX);
        out->layers[i].created_by = text(in, l, "created_by");
        out->layers[i].empty = truth(in, l, "empty");
    }
}

static void platform(pl_span said, struct pl_image *out)
{
    size_t at = pl_span_chr(said, '/');
    if (at == SIZE_MAX)
        return;
    out->os = pl_span_sub(said, 0, at);
    out->architecture = pl_span_from(said, at + 1);
    at = pl_span_chr(out->architecture, '/');
    if (at == SIZE_MAX)
        return;
    out->variant = pl_span_from(out->architecture, at + 1);
    out->architecture = pl_span_sub(out->architecture, 0, at);
}

static void image(struct in *in, const json_t *root, struct pl_report *r)
{
    struct pl_image *out = pl_arena_alloc(in->keep, sizeof(*out));
    enter(in, NULL);
    const json_t *i = object(in, root, "image");
    if (!out) {
        fail(in, PL_ELIMIT, "image", "the report is too large");
        return;
    }
    r->image = r->inventory.image = out;
    enter(in, "image");
    out->reference = text(in, i, "reference");
    digest(in, i, "digest", &out->digest);
    digest(in, i, "image_id", &out->image_id);
    platform(text(in, i, "platform"), out);
    out->created = text(in, i, "created");
    out->size = (uint64_t)integer(in, i, "size", 0, 0, INT64_MAX);
    const json_t *base = object(in, i, "base_image");
    enter(in, "image.base_image");
    r->base.found = base != NULL;
    r->base.reference = text(in, base, "reference");
    r->base.digest = text(in, base, "digest");
    r->base.how = text(in, base, "how");
    r->base.layers = (int32_t)integer(in, base, "layers", -1, 0, INT32_MAX);
    os(in, i, &r->inventory.os);
    config(in, i, &out->config);
    layers(in, i, out);
}

/* ---- packages ---- */

static uint32_t flags(struct in *in, const json_t *p)
{
    const json_t *list = array(in, p, "flags", 32);
    uint32_t out = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        for (unsigned bit = 0; pl_sbom_flag(bit); bit++)
            if (pl_span_eq(pl_json_span(json_array_get(list, i)), pl_span_str(pl_sbom_flag(bit))))
                out |= 1u << bit;
    return out;
}

/* Our reports hold the package's own text as one entry; others' may hold several. */
static pl_span licenses(struct in *in, const json_t *p)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    size_t n;
    const pl_span *list = texts(in, p, "licenses", &n);
    pl_span kept = { 0 };
    if (n < 2)
        return n ? list[0] : PL_SPAN_NONE;
    for (size_t i = 0; i < n; i++) {
        if (i)
            pl_buf_add(&b, PL_LIT(" AND "));
        pl_buf_add(&b, list[i]);
    }
    if (b.failed || !pl_arena_copy(in->keep, pl_buf_span(&b), &kept))
        fail(in, PL_ELIMIT, "licenses", "the report is too large");
    return kept;
}

static void package(struct in *in, const json_t *p, size_t place, struct pl_package *out)
{
    out->type = text(in, p, "type");
    out->name = text(in, p, "name");
    out->version = text(in, p, "version");
    out->arch = text(in, p, "arch");
    out->path = text(in, p, "path");
    out->layer = (uint32_t)integer(in, p, "layer", 0, 0, UINT32_MAX);
    out->licenses = licenses(in, p);
    out->owner = text(in, p, "owner");
    out->module = text(in, p, "module");
    out->vendor = text(in, p, "vendor");
    out->repository = text(in, p, "repository");
    out->flags = flags(in, p);
    const json_t *source = object(in, p, "source");
    out->source_name = text(in, source, "name");
    out->source_version = text(in, source, "version");
    if (!out->type.len || !out->name.len)
        fail(in, PL_EFORMAT, NULL, "a package wants a type and a name");
    pl_span id = text(in, p, "id");
    void **at = in->rc ? NULL : pl_map_at(&in->packages, id);
    if (at && !*at) /* the first, where bytes that were no text have made two the same */
        *at = (void *)(uintptr_t)(place + 1);
    else if (!at)
        fail(in, PL_ENOMEM, NULL, "out of memory");
}

static void packages(struct in *in, const json_t *root, struct pl_inventory *out)
{
    enter(in, NULL);
    const json_t *list = array(in, root, "packages", PL_LIMITS.packages);
    out->packages = room(in, list, sizeof(*out->packages), "packages", &out->n_packages);
    for (size_t i = 0; i < out->n_packages && !in->rc; i++) {
        const json_t *p = json_array_get(list, i);
        enter_item(in, "packages", i);
        if (is_object(in, p))
            package(in, p, i, &out->packages[i]);
    }
    out->all_layers_read = true;
}

/* ---- findings ---- */

static const char *class_name(int c) { return pl_class_text((enum pl_class)c); }
static const char *severity_name(int s) { return pl_severity_text((enum pl_severity)s); }
static const char *priority_name(int p) { return pl_priority_text((enum pl_priority)p); }
static const char *status_name(int s) { return pl_status_text((enum pl_status)s); }
static const char *coverage_name(int s) { return pl_coverage_text((enum pl_coverage_state)s); }

static void scores(struct in *in, const json_t *f, struct pl_finding *out)
{
    const json_t *list = array(in, f, "cvss", 1000);
    struct pl_cvss *c = room(in, list, sizeof(*c), "cvss", &out->n_cvss);
    for (size_t i = 0; i < out->n_cvss; i++) {
        const json_t *s = json_array_get(list, i);
        if (!is_object(in, s))
            return;
        c[i].source = text(in, s, "source");
        c[i].vector = text(in, s, "vector");
        c[i].score = real(in, s, "score", 10);
    }
    out->cvss = c;
}

static void what_it_is(struct in *in, const json_t *f, struct pl_finding *out)
{
    out->key = text(in, f, "key");
    out->class_id = (enum pl_class)WORD(in, f, "class", PL_N_CLASSES, class_name, PL_N_CLASSES);
    out->id = text(in, f, "id");
    out->aliases = texts(in, f, "aliases", &out->n_aliases);
    out->title = text(in, f, "title");
    out->description = text(in, f, "description");
    out->severity = (enum pl_severity)WORD(in, f, "severity", PL_SEVERITY_CRITICAL + 1,
                                           severity_name, PL_SEVERITY_UNKNOWN);
    out->severity_source = text(in, f, "severity_source");
    out->priority = (enum pl_priority)WORD(in, f, "priority", PL_PRIORITY_HIGH + 1, priority_name,
                                           PL_PRIORITY_LOW);
    out->priority_reason = text(in, f, "priority_reason");
    out->status = (enum pl_status)WORD(in, f, "status", PL_STATUS_UNDER_INVESTIGATION + 1,
                                       status_name, PL_STATUS_AFFECTED);
    if (out->class_id == PL_N_CLASSES)
        fail(in, PL_EFORMAT, "class", "is not there");
}

static void where_it_is(struct in *in, const json_t *f, struct pl_finding *out)
{
    const json_t *id = member(in, f, "package", JSON_STRING, "wants to be a package's id");
    uintptr_t place = id ? (uintptr_t)pl_map_get(&in->packages, pl_json_span(id)) : 0;
    if (id && !place)
        fail(in, PL_EFORMAT, "package", "is not among the packages");
    out->package = (int64_t)place - 1;
    out->installed_version = text(in, f, "installed_version");
    out->fixed_version = text(in, f, "fixed_version");
    out->path = text(in, f, "path");
    out->line = (unsigned)integer(in, f, "line", 0, 0, UINT32_MAX);
    out->match = text(in, f, "match");
    out->layer = (int32_t)integer(in, object(in, f, "layer"), "index", -1, 0, INT32_MAX);
    out->removed_in_layer = (int32_t)integer(in, f, "removed_in_layer", -1, 0, INT32_MAX);
    const json_t *base = json_object_get(f, "in_base");
    out->in_base = !json_is_boolean(base) ? PL_IN_BASE_UNKNOWN
                   : json_is_true(base)   ? PL_IN_BASE_YES
                                          : PL_IN_BASE_NO;
    out->cause = text(in, f, "cause");
}

static void finding(struct in *in, const json_t *f, struct pl_finding *out)
{
    what_it_is(in, f, out);
    where_it_is(in, f, out);
    const json_t *fix = object(in, f, "fix"), *suppressed = object(in, f, "suppressed");
    out->fix.command = text(in, fix, "command");
    out->fix.version = text(in, fix, "version");
    out->fix.description = text(in, fix, "description");
    out->fix.caution = text(in, fix, "caution");
    scores(in, f, out);
    out->epss = real(in, f, "epss", 1);
    out->epss_percentile = real(in, f, "epss_percentile", 1);
    out->known_exploited = truth(in, f, "known_exploited");
    out->ransomware = truth(in, f, "ransomware");
    out->published = text(in, f, "published");
    out->references = texts(in, f, "references", &out->n_references);
    out->cwes = texts(in, f, "cwes", &out->n_cwes);
    out->feed = text(in, f, "feed");
    out->note = text(in, f, "note");
    out->suppressed_by = text(in, suppressed, "by");
    out->suppressed_reason = text(in, suppressed, "reason");
}

static void findings(struct in *in, const json_t *root, struct pl_report *r)
{
    enter(in, NULL);
    const json_t *list = array(in, root, "findings", 20000000);
    r->findings = room(in, list, sizeof(*r->findings), "findings", &r->n_findings);
    for (size_t i = 0; i < r->n_findings && !in->rc; i++) {
        const json_t *f = json_array_get(list, i);
        enter_item(in, "findings", i);
        if (is_object(in, f))
            finding(in, f, &r->findings[i]);
    }
}

/* ---- what was not looked at, and the verdict ---- */

static void gaps(struct in *in, const json_t *root, struct pl_report *r)
{
    enter(in, NULL);
    const json_t *list = array(in, root, "gaps", 20000000);
    r->gaps = room(in, list, sizeof(*r->gaps), "gaps", &r->n_gaps);
    for (size_t i = 0; i < r->n_gaps && !in->rc; i++) {
        const json_t *g = json_array_get(list, i);
        enter_item(in, "gaps", i);
        if (!is_object(in, g))
            return;
        r->gaps[i].class_name = text(in, g, "class");
        r->gaps[i].layer = (int32_t)integer(in, g, "layer", -1, 0, INT32_MAX);
        r->gaps[i].path = text(in, g, "path");
        r->gaps[i].reason = text(in, g, "reason");
        r->gaps[i].detail = text(in, g, "detail");
    }
}

/* A class that the report does not speak of was not looked at. */
static void coverage(struct in *in, const json_t *root, struct pl_report *r)
{
    for (int c = 0; c < PL_N_CLASSES; c++)
        r->coverage[c] =
            (struct pl_coverage){ .class_id = (enum pl_class)c, .state = PL_COVERAGE_SKIPPED };
    enter(in, NULL);
    const json_t *list = array(in, root, "coverage", 1000);
    for (size_t i = 0; i < json_array_size(list) && !in->rc; i++) {
        const json_t *k = json_array_get(list, i);
        enum pl_class c;
        enter_item(in, "coverage", i);
        if (!is_object(in, k) || !pl_class_parse(pl_json_text(k, "class"), &c))
            continue; /* a class of a later version */
        r->coverage[c].state = (enum pl_coverage_state)WORD(in, k, "state", PL_COVERAGE_SKIPPED + 1,
                                                            coverage_name, PL_COVERAGE_SKIPPED);
        r->coverage[c].by = text(in, k, "by");
        r->coverage[c].as_of = text(in, k, "as_of");
        r->coverage[c].detail = text(in, k, "detail");
    }
}

static void outcome(struct in *in, const json_t *root, struct pl_report *r)
{
    enter(in, NULL);
    const json_t *filtered = object(in, object(in, root, "summary"), "filtered");
    enter(in, "summary.filtered");
    r->n_filtered = (uint64_t)integer(in, filtered, "count", 0, 0, INT64_MAX);
    r->severity_filter = text(in, filtered, "by");
    enter(in, NULL);
    const json_t *v = object(in, root, "verdict");
    enter(in, "verdict");
    r->verdict.allowed = truth(in, v, "allowed");
    r->verdict.policy = text(in, v, "policy");
    r->verdict.reasons = texts(in, v, "reasons", &r->verdict.n_reasons);
}

static pl_rc one(struct in *in, const json_t *root, struct pl_report *out)
{
    enter(in, NULL);
    if (!json_is_object(root))
        fail(in, PL_EFORMAT, NULL, "no report: a plimsoll.report/1 is an object");
    else if (!pl_span_eq(pl_json_text(root, "schema"), PL_LIT("plimsoll.report/1")))
        fail(in, PL_EFORMAT, "schema",
             "no report of ours: `plimsoll scan --format json` writes \"plimsoll.report/1\"");
    if (in->rc)
        return in->rc;
    out->generated_at = text(in, root, "generated_at");
    scanner(in, root, out);
    image(in, root, out);
    packages(in, root, &out->inventory);
    findings(in, root, out);
    gaps(in, root, out);
    coverage(in, root, out);
    outcome(in, root, out);
    out->inventory.gaps = out->gaps;
    out->inventory.n_gaps = out->n_gaps;
    return in->rc;
}

pl_rc pl_reports_parse(pl_span bytes, struct pl_arena *a, struct pl_report_set *out,
                       struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    struct pl_report_set set = { 0 };
    if (bytes.len > PL_REPORT_FILE_BYTES)
        return pl_fail(err, PL_ELIMIT, "larger than 1 GiB");
    pl_rc rc = pl_json_parse(bytes, &root, err);
    if (rc)
        return rc;
    set.list = json_is_array(root);
    set.n = set.list ? json_array_size(root) : 1;
    if (set.n > PL_REPORT_SET_MOST)
        return pl_fail(err, PL_ELIMIT, "more than %d reports", PL_REPORT_SET_MOST);
    set.items = pl_arena_array(a, set.n ? set.n : 1, sizeof(*set.items));
    if (!set.items)
        return pl_fail(err, PL_ELIMIT, "the report is too large");
    for (size_t i = 0; i < set.n && !rc; i++) {
        struct in in = { .keep = a, .err = err, .report = set.list ? i + 1 : 0 };
        rc = one(&in, set.list ? json_array_get(root, i) : root, &set.items[i]);
        pl_map_done(&in.packages);
    }
    if (!rc)
        *out = set;
    return rc;
}
