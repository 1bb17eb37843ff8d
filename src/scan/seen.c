#include "scan/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { FILE_BYTES = 4 << 20, REFERENCE = 400 };

struct memory {
    char path[4096];
    struct pl_buf text;
    const struct pl_log *log;
};

/* One line of the file. */
struct seen {
    pl_span chain, digest, reference;
    uint64_t n_layers;
};

static bool take_seen(pl_span line, struct seen *out)
{
    pl_span count;
    return pl_span_split(&line, ' ', &out->chain) && out->chain.len == 71 &&
           pl_span_split(&line, ' ', &count) && pl_span_decimal(count, 1 << 20, &out->n_layers) &&
           pl_span_split(&line, ' ', &out->digest) && (out->reference = line).len > 0 &&
           line.len <= REFERENCE;
}

/* ---- chains ---- */

struct chain {
    pl_digest *ids;   /* after each layer */
    int32_t *entries; /* and how many entries of image->layers that is, the empty ones behind it
                         not counted */
    size_t n;
};

static void next_id(const pl_digest *below, const pl_digest *diff_id, pl_digest *out)
{
    char text[PL_DIGEST_TEXT * 2 + 2];
    int n = snprintf(text, sizeof(text), "%s %s", below->text, diff_id->text);
    pl_sha256(pl_span_of(text, (size_t)n), out);
}

static bool make_chain(const struct pl_image *i, struct chain *out)
{
    out->ids = calloc(i->n_layers ? i->n_layers : 1, sizeof(*out->ids));
    out->entries = calloc(i->n_layers ? i->n_layers : 1, sizeof(*out->entries));
    for (size_t k = 0; out->ids && out->entries && k < i->n_layers; k++) {
        const struct pl_layer *l = &i->layers[k];
        if (l->empty)
            continue;
        if (!pl_digest_set(&l->diff_id))
            return false;
        if (out->n)
            next_id(&out->ids[out->n - 1], &l->diff_id, &out->ids[out->n]);
        else
            out->ids[0] = l->diff_id;
        out->entries[out->n++] = (int32_t)k + 1;
    }
    return out->ids && out->entries && out->n > 0;
}

/* ---- the file ---- */

static bool read_file(struct memory *m)
{
    struct stat st;
    PL_AUTO(fd) int fd = open(m->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        st.st_size > FILE_BYTES || !pl_buf_reserve(&m->text, (size_t)st.st_size + 1))
        return false;
    while (m->text.len < (size_t)st.st_size) {
        ssize_t n = read(fd, m->text.ptr + m->text.len, (size_t)st.st_size - m->text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        m->text.len += (size_t)n;
    }
    return true;
}

static bool write_text(int fd, pl_span s)
{
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = pl_span_from(s, (size_t)n);
    }
    return true;
}

/* Beside its place, then moved there: two scans at a time lose at most one line. */
static bool write_file(struct memory *m, pl_span text)
{
    char temporary[sizeof(m->path) + 32];
    snprintf(temporary, sizeof(temporary), "%s.%ld.new", m->path, (long)getpid());
    (void)unlink(temporary);
    PL_AUTO(fd)
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    if (write_text(fd, text) && rename(temporary, m->path) == 0)
        return true;
    unlink(temporary);
    return false;
}

/* ---- remembering ---- */

static bool same_reference(pl_span line, pl_span reference)
{
    struct seen s;
    return !take_seen(line, &s) || pl_span_eq(s.reference, reference);
}

static bool plain(pl_span reference)
{
    for (size_t i = 0; i < reference.len; i++)
        if ((unsigned char)reference.ptr[i] < 0x20)
            return false;
    return reference.len > 0 && reference.len <= REFERENCE;
}

/* What has this name now is what counts: its older line goes, broken lines go, the new one comes
 * last. */
static void remember(struct memory *m, const struct pl_image *i, const struct chain *c)
{
    PL_AUTO(buf) struct pl_buf out = { 0 };
    PL_AUTO(buf) struct pl_buf mine = { 0 };
    pl_span all = pl_buf_span(&m->text), line;
    size_t lines = 0, skip;
    if (!plain(i->reference))
        return;
    pl_buf_printf(&mine, "%s %zu %s %.*s", c->ids[c->n - 1].text, c->n,
                  pl_digest_set(&i->digest) ? i->digest.text : "-", PL_FMT(i->reference));
    if (pl_span_ends(pl_span_trim(all), pl_buf_span(&mine)))
        return; /* it is the last that was seen */
    for (pl_span rest = all; pl_span_line(&rest, &line);)
        lines++;
    skip = lines >= PL_SEEN_IMAGES ? lines - PL_SEEN_IMAGES + 1 : 0;
    for (pl_span rest = all; pl_span_line(&rest, &line);) {
        if (skip) {
            skip--;
            continue;
        }
        if (same_reference(line, i->reference))
            continue;
        pl_buf_add(&out, line);
        pl_buf_char(&out, '\n');
    }
    pl_buf_add(&out, pl_buf_span(&mine));
    pl_buf_char(&out, '\n');
    if (out.failed || !write_file(m, pl_buf_span(&out)))
        pl_log(m->log, PL_LOG_DEBUG, "%s cannot be written: base images will not be known by it",
               m->path);
}

/* ---- looking up ---- */

/* The most layers; of equals the one seen last. One whose layers are all of this image is the
 * same image, or the same but for its configuration: not its base. */
static void look_up(const struct memory *m, const struct chain *c, struct pl_report *r,
                    struct pl_arena *keep)
{
    struct seen s;
    struct pl_base_image best = { 0 };
    uint64_t most = 0;
    pl_span rest = pl_buf_span(&m->text), line;
    while (pl_span_line(&rest, &line)) {
        if (!take_seen(line, &s) || s.n_layers < most || s.n_layers == 0 || s.n_layers >= c->n ||
            !pl_span_eq(s.chain, pl_digest_span(&c->ids[s.n_layers - 1])))
            continue;
        most = s.n_layers;
        best = (struct pl_base_image){ .found = true,
                                       .reference = s.reference,
                                       .how = PL_LIT("chain"),
                                       .layers = c->entries[s.n_layers - 1] };
        if (!pl_span_eq(s.digest, PL_LIT("-")))
            best.digest = s.digest;
    }
    if (best.found && pl_arena_copy(keep, best.reference, &best.reference) &&
        pl_arena_copy(keep, best.digest, &best.digest))
        r->base = best;
}

void pl_seen(const char *cache_dir, struct pl_report *r, const struct pl_log *log,
             struct pl_arena *keep)
{
    struct memory m = { .log = log };
    struct chain c = { 0 };
    int n = snprintf(m.path, sizeof(m.path), "%s/seen", cache_dir);
    if (r->image && n > 0 && (size_t)n < sizeof(m.path) && make_chain(r->image, &c)) {
        if (read_file(&m)) {
            look_up(&m, &c, r, keep);
            remember(&m, r->image, &c);
        } else {
            pl_log(log, PL_LOG_DEBUG, "%s cannot be read: base images are not known by it", m.path);
        }
    }
    free(c.ids);
    free(c.entries);
    pl_buf_done(&m.text);
}
