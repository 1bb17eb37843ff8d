/* debian.c - the Debian security tracker's JSON: source package, CVE, release, status.
 *
 * Spec: security-tracker.debian.org/tracker/data/json; words as the tracker's own pages use
 * them. A fixed version "0" says that the release never had the flaw. */
#include "feed/debian.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '{' && pl_head_key(f->head, 3, "releases");
}

/* Spec: www.debian.org/releases. */
static const struct {
    const char *codename, *release;
} codenames[] = {
    { "buzz", "1.1" },    { "rex", "1.2" },    { "bo", "1.3" },    { "hamm", "2.0" },
    { "slink", "2.1" },   { "potato", "2.2" }, { "woody", "3.0" }, { "sarge", "3.1" },
    { "etch", "4" },      { "lenny", "5" },    { "squeeze", "6" }, { "wheezy", "7" },
    { "jessie", "8" },    { "stretch", "9" },  { "buster", "10" }, { "bullseye", "11" },
    { "bookworm", "12" }, { "trixie", "13" },  { "forky", "14" },  { "duke", "15" },
    { "sid", "sid" },
};

bool pl_debian_stream(pl_span codename, char *out, size_t size)
{
    for (size_t i = 0; i < PL_COUNT(codenames); i++)
        if (pl_span_eq(pl_span_str(codenames[i].codename), codename)) {
            snprintf(out, size, "debian:%s", codenames[i].release);
            return true;
        }
    return false;
}

struct tracker {
    struct pl_record r;
    struct pl_advisory_sink *out;
    const struct pl_limits *limits;
    const char *path;
    pl_span source;
    bool seen[PL_COUNT(codenames)];
};

/* The stream's text, and once per file the word that it is covered. */
static pl_span stream_of(struct tracker *t, pl_span codename)
{
    for (size_t i = 0; i < PL_COUNT(codenames); i++) {
        if (!pl_span_eq(pl_span_str(codenames[i].codename), codename))
            continue;
        pl_span stream = pl_record_printf(&t->r, "debian:%s", codenames[i].release);
        if (!t->seen[i])
            t->out->covers(t->out, stream);
        t->seen[i] = true;
        return stream;
    }
    return PL_SPAN_NONE;
}

/* "low**": the stars say that the tracker guessed. */
static enum pl_severity urgency(pl_span word)
{
    while (word.len && word.ptr[word.len - 1] == '*')
        word.len--;
    return pl_severity_parse(word);
}

static enum pl_status open_status(const json_t *release, pl_span word)
{
    pl_span reason = pl_json_text(release, "nodsa_reason");
    if (pl_span_eq(word, PL_LIT("end-of-life")))
        return PL_STATUS_END_OF_LIFE;
    if (pl_span_eq(reason, PL_LIT("ignored")))
        return PL_STATUS_WILL_NOT_FIX;
    if (pl_span_eq(reason, PL_LIT("postponed")))
        return PL_STATUS_FIX_DEFERRED;
    return PL_STATUS_AFFECTED;
}

static pl_span note(struct tracker *t, const json_t *release)
{
    pl_span text = pl_json_text(release, "nodsa"), reason = pl_json_text(release, "nodsa_reason");
    if (text.len == 0)
        return reason;
    return pl_record_printf(&t->r, "%s: %.*s",
                            pl_span_eq(reason, PL_LIT("ignored"))     ? "ignored"
                            : pl_span_eq(reason, PL_LIT("postponed")) ? "postponed"
                                                                      : "no-dsa",
                            (int)(text.len > 500 ? 500 : text.len), text.ptr);
}

static void add_release(struct tracker *t, const char *codename, const json_t *release)
{
    pl_span status = pl_json_text(release, "status"), word = pl_json_text(release, "urgency");
    pl_span fixed = pl_json_text(release, "fixed_version");
    pl_span stream = stream_of(t, pl_span_str(codename));
    enum pl_status s;
    if (stream.len == 0) {
        t->out->skip(t->out, pl_span_str(codename), "a Debian release that we do not know");
        return;
    }
    if (pl_span_eq(status, PL_LIT("resolved")) && fixed.len) {
        s = pl_span_eq(fixed, PL_LIT("0")) ? PL_STATUS_NOT_AFFECTED : PL_STATUS_FIXED;
    } else if (pl_span_eq(status, PL_LIT("open"))) {
        s = open_status(release, word);
    } else if (pl_span_eq(status, PL_LIT("undetermined"))) {
        s = PL_STATUS_UNDER_INVESTIGATION;
    } else {
        t->out->skip(t->out, t->r.a.id, "a status that we do not know");
        return;
    }
    struct pl_affected *row = pl_record_affected(&t->r, stream, t->source, "deb", s,
                                                 s == PL_STATUS_FIXED ? fixed : PL_SPAN_NONE);
    row->of_source = true;
    row->severity = urgency(word);
    row->note = note(t, release);
}

static pl_rc vulnerability(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct tracker *t = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "a record larger than any should be" };
    if (!value.ptr || pl_json_parse(value, &rec, &why) || !json_is_object(rec) || key.len == 0) {
        t->out->skip(t->out, key, rec ? "a record that is no object" : why.msg);
        return PL_OK;
    }
    pl_record_reset(&t->r);
    t->r.a.id = pl_record_copy(&t->r, key);
    t->r.a.description = pl_json_text(rec, "description");
    const json_t *release;
    const char *codename;
    json_object_foreach((json_t *)(uintptr_t)pl_json_object(rec, "releases"), codename, release)
        add_release(t, codename, release);
    return pl_record_emit(&t->r, t->out, err);
}

static pl_rc source_package(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct tracker *t = ctx;
    struct pl_span_reader in;
    struct pl_err why;
    if (!value.ptr || value.len == 0 || value.ptr[0] != '{') {
        t->out->skip(t->out, key, value.ptr ? "no object" : "larger than any record should be");
        return PL_OK;
    }
    t->source = key;
    pl_span_reader_init(&in, value);
    pl_rc rc = pl_json_each(&in.reader, "", t->limits->record_bytes, vulnerability, t, &why);
    if (rc == PL_EFORMAT) {
        t->out->skip(t->out, key, why.msg);
        return PL_OK;
    }
    return rc ? pl_fail(err, rc, "%s", why.msg) : PL_OK;
}

static pl_rc read_tracker(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct tracker t = { .out = out, .limits = f->limits, .path = f->path };
    pl_record_init(&t.r, "debian", f->limits);
    pl_rc rc = pl_json_each(f->reader, "", f->limits->record_bytes, source_package, &t, err);
    pl_record_done(&t.r);
    return rc;
}

const struct pl_feed pl_feed_debian = {
    .name = "debian",
    .what = "Debian security tracker",
    .spec = "security-tracker.debian.org/tracker/data/json",
    .folder = "debian",
    .rank = 10,
    .sniff = sniff,
    .read = read_tracker,
};
