#include "scan/feed_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"

enum { PATH_BYTES = 4096, STATE_BYTES = 16 << 10, TEXT_BYTES = 16 << 20 };

/* What we know of a file from last time: lines "name value" in .FILE.state beside it. */
struct state {
    char url[2048], etag[512], modified[128], sha256[65];
    char part_url[2048], part_validator[256]; /* of the unfinished download */
};

struct place {
    char path[PATH_BYTES], part[PATH_BYTES], state[PATH_BYTES];
};

static pl_rc locate(const struct pl_fetcher *f, const char *file, struct place *p,
                    struct pl_err *err)
{
    pl_span dir = pl_span_dirname(pl_span_str(file)), base = pl_span_basename(pl_span_str(file));
    int n = snprintf(p->path, sizeof(p->path), "%s/%s", f->feeds_dir, file);
    int m = snprintf(p->state, sizeof(p->state), "%s/%.*s/.%.*s.state", f->feeds_dir, PL_FMT(dir),
                     PL_FMT(base));
    snprintf(p->part, sizeof(p->part), "%s/%.*s/.%.*s.part", f->feeds_dir, PL_FMT(dir),
             PL_FMT(base));
    if (n >= PATH_BYTES || m >= PATH_BYTES)
        return pl_fail(err, PL_ELIMIT, "the path of %s is too long", file);
    for (char *at = p->path + strlen(f->feeds_dir) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        int made = mkdir(p->path, 0755);
        if (made < 0 && errno != EEXIST)
            return pl_fail_errno(err, PL_EIO, errno, "%s", p->path);
        *at = '/';
    }
    return PL_OK;
}

static void keep(char *to, size_t size, pl_span v)
{
    if (v.len >= size)
        v.len = 0; /* better no condition than a wrong one */
    if (v.len)
        memcpy(to, v.ptr, v.len);
    to[v.len] = '\0';
}

static void load_state(const struct place *p, struct state *s)
{
    char text[STATE_BYTES];
    *s = (struct state){ 0 };
    PL_AUTO(fd) int fd = open(p->state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
    pl_span rest = pl_span_of(text, n > 0 ? (size_t)n : 0), line;
    while (pl_span_line(&rest, &line)) {
        if (pl_span_skip_lit(&line, PL_LIT("url ")))
            keep(s->url, sizeof(s->url), line);
        else if (pl_span_skip_lit(&line, PL_LIT("etag ")))
            keep(s->etag, sizeof(s->etag), line);
        else if (pl_span_skip_lit(&line, PL_LIT("modified ")))
            keep(s->modified, sizeof(s->modified), line);
        else if (pl_span_skip_lit(&line, PL_LIT("sha256 ")))
            keep(s->sha256, sizeof(s->sha256), line);
        else if (pl_span_skip_lit(&line, PL_LIT("part-url ")))
            keep(s->part_url, sizeof(s->part_url), line);
        else if (pl_span_skip_lit(&line, PL_LIT("part-validator ")))
            keep(s->part_validator, sizeof(s->part_validator), line);
    }
}

/* Losing it costs a download, so a failure here is none. */
static void save_state(const struct place *p, const struct state *s)
{
    char next[PATH_BYTES + 8];
    snprintf(next, sizeof(next), "%s.new", p->state);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        pl_close_fd(fd);
        return;
    }
    const struct {
        const char *name, *value;
    } lines[] = {
        { "url", s->url },           { "etag", s->etag },
        { "modified", s->modified }, { "sha256", s->sha256 },
        { "part-url", s->part_url }, { "part-validator", s->part_validator },
    };
    for (size_t i = 0; i < PL_COUNT(lines); i++)
        if (lines[i].value[0])
            fprintf(out, "%s %s\n", lines[i].name, lines[i].value);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        (void)!rename(next, p->state);
    else
        unlink(next);
}

/* ---- receiving ---- */

struct receiver {
    int fd;
    const struct place *place;
    struct state *state;
    struct pl_http_download *download;
    const char *url;
};

static pl_rc write_part(void *ctx, pl_span bytes, struct pl_err *err)
{
    struct receiver *r = ctx;
    if (strcmp(r->state->part_validator, r->download->if_range) != 0 ||
        strcmp(r->state->part_url, r->url) != 0) { /* so that a later run can go on */
        keep(r->state->part_url, sizeof(r->state->part_url), pl_span_str(r->url));
        keep(r->state->part_validator, sizeof(r->state->part_validator),
             pl_span_str(r->download->if_range));
        save_state(r->place, r->state);
    }
    while (bytes.len) {
        ssize_t n = write(r->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "%s", r->place->part);
        bytes = pl_span_from(bytes, (size_t)n);
    }
    return PL_OK;
}

static pl_rc restart_part(void *ctx, struct pl_err *err)
{
    struct receiver *r = ctx;
    if (ftruncate(r->fd, 0) < 0 || lseek(r->fd, 0, SEEK_SET) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", r->place->part);
    return PL_OK;
}

static pl_rc open_part(const struct place *p, const struct state *s, const char *url, int *out,
                       uint64_t *have, struct pl_err *err)
{
    PL_AUTO(fd) int fd = open(p->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", p->part);
    bool same = s->part_validator[0] && !strcmp(s->part_url, url);
    if (!same && ftruncate(fd, 0) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", p->part);
    *have = same ? (uint64_t)st.st_size : 0;
    if (lseek(fd, (off_t)*have, SEEK_SET) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", p->part);
    *out = pl_take_fd(&fd);
    return PL_OK;
}

static pl_rc check_sha256(int fd, const char *want, struct pl_err *err)
{
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    PL_AUTO(free) void *chunk = malloc(1 << 20);
    pl_digest is;
    ssize_t n;
    pl_rc rc =
        chunk ? pl_hasher_new(PL_LIT("sha256"), &h, err) : pl_fail(err, PL_ENOMEM, "out of memory");
    if (rc)
        return rc;
    for (off_t at = 0; (n = pread(fd, chunk, 1 << 20, at)) > 0; at += n)
        pl_hasher_add(h, pl_span_of(chunk, (size_t)n));
    pl_hasher_finish(h, &is);
    if (n < 0)
        return pl_fail_errno(err, PL_EIO, errno, "read");
    if (!pl_span_eq_nocase(pl_digest_hex(&is), pl_span_str(want)))
        return pl_fail(err, PL_EDIGEST, "its SHA-256 is %.12s..., the publisher names %.12s...",
                       is.text + 7, want);
    return PL_OK;
}

/* Is what came what was asked for? A captive portal answers 200 with a page. */
static pl_rc inspect(int fd, const struct pl_http_response *a, const char *sha256,
                     struct pl_err *err)
{
    struct stat st;
    pl_span type = pl_http_header(a, "content-type", 0);
    if (fstat(fd, &st) < 0 || st.st_size == 0)
        return pl_fail(err, PL_EFORMAT, "the file is empty");
    if (type.len >= 9 && pl_span_eq_nocase(pl_span_sub(type, 0, 9), PL_LIT("text/html")))
        return pl_fail(err, PL_EFORMAT, "a web page came instead of the file");
    return sha256[0] ? check_sha256(fd, sha256, err) : PL_OK;
}

static void mirrored(const struct pl_fetcher *f, const char *url, struct pl_buf *out)
{
    const char *rest = strstr(url, "://");
    if (f->mirror && rest) {
        pl_buf_add(out, pl_span_str(f->mirror));
        if (!pl_span_ends(pl_span_str(f->mirror), PL_LIT("/")))
            pl_buf_char(out, '/');
        url = rest + 3;
    }
    pl_buf_add(out, pl_span_str(url));
    pl_buf_char(out, '\0');
}

static pl_rc download(struct pl_fetcher *f, const char *url, const char *sha256,
                      const struct place *p, struct state *s, int fd, struct pl_http_download *d,
                      struct pl_http_response *a, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf from = { .ceiling = 64 << 10 };
    struct receiver r = { .fd = fd, .place = p, .state = s, .download = d, .url = url };
    char etag[600], modified[200];
    const char *headers[2];
    size_t n = 0;
    /* Where the publisher names another checksum than ours, "not modified" would be no answer. */
    bool known = !strcmp(s->url, url) && (!sha256[0] || !strcmp(s->sha256, sha256));
    if (known && access(p->path, F_OK) == 0) {
        snprintf(etag, sizeof(etag), "If-None-Match: %s", s->etag);
        snprintf(modified, sizeof(modified), "If-Modified-Since: %s", s->modified);
        if (s->etag[0])
            headers[n++] = etag;
        if (s->modified[0])
            headers[n++] = modified;
    }
    mirrored(f, url, &from);
    if (from.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    struct pl_http_request q = { .url = from.ptr, .headers = headers, .n_headers = n };
    keep(d->if_range, sizeof(d->if_range), pl_span_str(s->part_validator));
    d->write = write_part;
    d->restart = restart_part;
    /* cppcheck-suppress autoVariables ; d is used within this call alone */
    d->ctx = &r;
    d->size = UINT64_MAX;
    d->max = f->limits->feed_bytes;
    return pl_http_download(f->http, &q, d, a, err);
}

pl_rc pl_feed_fetch(struct pl_fetcher *f, const char *url, const char *file, const char *sha256,
                    enum pl_fetched *how, uint64_t *bytes, struct pl_err *err)
{
    PL_AUTO(http_response) struct pl_http_response a = { 0 };
    PL_AUTO(fd) int fd = -1;
    struct place *p = &(struct place){ 0 };
    struct state *s = &(struct state){ 0 };
    struct pl_http_download d = { 0 };
    uint64_t had = 0;
    pl_rc rc = locate(f, file, p, err);
    if (rc)
        return rc;
    load_state(p, s);
    if (sha256[0] && !strcmp(s->sha256, sha256) && access(p->path, F_OK) == 0) {
        *how = PL_FETCHED_SAME;
        return PL_OK;
    }
    rc = open_part(p, s, url, &fd, &had, err);
    d.have = had;
    if (!rc)
        rc = download(f, url, sha256, p, s, fd, &d, &a, err);
    if (rc) {
        if (d.have == 0)
            unlink(p->part);
        return rc;
    }
    if (a.status == 304) {
        unlink(p->part);
        *how = PL_FETCHED_SAME;
        return PL_OK;
    }
    rc = inspect(fd, &a, sha256, err);
    s->part_url[0] = s->part_validator[0] = '\0';
    if (!rc && rename(p->part, p->path) < 0)
        rc = pl_fail_errno(err, PL_EIO, errno, "%s", p->path);
    if (rc) {
        unlink(p->part);
        save_state(p, s);
        return rc;
    }
    keep(s->url, sizeof(s->url), pl_span_str(url));
    keep(s->etag, sizeof(s->etag), pl_http_header(&a, "etag", 0));
    keep(s->modified, sizeof(s->modified), pl_http_header(&a, "last-modified", 0));
    keep(s->sha256, sizeof(s->sha256), pl_span_str(sha256));
    save_state(p, s);
    *how = PL_FETCHED_NEW;
    *bytes = d.have > had ? d.have - had : d.have;
    return PL_OK;
}

pl_rc pl_feed_fetch_text(struct pl_fetcher *f, const char *url, struct pl_buf *out,
                         struct pl_err *err)
{
    PL_AUTO(http_response) struct pl_http_response a = { 0 };
    PL_AUTO(buf) struct pl_buf from = { .ceiling = 64 << 10 };
    mirrored(f, url, &from);
    if (from.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    struct pl_http_request q = { .url = from.ptr, .decode = true, .max_body = TEXT_BYTES };
    pl_rc rc = pl_http_request(f->http, &q, &a, err);
    if (!rc && a.status != 200)
        rc = pl_http_status_error(&a, err);
    if (rc) {
        char text[256];
        pl_http_url_text(url, text, sizeof(text));
        pl_wrap(err, "%s", text);
        return rc;
    }
    pl_buf_add(out, pl_buf_span(&a.body));
    return out->failed ? pl_fail(err, PL_ENOMEM, "out of memory") : PL_OK;
}
