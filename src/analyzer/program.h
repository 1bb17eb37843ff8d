/* program.h - inside the room only: what the parts of the program analyzer share. */
#pragma once
#include "analyzer/analyzer.h"
#include "base/map.h"

/* ---- program_elf.c: the few parts of an ELF file that are asked for ---- */

/* A whole file. Every offset in it is an attacker's: each is checked where it is used. */
struct pl_elf {
    pl_span file;
    bool is64, big;
    uint64_t sections, segments; /* offsets of the tables */
    unsigned section_size, n_sections, section_names, segment_size, n_segments;
};
bool pl_elf_open(pl_span file, struct pl_elf *out);
bool pl_elf_section(const struct pl_elf *e, pl_span name, pl_span *out);
/* len bytes at a virtual address, where a segment brings them from the file. */
bool pl_elf_at(const struct pl_elf *e, uint64_t address, uint64_t len, pl_span *out);

/* ---- program_go.c ---- */

#define PL_GO_MAGIC "\xff Go buildinf:"
enum { PL_GO_INFO_MAX = 1 << 20 }; /* kubelet's, with 250 modules, has 25 KiB */

/* from: the file from the magic on, as far as it is at hand; whole: the file itself, or empty when
 * it was too large to keep. *seen: build information was read, and is not looked for again. */
pl_rc pl_program_go(const struct pl_input *in, pl_span from, pl_span whole, bool *seen,
                    struct pl_sink *out, struct pl_err *err);

/* ---- program_rust.c ---- */

/* zlib's bytes of the section .dep-v0. */
pl_rc pl_program_rust_audit(const struct pl_input *in, pl_span packed, struct pl_sink *out,
                            struct pl_err *err);

/* Crates that panic messages name, each once. */
struct pl_crates {
    struct pl_map seen; /* "name version" */
    struct pl_vec list; /* struct pl_crate, in the input's tmp */
};
struct pl_crate {
    pl_span name, version;
};
/* at: the bytes behind "cargo/registry/src/". */
void pl_crates_add(struct pl_crates *c, pl_span at, struct pl_arena *tmp);
pl_rc pl_crates_put(const struct pl_crates *c, const struct pl_input *in, struct pl_sink *out,
                    struct pl_err *err);
void pl_crates_done(struct pl_crates *c);

/* ---- program_search.c: the rules of rules/programs/, all literals in one pass ---- */

enum {
    PL_WINDOW_BEFORE = 512, /* bytes around a literal that a version is looked for in */
    PL_WINDOW_AFTER = 512,
};
enum { PL_MARK_GO, PL_MARK_CRATE, PL_N_MARKS }; /* literals that are not a rule's */

struct pl_search; /* one file's state */

/* Once per process, before the sandbox: patterns are compiled to machine code. */
void pl_search_prepare(void);
/* NULL-ended globs of the rules whose files are not ELF; by_name: of those known by path alone. */
const char *const *pl_search_globs(bool by_name);

/* Which rules speak of this path? It lives in the input's tmp. NULL and err when there is no room,
 * or the rules are broken. */
struct pl_search *pl_search_open(const struct pl_input *in, bool elf, struct pl_err *err);
/* Marks that end in (from, to] of the bytes are told, rules' literals are looked at. */
pl_rc pl_search_bytes(struct pl_search *s, pl_span bytes, size_t from, size_t to,
                      pl_rc (*mark)(void *ctx, unsigned id, size_t end, struct pl_err *err),
                      void *ctx, struct pl_err *err);
/* A package for each rule that saw its version. */
pl_rc pl_search_put(struct pl_search *s, struct pl_sink *out, struct pl_err *err);
/* Rules by name: from the path alone. */
pl_rc pl_search_path(const struct pl_input *in, struct pl_sink *out, struct pl_err *err);

/* Text that may stand in a report: printable ASCII, 1 to max bytes. */
bool pl_program_text(pl_span s, size_t max);
