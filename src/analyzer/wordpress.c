/* wordpress.c - WordPress itself (wp-includes/version.php), its plugins (the PHP file whose first
 * comment has "Plugin Name:") and themes ("Theme Name:" in style.css).
 *
 * WordPress reads the first 8 KiB of a file for headers, and so do we. The name is the folder's,
 * which is what wordpress.org and all advisories call a plugin by; a title is only for people.
 * Spec: WordPress, get_file_data(), "Header Requirements" of plugins, "Main Stylesheet". */
#include "analyzer/apps.h"

enum { HEAD_BYTES = 8 << 10 };

/* $wp_version = '6.4.2'; */
static pl_span core_version(pl_span text)
{
    pl_span line, name = PL_LIT("$wp_version");
    while (pl_span_line(&text, &line)) {
        line = pl_span_trim(line);
        if (!pl_span_skip_lit(&line, name))
            continue;
        line = pl_span_trim(line);
        if (!pl_span_skip_lit(&line, PL_LIT("=")))
            continue;
        line = pl_span_trim(line);
        char quote = line.len ? line.ptr[0] : 0;
        size_t end = pl_span_chr(pl_span_from(line, 1), quote);
        if ((quote == '\'' || quote == '"') && end != SIZE_MAX)
            return pl_span_sub(line, 1, end);
    }
    return PL_SPAN_NONE;
}

/* A line of blanks and comment marks, then "NAME:", in any case; what follows, without the end of
 * the comment. */
static pl_span header(pl_span text, const char *name)
{
    pl_span line, want = pl_span_str(name);
    while (pl_span_line(&text, &line)) {
        pl_span_skip_lit(&line, PL_LIT("<?php"));
        size_t n = 0;
        while (n < line.len && strchr(" \t/*#@", line.ptr[n]) && line.ptr[n])
            n++;
        line = pl_span_from(line, n);
        if (line.len <= want.len || line.ptr[want.len] != ':' ||
            !pl_span_eq_nocase(pl_span_sub(line, 0, want.len), want))
            continue;
        line = pl_span_from(line, want.len + 1);
        size_t end = pl_span_find(line, PL_LIT("*/"));
        return pl_span_trim(pl_span_sub(line, 0, end));
    }
    return PL_SPAN_NONE;
}

/* "wordpress-plugin/akismet" of wp-content/plugins/akismet/akismet.php; a plugin of one file
 * stands in the folder plugins itself and is called by its file. */
static pl_span slug(const struct pl_input *in, const char *kind)
{
    pl_span folder = pl_span_dirname(in->path), name = pl_span_basename(folder);
    if (pl_span_eq(name, PL_LIT("plugins"))) {
        name = pl_span_basename(in->path);
        name = pl_span_sub(name, 0, pl_span_rchr(name, '.'));
    }
    return pl_span_str(pl_arena_printf(in->tmp, "%s/%.*s", kind, PL_FMT(name)));
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("generic"), .analyzer = PL_LIT("wordpress") };
    struct pl_broken broken = { 0 };
    pl_span head = pl_span_sub(in->bytes, 0, HEAD_BYTES);
    if (pl_span_ends(in->path, PL_LIT("wp-includes/version.php"))) {
        p.name = PL_LIT("wordpress");
        p.version = core_version(head);
    } else {
        bool plugin = pl_span_ends(in->path, PL_LIT(".php"));
        if (header(head, plugin ? "Plugin Name" : "Theme Name").len == 0)
            return PL_OK; /* one of the plugin's other files */
        p.name = slug(in, plugin ? "wordpress-plugin" : "wordpress-theme");
        p.version = header(head, "Version");
        p.licenses = header(head, "License");
        if (p.version.len == 0)
            return PL_OK; /* "Hello Dolly" of old, drop-ins: nothing that advisories could name */
    }
    pl_rc rc = pl_put_app(in, out, &p, &broken, err);
    pl_broken_report(&broken, in, out, "headers");
    return rc;
}

const struct pl_analyzer pl_analyzer_wordpress = {
    .application = true,
    .name = "wordpress",
    .what = "WordPress, its plugins and themes",
    .spec = "WordPress: version.php; get_file_data(); plugin and theme headers",
    .paths = (const char *const[]){ "**/wp-includes/version.php", "**/wp-content/plugins/*/*.php",
                                    "**/wp-content/plugins/*.php",
                                    "**/wp-content/themes/*/style.css", NULL },
    .revision = 1,
    .parse = parse,
};
