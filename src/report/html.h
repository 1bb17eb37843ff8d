/* html.h - the parts of the HTML report, which stand in files of their own.
 *
 * Words of ours are written in English inside an element with data-t, and the page's script has
 * their Chinese; what is composed (the verdict) is written in both. Text from outside goes through
 * pl_html_text() only. */
#pragma once
#include "report/document.h"
#include "report/groups.h"

struct pl_html {
    FILE *out;
    const struct pl_report *r;
    struct pl_arena *a;
    struct pl_groups groups;
    struct pl_buf text; /* of pl_html_text() */
    size_t index;       /* of the image in the page */
};

/* Severities of the findings of a layer, or of all; suppressed ones are not counted. */
struct pl_html_counts {
    size_t by[PL_SEVERITY_CRITICAL + 1], total, fixable;
};

void pl_html_raw(struct pl_html *h, const char *markup);
/* Escaped, and what nobody sees (control characters, bidi marks) made visible. */
void pl_html_text(struct pl_html *h, pl_span raw);
/* <TAG data-t>WORD</TAG>; class NULL: none. */
void pl_html_word(struct pl_html *h, const char *tag, const char *class_name, const char *word);
/* ' NAME="VALUE"', escaped. */
void pl_html_attribute(struct pl_html *h, const char *name, pl_span value);
const char *pl_html_severity(enum pl_severity s);
/* layer -1: of all. */
struct pl_html_counts pl_html_count(const struct pl_report *r, int64_t layer);

void pl_html_tiles(struct pl_html *h);    /* html_charts.c */
void pl_html_charts(struct pl_html *h);   /* html_charts.c */
void pl_html_layers(struct pl_html *h);   /* html_charts.c */
void pl_html_findings(struct pl_html *h); /* html_findings.c */
void pl_html_verdict(struct pl_html *h);  /* html_verdict.c: in both languages */
