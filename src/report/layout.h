/* layout.h - text for a screen: escaping, display width, wrapping, colour.
 *
 * What goes to a terminal was partly chosen by whoever made the image. pl_layout_add() is the one
 * door: control characters, escape sequences, characters that turn the direction of writing and
 * bytes that are no UTF-8 leave it as visible ASCII (\x1b, \u202e). Width is counted in columns as
 * terminals draw them: East Asian wide characters two, combining marks none (Unicode 15, UAX #11).
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include <stdio.h>

/* Escaped text appended to b. unicode false: everything beyond ASCII becomes \uXXXX too. Runs of
 * white space become one blank, so the result is always one line. */
void pl_layout_add(struct pl_buf *b, pl_span text, bool unicode);
/* The same into an arena; empty text when memory ends. */
pl_span pl_layout_text(struct pl_arena *a, pl_span text, bool unicode);

/* Columns of text that pl_layout_add() wrote. */
unsigned pl_layout_width(pl_span text);
/* The longest prefix of at most `columns`. */
pl_span pl_layout_fit(pl_span text, unsigned columns);
/* Cut in the middle to at most `columns`, the end longer than the beginning as paths want it;
 * itself when it fits. */
pl_span pl_layout_middle(struct pl_arena *a, pl_span text, unsigned columns, bool unicode);
/* Cut at the end. */
pl_span pl_layout_end(struct pl_arena *a, pl_span text, unsigned columns, bool unicode);

enum pl_tone {
    PL_TONE_PLAIN,
    PL_TONE_BOLD,
    PL_TONE_DIM,
    PL_TONE_CRITICAL,
    PL_TONE_HIGH,
    PL_TONE_MEDIUM,
    PL_TONE_LOW,
    PL_TONE_GOOD,
};

/* One screen line under construction, and the page it goes to. */
struct pl_page {
    FILE *out;
    struct pl_arena *scratch; /* for cut texts; reset by the owner */
    unsigned columns;
    bool colour, unicode;
    unsigned at; /* columns already on this line */
};

void pl_page_pad(struct pl_page *p, unsigned column); /* blanks up to that column */
/* Text that is already escaped. */
void pl_page_put(struct pl_page *p, enum pl_tone tone, pl_span text);
void pl_page_printf(struct pl_page *p, enum pl_tone tone, const char *fmt, ...) PL_PRINTF(3, 4);
void pl_page_line(struct pl_page *p); /* end the line */
/* Words of escaped text from here on, continued below at column `indent`; a word that is longer
 * than a line is cut into lines. `joint` ends each line but the last (" \\" for shell commands). */
void pl_page_wrap(struct pl_page *p, enum pl_tone tone, unsigned indent, const char *joint,
                  pl_span text);
