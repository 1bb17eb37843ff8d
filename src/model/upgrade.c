#include "model/upgrade.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"

/* Names as dpkg, apk and rpm allow them. A leading '-' would be an option. */
static bool safe_name(pl_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || !strchr("+-._", c) || c == '\0'))
            return false;
    }
    return name.len > 0 && name.len < 256;
}

bool pl_upgrade_distroless(const struct pl_package *p)
{
    return pl_span_starts(p->path, PL_LIT("var/lib/dpkg/status.d/"));
}

static int by_name(const void *a, const void *b)
{
    const struct pl_package *const *x = a, *const *y = b;
    int order = pl_span_cmp((*x)->name, (*y)->name);
    return order ? order : pl_span_cmp((*x)->arch, (*y)->arch);
}

/* "libssl3 openssl"; a Debian package that is there for two architectures is named with each. */
static bool put_names(const struct pl_package *const *sorted, size_t n, struct pl_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct pl_package *p = sorted[i];
        bool like_last = i && pl_span_eq(sorted[i - 1]->name, p->name);
        bool like_next = i + 1 < n && pl_span_eq(sorted[i + 1]->name, p->name);
        bool deb = pl_span_eq(p->type, PL_LIT("deb"));
        if (like_last && (!deb || pl_span_eq(sorted[i - 1]->arch, p->arch)))
            continue;
        bool other_arch = deb && p->arch.len &&
                          ((like_last && !pl_span_eq(sorted[i - 1]->arch, p->arch)) ||
                           (like_next && !pl_span_eq(sorted[i + 1]->arch, p->arch)));
        if (!safe_name(p->name) || (other_arch && !safe_name(p->arch)))
            return false;
        if (out->len)
            pl_buf_char(out, ' ');
        pl_buf_add(out, p->name);
        if (other_arch) {
            pl_buf_char(out, ':');
            pl_buf_add(out, p->arch);
        }
    }
    return !out->failed;
}

pl_span pl_upgrade_command(const struct pl_os *os, const struct pl_package *const *packages,
                           size_t n, struct pl_arena *a)
{
    PL_AUTO(buf) struct pl_buf names = { 0 };
    PL_AUTO(buf) struct pl_buf command = { 0 };
    pl_span kept = { 0 };
    if (n == 0 || !os->distro || !os->distro->upgrade)
        return PL_SPAN_NONE;
    for (size_t i = 0; i < n; i++)
        if (!pl_span_eq(packages[i]->type, pl_span_str(os->distro->package_type)) ||
            pl_upgrade_distroless(packages[i]))
            return PL_SPAN_NONE;
    const struct pl_package **sorted = pl_arena_array(a, n, sizeof(const struct pl_package *));
    if (!sorted)
        return PL_SPAN_NONE;
    memcpy(sorted, packages, n * sizeof(const struct pl_package *));
    qsort(sorted, n, sizeof(const struct pl_package *), by_name);
    pl_span pattern = pl_span_str(os->distro->upgrade);
    size_t at = pl_span_find(pattern, PL_LIT("%s"));
    if (at == SIZE_MAX || !put_names(sorted, n, &names))
        return PL_SPAN_NONE;
    pl_buf_add(&command, pl_span_sub(pattern, 0, at));
    pl_buf_add(&command, pl_buf_span(&names));
    pl_buf_add(&command, pl_span_from(pattern, at + 2));
    if (command.failed || !pl_arena_copy(a, pl_buf_span(&command), &kept))
        return PL_SPAN_NONE;
    return kept;
}

/* Names as npm, Packagist and Go modules have them too: "@scope/name", "vendor/name". */
static bool safe_app_name(pl_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool sign = c && strchr("._-/", c) && i > 0;
        if (!letter && !sign && !(c == '@' && i == 0) && c != '_')
            return false;
    }
    return name.len > 0 && name.len < 256;
}

static bool safe_version(pl_span version)
{
    for (size_t i = 0; i < version.len; i++) {
        char c = version.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || !c || !strchr("+-._", c)))
            return false;
    }
    return version.len > 0 && version.len < 128;
}

pl_span pl_upgrade_app_command(const struct pl_package *p, pl_span version, struct pl_arena *a)
{
    static const struct {
        const char *type;
        const char *before, *between, *after; /* around name and version */
        bool go;                              /* versions begin with v there */
    } table[] = {
        { "npm", "npm install ", "@", "", false },
        { "pypi", "pip install --upgrade '", "==", "'", false },
        { "gem", "bundle update ", NULL, "", false }, /* as far as the Gemfile allows */
        { "composer", "composer require ", ":^", "", false },
        { "golang", "go get ", "@v", "", true },
        { "cargo", "cargo update -p ", " --precise ", "", false },
        { "nuget", "dotnet add package ", " --version ", "", false },
    };
    for (size_t i = 0; i < PL_COUNT(table); i++) {
        if (!pl_span_eq(p->type, pl_span_str(table[i].type)))
            continue;
        if (!safe_app_name(p->name) || !safe_version(version))
            return PL_SPAN_NONE;
        if (pl_span_eq(p->type, PL_LIT("golang")) && pl_span_eq(p->name, PL_LIT("stdlib")))
            return PL_SPAN_NONE; /* the toolchain is not a module */
        if (table[i].go)
            pl_span_skip_lit(&version, PL_LIT("v"));
        const char *text =
            table[i].between
                ? pl_arena_printf(a, "%s%.*s%s%.*s%s", table[i].before, PL_FMT(p->name),
                                  table[i].between, PL_FMT(version), table[i].after)
                : pl_arena_printf(a, "%s%.*s%s", table[i].before, PL_FMT(p->name), table[i].after);
        return pl_span_str(text);
    }
    return PL_SPAN_NONE;
}
