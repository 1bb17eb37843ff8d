/* The rows of update_sources.def turned into files; then the database. */
#include "scan/db_update.h"

#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "scan/feed_fetch.h"

enum kind { FILE_, REPOMD, MIRRORS, LATEST, NAMES, DIRS };
enum { OPTIONAL = 1 };
enum { MAX_NAMES = 2000, MAX_MIRRORS = 3, MAX_DEAD = 64 };

struct source {
    const char *name, *file, *url;
    enum kind kind;
    const char *values;
    unsigned flags;
};

#define FILE FILE_
static const struct source sources[] = {
#define SOURCE(name, file, url, kind, values, flags) { #name, file, url, kind, values, flags },
#include "scan/update_sources.def"
#undef SOURCE
};
#undef FILE

struct update {
    const struct pl_db_update_opts *o;
    struct pl_fetcher fetcher;
    struct pl_arena arena;
    struct pl_db_update_report report;
    char dead[MAX_DEAD][256]; /* hosts that did not answer in this run */
    size_t n_dead;
};

/* ---- words ---- */

static char *filled(struct update *u, const char *template, pl_span value)
{
    PL_AUTO(buf) struct pl_buf out = { .ceiling = 64 << 10 };
    const char *hole;
    while ((hole = strstr(template, "{}"))) {
        pl_buf_add(&out, pl_span_of(template, (size_t)(hole - template)));
        pl_buf_add(&out, value);
        template = hole + 2;
    }
    pl_buf_add(&out, pl_span_str(template));
    return out.failed ? NULL : pl_arena_str(&u->arena, pl_buf_span(&out));
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-' || c == '+' || c == '~';
}

/* The next run of name characters in a page, whatever its markup. Names that begin with a dot or
 * hold ".." are no files of ours. */
static bool next_name(pl_span *page, pl_span *out)
{
    while (page->len) {
        size_t n = 0;
        while (n < page->len && is_name_char(page->ptr[n]))
            n++;
        pl_span name = pl_span_sub(*page, 0, n);
        *page = pl_span_from(*page, n ? n : 1);
        if (n && n < 200 && name.ptr[0] != '.' && pl_span_find(name, PL_LIT("..")) == SIZE_MAX) {
            *out = name;
            return true;
        }
    }
    return false;
}

static bool wanted_name(const char *globs, pl_span name)
{
    bool yes = false;
    pl_span rest = pl_span_str(globs), glob;
    while (pl_span_word(&rest, &glob)) {
        if (pl_span_skip_lit(&glob, PL_LIT("!")))
            yes = yes && !pl_glob_match(glob, name);
        else
            yes = yes || pl_glob_match(glob, name);
    }
    return yes;
}

static pl_span stem(pl_span name)
{
    static const pl_span ends[] = { PL_LIT(".gz"), PL_LIT(".bz2"), PL_LIT(".xz"), PL_LIT(".zst") };
    for (size_t i = 0; i < PL_COUNT(ends); i++)
        if (pl_span_ends(name, ends[i]))
            name.len -= ends[i].len;
    return name;
}

/* A place in a repository: relative, without "..". */
static bool good_href(pl_span href)
{
    for (size_t i = 0; i < href.len; i++)
        if (!is_name_char(href.ptr[i]) && href.ptr[i] != '/')
            return false;
    return href.len && href.len < 1024 && href.ptr[0] != '/' &&
           pl_span_find(href, PL_LIT("..")) == SIZE_MAX;
}

static bool is_sha256(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.ptr[i] || !strchr("0123456789abcdefABCDEF", s.ptr[i]))
            return false;
    return s.len == 64;
}

/* ---- hosts that are not there ---- */

static void host_of(const char *url, char *out, size_t size)
{
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    snprintf(out, size, "%.*s", (int)strcspn(at, "/"), at);
}

static bool is_dead(const struct update *u, const char *url)
{
    char host[256];
    host_of(url, host, sizeof(host));
    for (size_t i = 0; i < u->n_dead; i++)
        if (!strcmp(u->dead[i], host))
            return true;
    return false;
}

static void note_dead(struct update *u, const char *url)
{
    enum pl_http_cause c = pl_http_cause(u->fetcher.http);
    if ((c == PL_HTTP_CONNECT || c == PL_HTTP_SILENT) && u->n_dead < MAX_DEAD && !is_dead(u, url))
        host_of(url, u->dead[u->n_dead++], sizeof(u->dead[0]));
}

/* ---- outcomes ---- */

static void failed(struct update *u, const struct source *s, const char *what, pl_rc rc,
                   const struct pl_err *err)
{
    if (rc == PL_EABSENT && (s->flags & OPTIONAL)) {
        u->report.absent++;
        pl_log(u->o->log, PL_LOG_DEBUG, "%s: %s: not published", s->name, what);
        return;
    }
    u->report.failed++;
    pl_log(u->o->log, PL_LOG_WARNING, "%s: %s: %s (what was fetched before stays)", s->name, what,
           err->msg);
}

static void fetch(struct update *u, const struct source *s, const char *url, const char *file,
                  const char *sha256)
{
    struct pl_err err = { 0 };
    enum pl_fetched how = PL_FETCHED_SAME;
    uint64_t bytes = 0;
    pl_rc rc = PL_ENOMEM;
    if (!url || !file)
        pl_fail(&err, rc, "out of memory");
    else if (is_dead(u, url))
        rc = pl_fail(&err, PL_EIO, "its host did not answer before");
    else if ((rc = pl_feed_fetch(&u->fetcher, url, file, sha256, &how, &bytes, &err)))
        note_dead(u, url);
    if (rc) {
        failed(u, s, file ? file : s->file, rc, &err);
    } else if (how == PL_FETCHED_NEW) {
        u->report.fetched++;
        u->report.bytes += bytes;
        pl_log(u->o->log, PL_LOG_INFO, "%s: %s: %.1f MB", s->name, file, (double)bytes / 1e6);
    } else {
        u->report.unchanged++;
        pl_log(u->o->log, PL_LOG_DEBUG, "%s: %s: unchanged", s->name, file);
    }
}

static pl_rc page(struct update *u, const char *url, struct pl_buf *out, struct pl_err *err)
{
    if (!url)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (is_dead(u, url))
        return pl_fail(err, PL_EIO, "its host did not answer before");
    pl_rc rc = pl_feed_fetch_text(&u->fetcher, url, out, err);
    if (rc)
        note_dead(u, url);
    return rc;
}

/* ---- package repositories ---- */

struct repomd {
    bool in_updateinfo, in_checksum;
    char href[1024], sha256[65];
    size_t n_sha256;
};

static const char *attribute(const char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (!strcmp(attributes[0], name))
            return attributes[1];
    return "";
}

static void on_start(void *ctx, const char *element, const char **attributes)
{
    struct repomd *r = ctx;
    if (!strcmp(element, "data"))
        r->in_updateinfo = !strcmp(attribute(attributes, "type"), "updateinfo");
    else if (r->in_updateinfo && !strcmp(element, "location"))
        snprintf(r->href, sizeof(r->href), "%s", attribute(attributes, "href"));
    else if (r->in_updateinfo && !strcmp(element, "checksum"))
        r->in_checksum = !strcmp(attribute(attributes, "type"), "sha256");
}

static void on_end(void *ctx, const char *element)
{
    struct repomd *r = ctx;
    r->in_checksum = false;
    if (!strcmp(element, "data"))
        r->in_updateinfo = false;
}

static void on_text(void *ctx, const char *text, int n)
{
    struct repomd *r = ctx;
    for (int i = 0; r->in_checksum && i < n && r->n_sha256 < 64; i++)
        if (text[i] > ' ')
            r->sha256[r->n_sha256++] = text[i];
}

/* createrepo's index; spec: libosinfo's and createrepo_c's repomd. */
static pl_rc read_repomd(pl_span xml, struct repomd *out, struct pl_err *err)
{
    XML_Parser parser = XML_ParserCreate(NULL);
    if (!parser)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    XML_SetUserData(parser, out);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    bool good = XML_Parse(parser, xml.ptr ? xml.ptr : "", (int)xml.len, 1) == XML_STATUS_OK;
    XML_ParserFree(parser);
    if (!good)
        return pl_fail(err, PL_EFORMAT, "repomd.xml is broken");
    if (!out->href[0])
        return pl_fail(err, PL_EABSENT, "repomd.xml names no updateinfo");
    if (!good_href(pl_span_str(out->href)))
        return pl_fail(err, PL_EFORMAT, "repomd.xml names an odd place for its updateinfo");
    if (!is_sha256(pl_span_str(out->sha256)))
        out->sha256[0] = '\0';
    return PL_OK;
}

static pl_rc from_repository(struct update *u, const struct source *s, const char *base,
                             const char *file, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf xml = { 0 };
    struct repomd r = { 0 };
    pl_rc rc = page(u, pl_arena_printf(&u->arena, "%srepodata/repomd.xml", base), &xml, err);
    if (!rc)
        rc = read_repomd(pl_buf_span(&xml), &r, err);
    if (!rc)
        fetch(u, s, pl_arena_printf(&u->arena, "%s%s", base, r.href), file, r.sha256);
    return rc;
}

/* Each line is a copy of the repository; the first that works is taken. */
static pl_rc from_mirrors(struct update *u, const struct source *s, const char *list,
                          const char *file, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf text = { 0 };
    pl_rc rc = page(u, list, &text, err);
    if (rc)
        return rc;
    pl_span rest = pl_buf_span(&text), line;
    rc = pl_fail(err, PL_EFORMAT, "the list names no mirror");
    for (unsigned n = 0; rc && n < MAX_MIRRORS && pl_span_line(&rest, &line);) {
        line = pl_span_trim(line);
        if (!pl_span_starts(line, PL_LIT("http://")) && !pl_span_starts(line, PL_LIT("https://")))
            continue;
        n++;
        size_t arch = pl_span_find(line, PL_LIT("$basearch"));
        bool slash = pl_span_ends(line, PL_LIT("/"));
        char *base = arch == SIZE_MAX
                         ? pl_arena_printf(&u->arena, "%.*s%s", PL_FMT(line), slash ? "" : "/")
                         : pl_arena_printf(&u->arena, "%.*sx86_64/", (int)arch, line.ptr);
        rc = base ? from_repository(u, s, base, file, err)
                  : pl_fail(err, PL_ENOMEM, "out of memory");
    }
    return rc;
}

/* ---- pages that name files ---- */

static char *beside(struct update *u, const char *url, pl_span name)
{
    pl_span dir = pl_span_dirname(pl_span_str(url));
    return pl_arena_printf(&u->arena, "%.*s/%.*s", PL_FMT(dir), PL_FMT(name));
}

static pl_rc from_latest(struct update *u, const struct source *s, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf text = { 0 }, sum = { 0 };
    pl_rc rc = page(u, s->url, &text, err);
    if (rc)
        return rc;
    pl_span name = pl_span_trim(pl_buf_span(&text)), word, rest;
    if (!good_href(name) || pl_span_chr(name, '/') != SIZE_MAX)
        return pl_fail(err, PL_EFORMAT, "the text names no file");
    char *url = beside(u, s->url, name), sha256[65] = "";
    struct pl_err ignored;
    if (url && !page(u, pl_arena_printf(&u->arena, "%s.sha256", url), &sum, &ignored)) {
        rest = pl_buf_span(&sum);
        if (pl_span_word(&rest, &word) && is_sha256(word))
            memcpy(sha256, word.ptr, 64);
    }
    fetch(u, s, url, s->file, sha256);
    return PL_OK;
}

static bool seen(struct pl_vec *names, pl_span name, bool by_stem)
{
    const pl_span *known = names->items;
    for (size_t i = 0; i < names->n; i++)
        if (by_stem ? pl_span_eq(stem(known[i]), stem(name)) : pl_span_eq(known[i], name))
            return true;
    return false;
}

/* The same file may be offered in several compressions: the first is taken. */
static pl_rc from_names(struct update *u, const struct source *s, const char *url, bool files,
                        struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf text = { 0 };
    struct pl_vec names = PL_VEC(pl_span);
    pl_rc rc = page(u, url, &text, err);
    if (rc)
        return rc;
    pl_span rest = pl_buf_span(&text), name;
    while (names.n < MAX_NAMES && next_name(&rest, &name)) {
        if (!wanted_name(s->values, name) || seen(&names, name, files))
            continue;
        pl_span *kept = pl_vec_push(&u->arena, &names);
        if (!kept || !pl_arena_copy(&u->arena, name, kept))
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    const pl_span *list = names.items;
    for (size_t i = 0; i < names.n; i++)
        fetch(u, s,
              files ? pl_arena_printf(&u->arena, "%s%.*s", url, PL_FMT(list[i]))
                    : filled(u, s->url, list[i]),
              filled(u, s->file, list[i]), "");
    return names.n ? PL_OK : pl_fail(err, PL_EFORMAT, "the page names none of the files");
}

static char *root_of(struct update *u, const char *url)
{
    const char *at = strstr(url, "://");
    size_t n = at ? (size_t)(at - url) + 3 + strcspn(at + 3, "/") : strlen(url);
    return pl_arena_printf(&u->arena, "%.*s/", (int)n, url);
}

/* ---- rows ---- */

static void one_value(struct update *u, const struct source *s, pl_span value)
{
    struct pl_err err = { 0 };
    const char *url = filled(u, s->url, value), *file = filled(u, s->file, value);
    pl_rc rc = PL_OK;
    if (!url || !file)
        rc = pl_fail(&err, PL_ENOMEM, "out of memory");
    else if (s->kind == REPOMD)
        rc = from_repository(u, s, url, file, &err);
    else if (s->kind == MIRRORS)
        rc = from_mirrors(u, s, url, file, &err);
    else
        fetch(u, s, url, file, "");
    if (rc)
        failed(u, s, file ? file : s->file, rc, &err);
}

static void one_source(struct update *u, const struct source *s)
{
    struct pl_err err = { 0 };
    pl_rc rc = PL_OK;
    if (s->kind == LATEST) {
        rc = from_latest(u, s, &err);
    } else if (s->kind == NAMES) {
        rc = from_names(u, s, s->url, true, &err);
    } else if (s->kind == DIRS) {
        rc = from_names(u, s, root_of(u, s->url), false, &err);
    } else if (s->values && !strcmp(s->values, "YEARS")) {
        time_t now = time(NULL);
        struct tm day;
        gmtime_r(&now, &day);
        for (int year = 2002; year <= day.tm_year + 1900; year++) {
            char text[16];
            int n = snprintf(text, sizeof(text), "%d", year);
            one_value(u, s, pl_span_of(text, (size_t)n));
        }
    } else {
        pl_span rest = pl_span_str(s->values ? s->values : "-"), value;
        while (pl_span_word(&rest, &value))
            one_value(u, s, value);
    }
    if (rc)
        failed(u, s, s->file, rc, &err);
}

static bool listed(const char *only, const char *name)
{
    pl_span rest = pl_span_str(only), word;
    while (pl_span_split(&rest, ',', &word))
        if (pl_span_eq(pl_span_trim(word), pl_span_str(name)))
            return true;
    return only == NULL;
}

static pl_rc check_only(const char *only, struct pl_err *err)
{
    pl_span rest = pl_span_str(only), word;
    while (pl_span_split(&rest, ',', &word)) {
        bool known = false;
        for (size_t i = 0; i < PL_COUNT(sources) && !known; i++)
            known = pl_span_eq(pl_span_trim(word), pl_span_str(sources[i].name));
        if (known)
            continue;
        char names[400] = "";
        for (size_t i = 0; i < PL_COUNT(sources); i++)
            if (i == 0 || strcmp(sources[i].name, sources[i - 1].name) != 0)
                snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s",
                         sources[i].name);
        return pl_fail(err, PL_EUSAGE, "--only: there is no feed \"%.*s\"; there are:%s",
                       (int)(word.len < 40 ? word.len : 40), word.ptr, names);
    }
    return PL_OK;
}

/* One update at a time; the lock ends with the descriptor. */
static pl_rc lock_folder(const char *dir, int *out, struct pl_err *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/.lock", dir);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return pl_fail_errno(err, PL_EIO, errno, "%s", dir);
    PL_AUTO(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return pl_fail(err, PL_EIO, "%s: another update is at work there", dir);
    *out = pl_take_fd(&fd);
    return PL_OK;
}

static pl_rc run(struct update *u, struct pl_err *err)
{
    const struct pl_db_update_opts *o = u->o;
    struct pl_http_opts ho = { .insecure = o->insecure,
                               .offline = o->offline,
                               .timeout_s = o->timeout_s,
                               .limits = u->fetcher.limits,
                               .log = o->log };
    PL_AUTO(http) struct pl_http *http = NULL;
    pl_rc rc = pl_http_new(&ho, &http, err);
    if (rc)
        return rc;
    u->fetcher.http = http;
    for (size_t i = 0; i < PL_COUNT(sources); i++) {
        if (!listed(o->only, sources[i].name))
            continue;
        pl_log_progress(o->log, sources[i].name, i, PL_COUNT(sources), 0, 0);
        one_source(u, &sources[i]);
        pl_arena_reset(&u->arena);
    }
    if (u->report.fetched + u->report.unchanged == 0)
        return pl_fail(err, PL_EIO, "no feed could be fetched; what was there before stays");
    return PL_OK;
}

pl_rc pl_feeds_update(const struct pl_db_update_opts *o, struct pl_db_update_report *out,
                      struct pl_err *err)
{
    PL_AUTO(fd) int lock = -1;
    const char *mirror = getenv("PLIMSOLL_FEEDS_MIRROR");
    if (o->offline)
        return pl_fail(err, PL_EUSAGE, "db update needs the network, which --offline forbids");
    pl_rc rc = check_only(o->only, err);
    if (!rc)
        rc = lock_folder(o->feeds_dir, &lock, err);
    struct update *u = rc ? NULL : calloc(1, sizeof(*u));
    if (!u)
        return rc ? rc : pl_fail(err, PL_ENOMEM, "out of memory");
    u->o = o;
    u->fetcher = (struct pl_fetcher){ .feeds_dir = o->feeds_dir,
                                      .mirror = mirror && *mirror ? mirror : NULL,
                                      .limits = o->limits ? o->limits : &PL_LIMITS,
                                      .log = o->log };
    pl_arena_init(&u->arena, 64 * PL_MIB);
    rc = run(u, err);
    if (!rc)
        *out = u->report;
    pl_arena_done(&u->arena);
    free(u);
    return rc;
}
