#include "judge/mend.h"

#include "base/buf.h"
#include "base/map.h"
#include "model/upgrade.h"

static bool is_vulnerability(const struct pl_finding *f)
{
    return f->class_id == PL_CLASS_OS_VULN || f->class_id == PL_CLASS_APP_VULN;
}

static const struct pl_package *package_of(const struct pl_report *r, const struct pl_finding *f)
{
    return f->package >= 0 && (uint64_t)f->package < r->inventory.n_packages
               ? &r->inventory.packages[f->package]
               : NULL;
}

/* Binary packages of one source package that a command should name. */
struct group {
    struct pl_vec packages; /* const struct pl_package * */
    pl_span command;
    bool made;
};

static struct group *group_of(struct pl_map *groups, const struct pl_package *p,
                              struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf key = { 0 };
    pl_span kept;
    pl_buf_text(&key, p->type);
    pl_buf_text(&key, p->source_name.len ? p->source_name : p->name);
    pl_buf_text(&key, p->source_version.len ? p->source_version : p->version);
    struct group *g = pl_map_get(groups, pl_buf_span(&key));
    if (g || key.failed || !pl_arena_copy(keep, pl_buf_span(&key), &kept))
        return g;
    void **place = pl_map_at(groups, kept);
    g = place ? pl_arena_alloc(keep, sizeof(*g)) : NULL;
    if (g) {
        g->packages = PL_VEC(const struct pl_package *);
        *place = g;
    }
    return g;
}

static bool gather(const struct pl_report *r, struct pl_map *groups, struct pl_arena *keep)
{
    PL_AUTO(free) void *taken = calloc(r->inventory.n_packages + 1, 1);
    bool *seen = taken;
    if (!seen)
        return false;
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        const struct pl_package *p = package_of(r, f);
        if (!p || !is_vulnerability(f) || f->status != PL_STATUS_FIXED || seen[f->package])
            continue;
        seen[f->package] = true;
        struct group *g = group_of(groups, p, keep);
        const struct pl_package **place = g ? pl_vec_push(keep, &g->packages) : NULL;
        if (!place)
            return false;
        *place = p;
    }
    return true;
}

static bool say(struct pl_arena *keep, pl_span *out, const char *text)
{
    return out->len || !text || pl_arena_copy(keep, pl_span_str(text), out);
}

/* The day after which a release gets nothing more; NULL while it still does. */
static const char *ended(const struct pl_report *r)
{
    const struct pl_release *release = r->inventory.os.release;
    if (!release || !release->end_of_life)
        return NULL;
    pl_span today = pl_span_sub(r->generated_at, 0, 10);
    return pl_span_cmp(pl_span_str(release->end_of_life), today) < 0 ? release->end_of_life : NULL;
}

/* Where the publishers put the repositories of releases that are over. */
static const char *archive_of(const struct pl_os *os)
{
    static const char *const archives[][2] = { { "debian", "archive.debian.org" },
                                               { "ubuntu", "old-releases.ubuntu.com" },
                                               { "centos", "vault.centos.org" },
                                               { "fedora", "archives.fedoraproject.org" } };
    for (size_t i = 0; i < PL_COUNT(archives); i++)
        if (pl_span_eq(os->family, pl_span_str(archives[i][0])))
            return archives[i][1];
    return NULL;
}

static bool needs_pro(const struct pl_report *r, const struct pl_finding *f)
{
    return pl_span_eq(r->inventory.os.family, PL_LIT("ubuntu")) &&
           (pl_span_find(f->note, PL_LIT("esm")) != SIZE_MAX ||
            pl_span_find(f->fixed_version, PL_LIT("esm")) != SIZE_MAX);
}

static bool caution(const struct pl_report *r, struct pl_finding *f, const struct pl_package *p,
                    struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const char *end = f->class_id == PL_CLASS_OS_VULN ? ended(r) : NULL, *archive;
    if (f->fix.caution.len)
        return true;
    if (p->flags & PL_PACKAGE_KERNEL_HEADERS)
        pl_buf_printf(&b,
                      "Only the kernel's headers are installed: the flaw is in a running kernel, "
                      "which an image does not bring. ");
    if (needs_pro(r, f))
        pl_buf_printf(&b, "This fix is published for Ubuntu Pro (ESM) only: attach the image to a "
                          "subscription first. ");
    if (end) {
        pl_buf_printf(&b, "The release has been out of support since %s: no new fixes come. ", end);
        archive = archive_of(&r->inventory.os);
        if (archive && f->status == PL_STATUS_FIXED)
            pl_buf_printf(&b, "Its repositories have moved to %s; the command needs them there. ",
                          archive);
        pl_buf_printf(&b, "Move to a release that is still maintained.");
    }
    return !b.failed && pl_arena_copy(keep, pl_span_trim(pl_buf_span(&b)), &f->fix.caution);
}

static const char *unfixed(enum pl_status s)
{
    switch (s) {
    case PL_STATUS_WILL_NOT_FIX: return "The publisher has said that it will not fix this.";
    case PL_STATUS_FIX_DEFERRED: return "The publisher has put the fix off to a later update.";
    case PL_STATUS_END_OF_LIFE: return "The publisher no longer maintains this package.";
    case PL_STATUS_UNDER_INVESTIGATION:
        return "The publisher has not yet said whether this version is affected.";
    default: return "No fixed version has been published.";
    }
}

/* "Upgrade lodash to 4.17.21 or later; 4.17.12 mends this one alone." */
static const char *describe_app(const struct pl_finding *f, const struct pl_package *p,
                                struct pl_arena *keep)
{
    if (pl_span_eq(f->fix.version, f->fixed_version))
        return pl_arena_printf(keep, "Upgrade %.*s to %.*s or later.", PL_FMT(p->name),
                               PL_FMT(f->fix.version));
    return pl_arena_printf(keep, "Upgrade %.*s to %.*s or later; %.*s mends this one alone.",
                           PL_FMT(p->name), PL_FMT(f->fix.version), PL_FMT(f->fixed_version));
}

static bool describe(struct pl_finding *f, const struct pl_package *p, struct pl_arena *keep)
{
    if (f->fix.description.len)
        return true;
    if (f->status != PL_STATUS_FIXED)
        return say(keep, &f->fix.description, unfixed(f->status));
    if (f->class_id == PL_CLASS_APP_VULN)
        return say(keep, &f->fix.description, describe_app(f, p, keep));
    const char *how = pl_upgrade_distroless(p) || !f->fix.command.len
                          ? "Rebuild the image from a newer base that has"
                          : "Upgrade to";
    return say(keep, &f->fix.description,
               pl_arena_printf(keep, "%s %.*s %.*s or later.", how, PL_FMT(p->name),
                               PL_FMT(f->fixed_version)));
}

static bool explain(struct pl_finding *f, const struct pl_package *p, struct pl_arena *keep)
{
    if (f->cause.len)
        return true;
    const char *text =
        f->status == PL_STATUS_FIXED
            ? pl_arena_printf(keep, "%.*s %.*s is older than %.*s", PL_FMT(p->name),
                              PL_FMT(f->installed_version), PL_FMT(f->fixed_version))
            : pl_arena_printf(keep, "%.*s %.*s is affected, and no fixed version is known",
                              PL_FMT(p->name), PL_FMT(f->installed_version));
    f->cause = pl_span_str(text);
    return text != NULL;
}

/* Layers are not edited: what an application brings is changed where the image is built. */
static bool mend_app(struct pl_finding *f, const struct pl_package *p, struct pl_arena *keep)
{
    if (f->status != PL_STATUS_FIXED)
        return true;
    if (!f->fix.version.len)
        f->fix.version = f->fixed_version;
    if (!f->fix.command.len)
        f->fix.command = pl_upgrade_app_command(p, f->fix.version, keep);
    return say(keep, &f->fix.caution,
               "Change the version where the image is built (its lock file, too) and build the "
               "image anew.");
}

static bool mend_one(const struct pl_report *r, struct pl_finding *f, const struct pl_package *p,
                     struct pl_map *groups, struct pl_arena *keep)
{
    if (f->class_id == PL_CLASS_APP_VULN) {
        if (!mend_app(f, p, keep))
            return false;
    } else if (f->status == PL_STATUS_FIXED) {
        struct group *g = group_of(groups, p, keep);
        if (!g)
            return false;
        if (!g->made)
            g->command =
                pl_upgrade_command(&r->inventory.os, g->packages.items, g->packages.n, keep);
        g->made = true;
        if (!f->fix.version.len)
            f->fix.version = f->fixed_version;
        if (!f->fix.command.len)
            f->fix.command = g->command;
    }
    return describe(f, p, keep) && caution(r, f, p, keep) && explain(f, p, keep);
}

bool pl_mend(struct pl_report *r, struct pl_arena *keep)
{
    PL_AUTO(map) struct pl_map groups = { 0 };
    if (!gather(r, &groups, keep))
        return false;
    for (size_t i = 0; i < r->n_findings; i++) {
        struct pl_finding *f = &r->findings[i];
        const struct pl_package *p = package_of(r, f);
        if (p && is_vulnerability(f) && !mend_one(r, f, p, &groups, keep))
            return false;
    }
    return true;
}
