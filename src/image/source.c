/* source.c - from the user's words to an opened target. */
#include "image/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/files.h"

static const struct pl_transport *find_transport(pl_span name)
{
    for (size_t i = 0; i < pl_n_transports; i++)
        if (pl_span_eq(pl_span_str(pl_transports[i]->name), name))
            return pl_transports[i];
    return NULL;
}

/* "name:rest" where name is a row. "docker:24" is an image's name, "docker://..." the transport. */
static const struct pl_transport *named_transport(const char *target, const char **rest)
{
    pl_span all = pl_span_str(target);
    size_t colon = pl_span_chr(all, ':');
    if (colon == SIZE_MAX)
        return NULL;
    const struct pl_transport *t = find_transport(pl_span_sub(all, 0, colon));
    if (t && !strcmp(t->name, "docker") && strncmp(target + colon, "://", 3) != 0)
        return NULL;
    *rest = target + colon + 1;
    return t;
}

static pl_rc open_named(const struct pl_transport *t, const char *rest,
                        const struct pl_source_opts *o, struct pl_source **out, struct pl_err *err)
{
    PL_AUTO(files) struct pl_files *files = NULL;
    const char *path;
    pl_span ref;
    if (t->open)
        return t->open(rest, o, out, err);
    pl_rc rc = pl_split_path(rest, o->arena, &path, &ref, err);
    if (rc) {
        (void)pl_wrap(err, "%s:%s", t->name, rest);
        return rc;
    }
    rc = pl_files_open(path, o, &files, err);
    if (rc)
        return rc;
    rc = t->open_files(&files, ref, o, out, err);
    if (rc)
        (void)pl_wrap(err, "%s", strcmp(path, "-") ? path : "standard input");
    return rc;
}

static pl_rc open_sniffed(const char *path, const struct pl_source_opts *o,
                          const struct pl_transport **used, struct pl_source **out,
                          struct pl_err *err)
{
    PL_AUTO(files) struct pl_files *files = NULL;
    const char *shown = strcmp(path, "-") ? path : "standard input";
    pl_rc rc = pl_files_open(path, o, &files, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < pl_n_transports; i++) {
        const struct pl_transport *t = pl_transports[i];
        if (!t->sniff || !t->sniff(files))
            continue;
        *used = t;
        rc = t->open_files(&files, PL_SPAN_NONE, o, out, err);
        if (rc)
            (void)pl_wrap(err, "%s", shown);
        return rc;
    }
    if (files->damage)
        return pl_fail(err, files->damage, "%s: %s", shown, files->damage_text);
    return pl_fail(err, PL_EFORMAT,
                   "%s: %s holds no image that is known (no oci-layout, manifest.json or "
                   "repositories, no root file system; rootfs:%s takes it as one all the same)",
                   shown, files->is_directory ? "the directory" : "the archive", path);
}

static pl_rc not_a_target(const char *target, struct pl_err *err)
{
    static const char *const others[] = { "containers-storage", "ostree", "sif", "tarball",
                                          "containerd",         "podman", "k8s" };
    char list[256] = "";
    pl_span all = pl_span_str(target), word = pl_span_sub(all, 0, pl_span_chr(all, ':'));
    for (size_t i = 0; i < pl_n_transports; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                 pl_transports[i]->name);
    }
    if (all.len == 0)
        return pl_fail(err, PL_EUSAGE, "an empty target; name an image, a path or TRANSPORT:...");
    for (size_t i = 0; word.len < all.len && i < PL_COUNT(others); i++)
        if (pl_span_eq(word, pl_span_str(others[i])))
            return pl_fail(err, PL_EUSAGE, "%s: transport \"%s\" is not read; there are %s", target,
                           others[i], list);
    return PL_OK;
}

/* What can only have been meant as a path. */
static bool reads_like_path(pl_span s)
{
    static const pl_span ends[] = { { ".tar", 4 },     { ".tar.gz", 7 }, { ".tgz", 4 },
                                    { ".tar.zst", 8 }, { ".tar.xz", 7 }, { ".tar.bz2", 8 } };
    for (size_t i = 0; i < PL_COUNT(ends); i++)
        if (pl_span_ends(s, ends[i]))
            return true;
    return pl_span_starts(s, PL_LIT("/")) || pl_span_starts(s, PL_LIT("./")) ||
           pl_span_starts(s, PL_LIT("../")) || pl_span_starts(s, PL_LIT("~"));
}

/* A regular file that begins as a JSON object does can only be a bill of materials. */
static bool is_json(const char *path)
{
    char text[64];
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    PL_AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
    pl_span head = pl_span_of(text, n > 0 ? (size_t)n : 0);
    (void)pl_span_skip_lit(&head, PL_LIT("\xef\xbb\xbf"));
    return pl_span_starts(pl_span_trim(head), PL_LIT("{"));
}

static pl_rc open_bare(const char *target, const struct pl_source_opts *o,
                       const struct pl_transport **used, struct pl_source **out, struct pl_err *err)
{
    struct stat st;
    if (*target && strcmp(target, "-") != 0 && is_json(target)) {
        *used = find_transport(PL_LIT("sbom"));
        return (*used)->open(target, o, out, err);
    }
    if (!strcmp(target, "-") || (*target && stat(target, &st) == 0))
        return open_sniffed(target, o, used, out, err);
    pl_rc rc = not_a_target(target, err);
    if (rc)
        return rc;
    if (reads_like_path(pl_span_str(target)))
        return pl_fail(err, PL_EABSENT, "%s: no such file or directory", target);
    *used = find_transport(PL_LIT("docker"));
    if (!*used || !(*used)->open)
        return pl_fail(err, PL_EUSAGE, "%s: no such file, and registries are not read", target);
    const char *rest = pl_arena_printf(o->arena, "//%s", target);
    return rest ? (*used)->open(rest, o, out, err) : pl_fail(err, PL_ENOMEM, "out of memory");
}

pl_rc pl_source_open(const char *target, const struct pl_source_opts *o, struct pl_source **out,
                     struct pl_err *err)
{
    const char *rest;
    struct pl_source *s = NULL;
    const struct pl_transport *t = named_transport(target, &rest);
    pl_rc rc = t ? open_named(t, rest, o, &s, err) : open_bare(target, o, &t, &s, err);
    if (rc)
        return rc;
    if (!pl_arena_copy(o->arena, pl_span_str(target), &s->image->reference)) {
        pl_source_close(s);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    s->image->transport = pl_span_str(t->name);
    *out = s;
    return PL_OK;
}

void pl_source_close(struct pl_source *s)
{
    if (s)
        s->ops->close(s);
}
