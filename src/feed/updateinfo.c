/* updateinfo.xml of rpm repositories: one <update> is one advisory of binary packages.
 *
 * Who wrote it, and for which release, is said in another place by each: Amazon in the
 * collection's short name, Fedora and EPEL in <release> ("Fedora 35") and "F35", Rocky in
 * <release>, AlmaLinux only in the collection ("almalinux-9-for-x86_64-baseos-rpms__9_1_default",
 * <release> is "0"), openSUSE in <release>. Where the document is silent its path may speak.
 * Only type="security" counts: "bugfix", "enhancement" and "newpackage" name no flaw.
 * Spec: createrepo_c, xml_dump_updateinfo.c; yum's update_md.py. */
#include <ctype.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/xml.h"
#include "feed/feed.h"

enum { MAX_PACKAGES = 100000, MAX_VULNS = 8192, MAX_REFERENCES = 64 };

struct package {
    pl_span name, fixed, module;
    pl_span arch[16];
    size_t n_arch;
};

struct reading {
    struct pl_feed_file *file;
    struct pl_advisory_sink *out;
    struct pl_arena arena; /* of one update */
    struct pl_arena keep;  /* of the file */
    struct pl_map covered;
    struct pl_map by_key; /* packages of this update */
    pl_span newest;       /* latest date seen: the feed's own */
    bool full, in_update;
    /* this update */
    pl_span id, type, title, severity, description, summary, release;
    pl_span issued, updated, short_name, collection, module;
    struct pl_vec packages;   /* struct package */
    struct pl_vec vulns;      /* struct pl_vuln_ref */
    struct pl_vec references; /* pl_span */
};

static pl_span keep(struct reading *r, pl_span text)
{
    pl_span kept = PL_SPAN_NONE;
    if (text.len && !pl_arena_copy(&r->arena, text, &kept))
        r->full = true;
    return kept;
}

/* ---- whose update it is ---- */

enum form { FORM_MAJOR, FORM_AS_IS, FORM_FIXED };

/* Words, longest first where one begins another; a number must follow unless the form is fixed. */
static const struct {
    const char *words, *stream;
    enum form form;
} owners[] = {
    { "amazon-linux-2023", "amzn:2023", FORM_FIXED },
    { "amazon linux 2023", "amzn:2023", FORM_FIXED },
    { "amazonlinux2023", "amzn:2023", FORM_FIXED },
    { "al2023", "amzn:2023", FORM_FIXED },
    { "alas2023", "amzn:2023", FORM_FIXED },
    { "amazon-linux-2022", "amzn:2022", FORM_FIXED },
    { "amazon linux 2022", "amzn:2022", FORM_FIXED },
    { "amazonlinux2022", "amzn:2022", FORM_FIXED },
    { "al2022", "amzn:2022", FORM_FIXED },
    { "alas2022", "amzn:2022", FORM_FIXED },
    { "amazon-linux-ami", "amzn:1", FORM_FIXED },
    { "amazon linux ami", "amzn:1", FORM_FIXED },
    { "amazonlinux1", "amzn:1", FORM_FIXED },
    { "amazon-linux-2", "amzn:2", FORM_FIXED },
    { "amazon linux 2", "amzn:2", FORM_FIXED },
    { "amazonlinux2", "amzn:2", FORM_FIXED },
    { "alas2", "amzn:2", FORM_FIXED },
    { "fedora epel", "epel", FORM_MAJOR },
    { "epel", "epel", FORM_MAJOR },
    { "fedora", "fedora", FORM_MAJOR },
    { "rocky linux", "rocky", FORM_MAJOR },
    { "rocky-linux", "rocky", FORM_MAJOR },
    { "rocky", "rocky", FORM_MAJOR },
    { "almalinux", "almalinux", FORM_MAJOR },
    { "alma", "almalinux", FORM_MAJOR },
    { "oracle linux", "ol", FORM_MAJOR },
    { "red hat enterprise linux", "rhel", FORM_MAJOR },
    { "anolis os", "anolis", FORM_MAJOR },
    { "alinux", "alinux", FORM_MAJOR },
    { "leap micro", "opensuse-leap-micro", FORM_AS_IS },
    { "leap", "opensuse-leap", FORM_AS_IS },
    { "opensuse-sle", "opensuse-leap", FORM_AS_IS }, /* Leap 15.3 and later: SLE's own updates */
    { "tumbleweed", "opensuse-tumbleweed", FORM_FIXED },
};

/* Where words stand in text, in any case of letters; SIZE_MAX when they do not. */
static size_t find_words(pl_span text, const char *words, size_t from)
{
    size_t n = strlen(words);
    for (size_t i = from; i + n <= text.len; i++)
        if (pl_span_eq_nocase(pl_span_sub(text, i, n), pl_span_of(words, n)))
            return i;
    return SIZE_MAX;
}

/* "8.4" behind "-", "_", "/" or a blank; empty when there is none. */
static pl_span number_behind(pl_span text)
{
    while (text.len && strchr(" -_/.", text.ptr[0]))
        text = pl_span_from(text, 1);
    size_t n = 0;
    while (n < text.len && n < 8 &&
           (isdigit((unsigned char)text.ptr[n]) || (n && text.ptr[n] == '.' && n + 1 < text.len &&
                                                    isdigit((unsigned char)text.ptr[n + 1]))))
        n++;
    return pl_span_sub(text, 0, n);
}

static pl_span owner_in(struct reading *r, pl_span text)
{
    for (size_t i = 0; i < PL_COUNT(owners); i++) {
        size_t at = 0, n = strlen(owners[i].words);
        while ((at = find_words(text, owners[i].words, at)) != SIZE_MAX) {
            if (owners[i].form == FORM_FIXED)
                return pl_span_str(owners[i].stream);
            pl_span number = number_behind(pl_span_from(text, at + n));
            if (owners[i].form == FORM_MAJOR)
                number = pl_span_sub(number, 0, pl_span_chr(number, '.'));
            if (number.len)
                return pl_span_str(
                    pl_arena_printf(&r->arena, "%s:%.*s", owners[i].stream, PL_FMT(number)));
            at += n;
        }
    }
    return PL_SPAN_NONE;
}

/* Short names of collections: "F35", "F29M" (modular), "EL-6", "RL8". */
static pl_span owner_of_short(struct reading *r)
{
    static const struct {
        const char *prefix, *family;
    } shorts[] = { { "EL-", "epel" }, { "RL", "rocky" }, { "F", "fedora" } };
    for (size_t i = 0; i < PL_COUNT(shorts); i++) {
        pl_span rest = r->short_name;
        uint64_t n;
        if (!pl_span_skip_lit(&rest, pl_span_str(shorts[i].prefix)))
            continue;
        if (pl_span_ends(rest, PL_LIT("M")))
            rest.len--;
        if (pl_span_decimal(rest, 999, &n))
            return pl_span_str(pl_arena_printf(&r->arena, "%s:%u", shorts[i].family, (unsigned)n));
    }
    return PL_SPAN_NONE;
}

static pl_span stream_of(struct reading *r)
{
    pl_span stream = owner_of_short(r);
    const pl_span places[] = { r->short_name, r->collection, r->release,
                               r->id,         r->title,      pl_span_str(r->file->path) };
    for (size_t i = 0; i < PL_COUNT(places) && !stream.len; i++)
        stream = owner_in(r, places[i]);
    return stream;
}

/* ALAS2GOLANG1.19-2023-001, ALASDOCKER-2021-001, ALAS2023LIVEPATCH-2024-001: topics beside the
 * core repository; only who enabled them has their packages. */
static pl_span channel_of(struct reading *r)
{
    pl_span rest = r->id;
    if (!pl_span_skip_lit(&rest, PL_LIT("ALAS")))
        return PL_SPAN_NONE;
    if (!pl_span_skip_lit(&rest, PL_LIT("2023")) && !pl_span_skip_lit(&rest, PL_LIT("2022")))
        pl_span_skip_lit(&rest, PL_LIT("2"));
    for (unsigned i = 0; i < 2; i++) /* the last two parts are year and number */
        rest =
            pl_span_sub(rest, 0, pl_span_rchr(rest, '-') == SIZE_MAX ? 0 : pl_span_rchr(rest, '-'));
    if (!rest.len || !isalpha((unsigned char)rest.ptr[0]))
        return PL_SPAN_NONE;
    char *lower = pl_arena_str(&r->arena, rest);
    for (char *p = lower; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return pl_span_str(lower);
}

/* ---- reading one update ---- */

static void start_update(struct reading *r, const struct pl_xml_attrs *a)
{
    struct reading fresh = { .file = r->file,
                             .out = r->out,
                             .arena = r->arena,
                             .keep = r->keep,
                             .covered = r->covered,
                             .newest = r->newest,
                             .in_update = true,
                             .packages = PL_VEC(struct package),
                             .vulns = PL_VEC(struct pl_vuln_ref),
                             .references = PL_VEC(pl_span) };
    pl_map_done(&r->by_key);
    *r = fresh;
    pl_arena_reset(&r->arena);
    r->type = keep(r, pl_xml_attr(a, "type"));
    r->severity = keep(r, pl_xml_attr(a, "severity"));
}

static void add_vuln(struct reading *r, pl_span id)
{
    const struct pl_vuln_ref *all = r->vulns.items;
    for (size_t i = 0; i < r->vulns.n; i++)
        if (pl_span_eq(all[i].id, id))
            return;
    struct pl_vuln_ref *v = r->vulns.n < MAX_VULNS ? pl_vec_push(&r->arena, &r->vulns) : NULL;
    if (v)
        v->id = keep(r, id);
    else
        r->full = true;
}

/* Every "CVE-2024-1" in a text. */
static void add_vulns_in(struct reading *r, pl_span text)
{
    for (size_t at; (at = pl_span_find(text, PL_LIT("CVE-"))) != SIZE_MAX;) {
        text = pl_span_from(text, at);
        size_t n = 4, dashes = 0, digits = 0;
        for (; n < text.len &&
               (isdigit((unsigned char)text.ptr[n]) || (text.ptr[n] == '-' && !dashes && n == 8));
             n++)
            text.ptr[n] == '-' ? dashes++ : (digits += dashes);
        if (dashes == 1 && digits)
            add_vuln(r, pl_span_sub(text, 0, n));
        text = pl_span_from(text, 4);
    }
}

static void open_reference(struct reading *r, const struct pl_xml_attrs *a)
{
    pl_span type = pl_xml_attr(a, "type"), href = pl_xml_attr(a, "href");
    if (pl_span_eq_nocase(type, PL_LIT("cve")))
        add_vulns_in(r, pl_xml_attr(a, "id"));
    /* Fedora links its bug tracker, and the bug's title names the vulnerability. */
    if (pl_span_eq(type, PL_LIT("bugzilla")))
        add_vulns_in(r, pl_xml_attr(a, "title"));
    pl_span *url = href.len && r->references.n < MAX_REFERENCES
                       ? pl_vec_push(&r->arena, &r->references)
                       : NULL;
    if (url)
        *url = keep(r, href);
}

/* "Important: nodejs:14 security update" -> "nodejs:14". Rocky and AlmaLinux write no <module>
 * beside their modular packages, but name it in the title. */
static pl_span module_in_title(pl_span title)
{
    pl_span word;
    while (pl_span_word(&title, &word)) {
        size_t colon = pl_span_chr(word, ':');
        if (colon != SIZE_MAX && colon && colon + 1 < word.len)
            return word;
    }
    return PL_SPAN_NONE;
}

static void add_arch(struct package *p, pl_span arch)
{
    for (size_t i = 0; i < p->n_arch; i++)
        if (pl_span_eq(p->arch[i], arch))
            return;
    if (p->n_arch < PL_COUNT(p->arch))
        p->arch[p->n_arch++] = arch;
}

static void open_package(struct reading *r, const struct pl_xml_attrs *a)
{
    pl_span name = pl_xml_attr(a, "name"), version = pl_xml_attr(a, "version");
    pl_span release = pl_xml_attr(a, "release"), epoch = pl_xml_attr(a, "epoch");
    pl_span arch = pl_xml_attr(a, "arch"), module = r->module;
    if (!name.len || !version.len || pl_span_eq(arch, PL_LIT("src")))
        return;
    if (!module.len && pl_span_find(release, PL_LIT(".module")) != SIZE_MAX)
        module = module_in_title(r->title);
    bool plain = !epoch.len || pl_span_eq(epoch, PL_LIT("0"));
    char *fixed =
        pl_arena_printf(&r->arena, "%.*s%s%.*s%s%.*s", PL_FMT(plain ? PL_SPAN_NONE : epoch),
                        plain ? "" : ":", PL_FMT(version), release.len ? "-" : "", PL_FMT(release));
    char *key =
        fixed ? pl_arena_printf(&r->arena, "%.*s|%s|%.*s", PL_FMT(name), fixed, PL_FMT(module))
              : NULL;
    void **at = key ? pl_map_at(&r->by_key, pl_span_str(key)) : NULL;
    if (!at || r->packages.n >= MAX_PACKAGES) {
        r->full = true;
        return;
    }
    struct package *p;
    if (*at) { /* its number, from 1: the array may move */
        p = (struct package *)r->packages.items + ((uintptr_t)*at - 1);
    } else {
        p = pl_vec_push(&r->arena, &r->packages);
        if (!p) {
            r->full = true;
            return;
        }
        *at = (void *)(uintptr_t)r->packages.n;
        *p = (struct package){ .name = keep(r, name),
                               .fixed = pl_span_str(fixed),
                               .module = keep(r, module) };
    }
    if (arch.len)
        add_arch(p, keep(r, arch));
}

static void open_module(struct reading *r, const struct pl_xml_attrs *a)
{
    pl_span name = pl_xml_attr(a, "name"), stream = pl_xml_attr(a, "stream");
    if (name.len && stream.len)
        r->module =
            pl_span_str(pl_arena_printf(&r->arena, "%.*s:%.*s", PL_FMT(name), PL_FMT(stream)));
}

static pl_rc on_open(void *ctx, pl_span name, const struct pl_xml_attrs *a, unsigned depth,
                     struct pl_err *err)
{
    struct reading *r = ctx;
    if (depth == 1 && !pl_span_eq(name, PL_LIT("updates")))
        return pl_fail(err, PL_EFORMAT, "not updates but %.*s", PL_FMT(name));
    if (depth == 2 && pl_span_eq(name, PL_LIT("update")))
        start_update(r, a);
    if (!r->in_update || r->full)
        return PL_OK;
    if (pl_span_eq(name, PL_LIT("issued")))
        r->issued = keep(r, pl_xml_attr(a, "date"));
    else if (pl_span_eq(name, PL_LIT("updated")))
        r->updated = keep(r, pl_xml_attr(a, "date"));
    else if (pl_span_eq(name, PL_LIT("reference")))
        open_reference(r, a);
    else if (pl_span_eq(name, PL_LIT("collection"))) {
        r->short_name = keep(r, pl_xml_attr(a, "short"));
        r->module = PL_SPAN_NONE;
    } else if (pl_span_eq(name, PL_LIT("module")))
        open_module(r, a);
    else if (pl_span_eq(name, PL_LIT("package")))
        open_package(r, a);
    return PL_OK;
}

/* ---- giving it ---- */

static void tell_stream(struct reading *r, pl_span stream)
{
    pl_span kept;
    if (pl_map_get(&r->covered, stream))
        return;
    void **at = pl_arena_copy(&r->keep, stream, &kept) ? pl_map_at(&r->covered, kept) : NULL;
    if (at)
        *at = r;
    r->out->covers(r->out, stream);
}

static pl_span join_arch(struct reading *r, const struct package *p)
{
    size_t size = 0, n = 0;
    for (size_t i = 0; i < p->n_arch; i++)
        size += p->arch[i].len + 1;
    char *out = pl_arena_alloc(&r->arena, size);
    for (size_t i = 0; out && i < p->n_arch; i++) {
        if (i)
            out[n++] = ' ';
        memcpy(out + n, p->arch[i].ptr, p->arch[i].len);
        n += p->arch[i].len;
    }
    return pl_span_of(out, n);
}

static struct pl_affected *affected_of(struct reading *r, pl_span stream)
{
    const struct package *p = r->packages.items;
    struct pl_affected *list = pl_arena_array(&r->arena, r->packages.n, sizeof(*list));
    struct pl_range *ranges = pl_arena_array(&r->arena, r->packages.n, sizeof(*ranges));
    pl_span channel = channel_of(r);
    for (size_t i = 0; list && ranges && i < r->packages.n; i++) {
        ranges[i].fixed = p[i].fixed;
        list[i] = (struct pl_affected){ .stream = stream,
                                        .package = p[i].name,
                                        .scheme = PL_LIT("rpm"),
                                        .arch = join_arch(r, &p[i]),
                                        .module = p[i].module,
                                        .channel = channel,
                                        .status = PL_STATUS_FIXED,
                                        .ranges = &ranges[i],
                                        .n_ranges = 1 };
    }
    return ranges ? list : NULL;
}

static pl_rc finish_update(struct reading *r, struct pl_err *err)
{
    pl_span date = r->updated.len ? r->updated : r->issued, kept;
    if (pl_span_cmp(date, r->newest) > 0 && pl_arena_copy(&r->keep, date, &kept))
        r->newest = kept;
    pl_span stream = stream_of(r);
    if (stream.len)
        tell_stream(r, stream);
    if (!pl_span_eq_nocase(r->type, PL_LIT("security")) || !r->packages.n)
        return PL_OK;
    if (!stream.len || r->full || !r->id.len) {
        r->out->skip(r->out, r->id.len ? r->id : r->title,
                     r->full ? "update too large"
                     : r->id.len
                         ? "neither the update nor its path says which distribution it is of"
                         : "update without an id");
        return PL_OK;
    }
    if (!r->vulns.n) { /* Fedora: only in prose */
        add_vulns_in(r, r->title);
        add_vulns_in(r, r->description);
    }
    struct pl_advisory adv = {
        .id = r->id,
        .feed = PL_LIT("updateinfo"),
        .vulns = r->vulns.items,
        .n_vulns = r->vulns.n,
        .title = r->summary.len ? r->summary : r->title,
        .description = r->description,
        .severity = pl_severity_parse(r->severity),
        .references = r->references.items,
        .n_references = r->references.n,
        .published = r->issued,
        .modified = r->updated,
        .affected = affected_of(r, stream),
        .n_affected = r->packages.n,
    };
    if (!adv.affected) {
        r->out->skip(r->out, r->id, "update too large");
        return PL_OK;
    }
    return r->out->advisory(r->out, &adv, err);
}

static pl_rc on_close(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err)
{
    struct reading *r = ctx;
    const struct {
        const char *name;
        pl_span *to;
        unsigned depth;
    } fields[] = {
        { "id", &r->id, 3 },
        { "title", &r->title, 3 },
        { "severity", &r->severity, 3 },
        { "description", &r->description, 3 },
        { "summary", &r->summary, 3 },
        { "release", &r->release, 3 },
        { "name", &r->collection, 5 },
    };
    if (!r->in_update)
        return PL_OK;
    if (depth == 2) {
        r->in_update = false;
        return finish_update(r, err);
    }
    for (size_t i = 0; i < PL_COUNT(fields); i++)
        if (depth == fields[i].depth && text.len && pl_span_eq(name, pl_span_str(fields[i].name)))
            *fields[i].to = keep(r, text);
    return PL_OK;
}

static pl_rc read_updates(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    static const struct pl_xml_events events = { on_open, on_close, NULL };
    struct reading r = { .file = f, .out = out };
    pl_arena_init(&r.arena, f->limits->record_bytes);
    pl_arena_init(&r.keep, PL_MIB);
    pl_rc rc = pl_xml_read(f->reader, &events, &r, NULL, err);
    if (!rc && r.newest.len)
        out->published(out, r.newest);
    pl_map_done(&r.covered);
    pl_map_done(&r.by_key);
    pl_arena_done(&r.arena);
    pl_arena_done(&r.keep);
    return rc;
}

static bool sniff(const struct pl_feed_file *f)
{
    pl_span head = pl_span_sub(pl_span_trim(f->head), 0, 4096);
    return head.len && head.ptr[0] == '<' && pl_span_find(head, PL_LIT("<updates")) != SIZE_MAX;
}

const struct pl_feed pl_feed_updateinfo = {
    .name = "updateinfo",
    .what = "updateinfo.xml of Amazon, Fedora, EPEL, Rocky, AlmaLinux, openSUSE",
    .spec = "createrepo_c updateinfo.xml",
    .folder = "updateinfo",
    .rank = 12,
    .sniff = sniff,
    .read = read_updates,
};
