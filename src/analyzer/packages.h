/* packages.h - what several package database readers share. */
#pragma once
#include "analyzer/analyzer.h"
#include "model/package.h"

/* How much of a database could not be read. One gap per file speaks of all of it, because a
 * hostile file could have a million broken records. */
struct pl_broken {
    size_t n;
    char first[160]; /* the first one, as a sentence */
};
void pl_broken_add(struct pl_broken *b, const char *fmt, ...) PL_PRINTF(2, 3);
/* Writes the gap, when there is anything to say. what: "stanzas". */
void pl_broken_report(const struct pl_broken *b, const struct pl_input *in, struct pl_sink *out,
                      const char *what);

/* A path as a package manager writes it ("/usr/bin/x", "./usr/bin/x", "usr//bin/") as a clean one.
 * buf holds at least PL_PATH_ROOM bytes; false for the root, for "..", and for what is too long. */
#define PL_PATH_ROOM 4096
bool pl_clean_path(pl_span raw, char *buf, pl_span *out);

/* Tell the sink that in->path was read by this row. */
pl_rc pl_put_database(const struct pl_input *in, struct pl_sink *out, const char *row,
                      uint64_t n_packages, struct pl_err *err) PL_CHECKED;

/* Standard base64 with or without padding; returns the bytes written, 0 when it is none or room
 * is too small. */
size_t pl_base64(pl_span text, uint8_t *out, size_t room);
/* "sha1:<hex>" and the like into out; out has room for the prefix, 2 * n and a NUL. */
pl_span pl_hex_digest(const char *algorithm, const uint8_t *bytes, size_t n, char *out,
                      size_t room);
bool pl_is_hex(pl_span s);

/* A Gentoo package's "name-version[-rN]" apart; category/ may stand before it. */
bool pl_portage_split(pl_span pf, pl_span *name, pl_span *version);
