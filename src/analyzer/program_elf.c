/* program_elf.c - sections and segments of an ELF file of either class and byte order.
 *
 * libelf is not used: of a hostile file four numbers are wanted, and each is easier to bound here.
 * Spec: System V ABI, "Object Files". */
#include "analyzer/program.h"

enum { MAX_SECTIONS = 65536, MAX_SEGMENTS = 4096 };

static bool number(const struct pl_elf *e, uint64_t at, unsigned size, uint64_t *out)
{
    pl_span in;
    uint16_t u16;
    uint32_t u32;
    bool ok;
    if (at > e->file.len || e->file.len - at < size)
        return false;
    in = pl_span_sub(e->file, (size_t)at, size);
    if (size == 8)
        return e->big ? pl_span_u64be(&in, out) : pl_span_u64le(&in, out);
    if (size == 4) {
        ok = e->big ? pl_span_u32be(&in, &u32) : pl_span_u32le(&in, &u32);
        *out = u32;
        return ok;
    }
    ok = e->big ? pl_span_u16be(&in, &u16) : pl_span_u16le(&in, &u16);
    *out = u16;
    return ok;
}

bool pl_elf_open(pl_span file, struct pl_elf *out)
{
    struct pl_elf e = { .file = file };
    uint64_t shentsize, shnum, shstrndx, phentsize, phnum;
    if (file.len < 52 || !pl_span_starts(file, PL_LIT("\177ELF")))
        return false;
    e.is64 = file.ptr[4] == 2;
    e.big = file.ptr[5] == 2;
    unsigned word = e.is64 ? 8 : 4, half = e.is64 ? 54 : 42;
    if (!number(&e, e.is64 ? 32 : 28, word, &e.segments) ||
        !number(&e, e.is64 ? 40 : 32, word, &e.sections) || !number(&e, half, 2, &phentsize) ||
        !number(&e, half + 2, 2, &phnum) || !number(&e, half + 4, 2, &shentsize) ||
        !number(&e, half + 6, 2, &shnum) || !number(&e, half + 8, 2, &shstrndx))
        return false;
    e.section_size = (unsigned)shentsize;
    e.n_sections = (unsigned)(shnum > MAX_SECTIONS ? MAX_SECTIONS : shnum);
    e.section_names = (unsigned)shstrndx;
    e.segment_size = (unsigned)phentsize;
    e.n_segments = (unsigned)(phnum > MAX_SEGMENTS ? MAX_SEGMENTS : phnum);
    *out = e;
    return true;
}

struct section {
    uint64_t name, type, offset, size;
};

static bool section_at(const struct pl_elf *e, unsigned index, struct section *s)
{
    unsigned word = e->is64 ? 8 : 4;
    uint64_t at;
    if (__builtin_mul_overflow((uint64_t)index, e->section_size, &at) ||
        __builtin_add_overflow(at, e->sections, &at) || at > e->file.len)
        return false;
    return number(e, at, 4, &s->name) && number(e, at + 4, 4, &s->type) &&
           number(e, at + (e->is64 ? 24 : 16), word, &s->offset) &&
           number(e, at + (e->is64 ? 32 : 20), word, &s->size);
}

static bool bytes_at(const struct pl_elf *e, uint64_t offset, uint64_t size, pl_span *out)
{
    if (offset > e->file.len || size > e->file.len - offset)
        return false;
    *out = pl_span_sub(e->file, (size_t)offset, (size_t)size);
    return true;
}

bool pl_elf_section(const struct pl_elf *e, pl_span name, pl_span *out)
{
    enum { NO_BYTES = 8 };
    struct section s;
    pl_span names;
    if (!section_at(e, e->section_names, &s) || !bytes_at(e, s.offset, s.size, &names))
        return false;
    for (unsigned i = 0; i < e->n_sections && section_at(e, i, &s); i++) {
        if (s.type == NO_BYTES || s.name >= names.len || names.len - s.name <= name.len)
            continue;
        pl_span at = pl_span_from(names, (size_t)s.name);
        if (pl_span_starts(at, name) && at.ptr[name.len] == '\0')
            return bytes_at(e, s.offset, s.size, out);
    }
    return false;
}

bool pl_elf_at(const struct pl_elf *e, uint64_t address, uint64_t len, pl_span *out)
{
    enum { LOAD = 1 };
    unsigned word = e->is64 ? 8 : 4;
    for (unsigned i = 0; i < e->n_segments; i++) {
        uint64_t at, type, offset, start, size;
        if (__builtin_add_overflow((uint64_t)i * e->segment_size, e->segments, &at) ||
            at > e->file.len || !number(e, at, 4, &type) ||
            !number(e, at + (e->is64 ? 8 : 4), word, &offset) ||
            !number(e, at + (e->is64 ? 16 : 8), word, &start) ||
            !number(e, at + (e->is64 ? 32 : 16), word, &size))
            return false;
        if (type != LOAD || address < start || address - start >= size ||
            size - (address - start) < len)
            continue;
        uint64_t from;
        return !__builtin_add_overflow(offset, address - start, &from) &&
               bytes_at(e, from, len, out);
    }
    return false;
}
