#include "inventory/owners.h"

#include "base/buf.h"
#include "base/map.h"

enum { PATH_ROOM = 4096, MOST_HOPS = 40 }; /* Linux: PATH_MAX, and links followed at most */

struct owners {
    struct pl_package *packages;
    struct pl_arena *tmp, *keep;
    struct pl_map links;  /* path of a link -> its entry's target, struct text */
    struct pl_map files;  /* real path -> struct file, of applications' packages */
    struct pl_map names;  /* last components of those: most owned files are none of them */
    struct pl_map system; /* type and name of OS packages -> struct pl_package */
    char folder[PATH_ROOM], real[PATH_ROOM];
    size_t folder_len, real_len; /* the last folder and where it really is */
    bool folder_known;
};

struct text {
    pl_span s;
};

/* Packages that were read from one file. */
struct file {
    size_t first;  /* index + 1 of the first; each names the next in `next` */
    size_t *next;  /* one array for all */
    pl_span owner; /* found already */
};

static pl_rc no_room(struct pl_err *err)
{
    return pl_fail(err, PL_ELIMIT, "inventory: more than its memory allows");
}

static bool is_system(const struct pl_package *p)
{
    static const char *const types[] = { "deb", "rpm", "apk", "alpm", "ebuild" };
    for (size_t i = 0; i < PL_COUNT(types); i++)
        if (pl_span_eq(p->type, pl_span_str(types[i])))
            return true;
    return false;
}

/* ---- where a path really is ---- */

/* Links of all layers; what an upper layer has at the path counts. A link that a whiteout took
 * away can stay here: then a path is looked for where nothing is. */
static bool read_links(struct owners *o, const struct pl_layer_report *r)
{
    struct pl_entry_iter it;
    struct pl_entry e;
    pl_entry_iter_init(&it, r);
    while (pl_entry_next(&it, &e)) {
        if (e.type != PL_FILE_SYMLINK && !(o->links.n && pl_map_get(&o->links, e.path)))
            continue;
        pl_span path;
        void **at = pl_map_get(&o->links, e.path)          ? pl_map_at(&o->links, e.path)
                    : pl_arena_copy(o->tmp, e.path, &path) ? pl_map_at(&o->links, path)
                                                           : NULL;
        struct text *target = at ? pl_arena_alloc(o->tmp, sizeof(*target)) : NULL;
        if (!target || (e.type == PL_FILE_SYMLINK && !pl_arena_copy(o->tmp, e.link, &target->s)))
            return false;
        *at = target;
    }
    return true;
}

/* A path under way: what is settled, and what is still to be walked. */
struct walk {
    char done[PATH_ROOM];
    size_t n;
    char rest[PATH_ROOM];
    pl_span left;
};

static void step_up(struct walk *w)
{
    while (w->n && w->done[w->n - 1] != '/')
        w->n--;
    w->n -= w->n > 0;
}

/* The link's target in front of what is left. */
static bool follow(struct walk *w, pl_span target)
{
    char joined[PATH_ROOM];
    if (target.len + 1 + w->left.len > sizeof(joined))
        return false;
    memcpy(joined, target.ptr, target.len);
    joined[target.len] = '/';
    if (w->left.len)
        memcpy(joined + target.len + 1, w->left.ptr, w->left.len);
    size_t n = target.len + 1 + w->left.len;
    memcpy(w->rest, joined, n);
    w->left = pl_span_of(w->rest, n);
    if (target.ptr[0] == '/')
        w->n = 0;
    else
        step_up(w);
    return true;
}

/* The folder with its links followed; what goes round in circles or grows too long stays as it
 * is written, and so is found nowhere. */
static pl_span real_folder(struct owners *o, pl_span folder, struct walk *w)
{
    pl_span part;
    unsigned hops = 0;
    if (folder.len >= PATH_ROOM)
        return folder;
    *w = (struct walk){ .left = folder };
    while (pl_span_split(&w->left, '/', &part)) {
        if (part.len == 0 || pl_span_eq(part, PL_LIT(".")))
            continue;
        if (pl_span_eq(part, PL_LIT(".."))) {
            step_up(w);
            continue;
        }
        if (w->n + part.len + 1 > PATH_ROOM)
            return folder;
        if (w->n)
            w->done[w->n++] = '/';
        memmove(w->done + w->n, part.ptr, part.len);
        w->n += part.len;
        const struct text *link = pl_map_get(&o->links, pl_span_of(w->done, w->n));
        if (link && link->s.len && (++hops > MOST_HOPS || !follow(w, link->s)))
            return folder;
    }
    return pl_span_of(w->done, w->n);
}

/* path with its folder where it really is, in buf. Neighbours in a list share their folder. */
static pl_span real_path(struct owners *o, pl_span path, char buf[2 * PATH_ROOM])
{
    struct walk w;
    pl_span folder = pl_span_dirname(path), name = pl_span_basename(path);
    if (folder.len >= PATH_ROOM || name.len >= PATH_ROOM)
        return path;
    if (!o->folder_known || !pl_span_eq(folder, pl_span_of(o->folder, o->folder_len))) {
        pl_span real = real_folder(o, folder, &w);
        if (folder.len)
            memcpy(o->folder, folder.ptr, folder.len);
        if (real.len)
            memcpy(o->real, real.ptr, real.len);
        o->folder_len = folder.len;
        o->real_len = real.len;
        o->folder_known = true;
    }
    memcpy(buf, o->real, o->real_len);
    size_t n = o->real_len;
    if (n)
        buf[n++] = '/';
    if (name.len)
        memcpy(buf + n, name.ptr, name.len);
    return pl_span_of(buf, n + name.len);
}

/* ---- who owns it ---- */

/* "srv/app.war" of "srv/app.war!/WEB-INF/lib/x.jar". */
static pl_span outermost(pl_span path)
{
    return pl_span_sub(path, 0, pl_span_find(path, PL_LIT("!/")));
}

static bool add_file(struct owners *o, size_t index, size_t *next)
{
    char buf[2 * PATH_ROOM];
    pl_span path = real_path(o, outermost(o->packages[index].path), buf), kept;
    struct file *f = pl_map_get(&o->files, path);
    if (!f) {
        if (!pl_arena_copy(o->tmp, path, &kept) || !(f = pl_arena_alloc(o->tmp, sizeof(*f))))
            return false;
        void **at = pl_map_at(&o->files, kept),
             **name = pl_map_at(&o->names, pl_span_basename(kept));
        if (!at || !name)
            return false;
        *at = *name = f;
        f->next = next;
    }
    next[index] = f->first;
    f->first = index + 1;
    return true;
}

static pl_span system_key(pl_span type, pl_span name, struct pl_buf *b)
{
    b->len = 0;
    pl_buf_text(b, type);
    pl_buf_text(b, name);
    return pl_buf_span(b);
}

static bool add_system(struct owners *o, struct pl_package *p, struct pl_buf *b)
{
    pl_span kept;
    if (!pl_arena_copy(o->tmp, system_key(p->type, p->name, b), &kept) || b->failed)
        return false;
    void **at = pl_map_at(&o->system, kept);
    if (at)
        *at = p;
    return at;
}

static bool gather(struct owners *o, size_t n, struct pl_buf *b)
{
    size_t *next = pl_arena_array(o->tmp, n, sizeof(*next));
    if (!next)
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_system(&o->packages[i]) ? !add_system(o, &o->packages[i], b) : !add_file(o, i, next))
            return false;
    return true;
}

/* A file that a layer above the OS package's brought anew is no longer that package's: somebody
 * (npm install -g npm, in an image whose npm came by apk) put another version over it. A layer of
 * a distroless image has each package's data and its status file, in any order. */
static bool replaced(const struct pl_package *file, const struct pl_package *owner)
{
    return file->layer > owner->layer &&
           !pl_span_starts(owner->path, PL_LIT("var/lib/dpkg/status.d/"));
}

static pl_rc own(struct owners *o, struct file *f, const struct pl_package *owner,
                 struct pl_err *err)
{
    for (size_t i = f->first; i; i = f->next[i - 1]) {
        struct pl_package *p = &o->packages[i - 1];
        if (p->owner.len || replaced(p, owner))
            continue;
        if (!f->owner.len)
            f->owner = pl_span_str(
                pl_arena_printf(o->keep, "%.*s/%.*s", PL_FMT(owner->type), PL_FMT(owner->name)));
        if (!f->owner.len)
            return no_room(err);
        p->owner = f->owner;
    }
    return PL_OK;
}

static pl_rc read_owned(struct owners *o, const struct pl_layer_report *r, struct pl_buf *b,
                        struct pl_err *err)
{
    char buf[2 * PATH_ROOM];
    struct pl_owned_iter it;
    struct pl_owned w;
    pl_owned_iter_init(&it, r);
    while (pl_owned_next(&it, &w)) {
        if (!pl_map_get(&o->names, pl_span_basename(w.path)))
            continue;
        struct file *f = pl_map_get(&o->files, real_path(o, w.path, buf));
        if (!f)
            continue;
        pl_span name = pl_span_sub(w.package, 0, pl_span_chr(w.package, ':'));
        const struct pl_package *owner = pl_map_get(&o->system, system_key(w.type, name, b));
        pl_rc rc = b->failed ? no_room(err) : owner ? own(o, f, owner, err) : PL_OK;
        if (rc)
            return rc;
    }
    return PL_OK;
}

pl_rc pl_inventory_owners(struct pl_package *packages, size_t n_packages,
                          const struct pl_layer_report *reports, size_t n, struct pl_arena *tmp,
                          struct pl_arena *keep, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    struct owners *o = pl_arena_alloc(tmp, sizeof(*o));
    if (!o)
        return no_room(err);
    *o = (struct owners){ .packages = packages, .tmp = tmp, .keep = keep };
    pl_rc rc = PL_OK;
    size_t n_apps = 0;
    for (size_t i = 0; i < n_packages; i++)
        n_apps += !is_system(&packages[i]);
    if (n_apps == 0)
        return PL_OK;
    for (size_t i = 0; !rc && i < n; i++)
        rc = read_links(o, &reports[i]) ? PL_OK : no_room(err);
    if (!rc && !gather(o, n_packages, &b))
        rc = no_room(err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = read_owned(o, &reports[i], &b, err);
    pl_map_done(&o->links);
    pl_map_done(&o->files);
    pl_map_done(&o->names);
    pl_map_done(&o->system);
    return rc;
}

/* ---- echoes ---- */

static bool is_list(const struct pl_package *p)
{
    return pl_span_eq(p->analyzer, PL_LIT("sbom")) ||
           pl_span_ends(p->path, PL_LIT("/.bitnami_components.json"));
}

static bool same_thing(const struct pl_package *a, const struct pl_package *b)
{
    return pl_span_eq(a->type, b->type) && pl_span_eq(a->name, b->name) &&
           pl_span_eq(a->version, b->version);
}

size_t pl_inventory_drop_echoes(struct pl_package *packages, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0, end; i < n; i = end) {
        bool seen = false;
        for (end = i; end < n && same_thing(&packages[end], &packages[i]); end++)
            seen |= !is_list(&packages[end]);
        for (size_t k = i; k < end; k++)
            if (!seen || !is_list(&packages[k]))
                packages[kept++] = packages[k];
    }
    return kept;
}
