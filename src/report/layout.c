#include "report/layout.h"

#include <stdarg.h>

struct span32 {
    uint32_t from, to;
};

/* Unicode 15: characters that terminals draw two columns wide (EastAsianWidth W and F). */
static const struct span32 wide[] = {
    { 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },   { 0x23e9, 0x23ec },
    { 0x23f0, 0x23f0 },   { 0x23f3, 0x23f3 },   { 0x25fd, 0x25fe },   { 0x2614, 0x2615 },
    { 0x2648, 0x2653 },   { 0x267f, 0x267f },   { 0x2693, 0x2693 },   { 0x26a1, 0x26a1 },
    { 0x26aa, 0x26ab },   { 0x26bd, 0x26be },   { 0x26c4, 0x26c5 },   { 0x26ce, 0x26ce },
    { 0x26d4, 0x26d4 },   { 0x26ea, 0x26ea },   { 0x26f2, 0x26f3 },   { 0x26f5, 0x26f5 },
    { 0x26fa, 0x26fa },   { 0x26fd, 0x26fd },   { 0x2705, 0x2705 },   { 0x270a, 0x270b },
    { 0x2728, 0x2728 },   { 0x274c, 0x274c },   { 0x274e, 0x274e },   { 0x2753, 0x2755 },
    { 0x2757, 0x2757 },   { 0x2795, 0x2797 },   { 0x27b0, 0x27b0 },   { 0x27bf, 0x27bf },
    { 0x2b1b, 0x2b1c },   { 0x2b50, 0x2b50 },   { 0x2b55, 0x2b55 },   { 0x2e80, 0x303e },
    { 0x3041, 0x3098 },   { 0x309b, 0x4dbf },   { 0x4e00, 0xa4cf },   { 0xa960, 0xa97f },
    { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe10, 0xfe19 },   { 0xfe30, 0xfe6f },
    { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x16fe0, 0x18cff }, { 0x1aff0, 0x1b2ff },
    { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf }, { 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a },
    { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f335 }, { 0x1f337, 0x1f37c }, { 0x1f37e, 0x1f393 },
    { 0x1f3a0, 0x1f3ca }, { 0x1f3cf, 0x1f3d3 }, { 0x1f3e0, 0x1f3f0 }, { 0x1f3f4, 0x1f3f4 },
    { 0x1f3f8, 0x1f43e }, { 0x1f440, 0x1f440 }, { 0x1f442, 0x1f4fc }, { 0x1f4ff, 0x1f53d },
    { 0x1f54b, 0x1f54e }, { 0x1f550, 0x1f567 }, { 0x1f57a, 0x1f57a }, { 0x1f595, 0x1f596 },
    { 0x1f5a4, 0x1f5a4 }, { 0x1f5fb, 0x1f64f }, { 0x1f680, 0x1f6c5 }, { 0x1f6cc, 0x1f6cc },
    { 0x1f6d0, 0x1f6d2 }, { 0x1f6d5, 0x1f6d7 }, { 0x1f6dc, 0x1f6df }, { 0x1f6eb, 0x1f6ec },
    { 0x1f6f4, 0x1f6fc }, { 0x1f7e0, 0x1f7eb }, { 0x1f7f0, 0x1f7f0 }, { 0x1f90c, 0x1f93a },
    { 0x1f93c, 0x1f945 }, { 0x1f947, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};

/* Marks that sit on the character before them (general categories Mn and Me, of the scripts that
 * people write names in). */
static const struct span32 combining[] = {
    { 0x0300, 0x036f }, { 0x0483, 0x0489 },   { 0x0591, 0x05bd }, { 0x05bf, 0x05bf },
    { 0x05c1, 0x05c2 }, { 0x05c4, 0x05c5 },   { 0x05c7, 0x05c7 }, { 0x0610, 0x061a },
    { 0x064b, 0x065f }, { 0x0670, 0x0670 },   { 0x06d6, 0x06dc }, { 0x06df, 0x06e4 },
    { 0x06e7, 0x06e8 }, { 0x06ea, 0x06ed },   { 0x0711, 0x0711 }, { 0x0730, 0x074a },
    { 0x0900, 0x0902 }, { 0x093a, 0x093a },   { 0x093c, 0x093c }, { 0x0941, 0x0948 },
    { 0x094d, 0x094d }, { 0x0951, 0x0957 },   { 0x0962, 0x0963 }, { 0x0981, 0x0981 },
    { 0x09bc, 0x09bc }, { 0x09c1, 0x09c4 },   { 0x09cd, 0x09cd }, { 0x0a3c, 0x0a51 },
    { 0x0abc, 0x0abc }, { 0x0ac1, 0x0ac8 },   { 0x0acd, 0x0acd }, { 0x0b3c, 0x0b3c },
    { 0x0bcd, 0x0bcd }, { 0x0c4d, 0x0c4d },   { 0x0ccd, 0x0ccd }, { 0x0d4d, 0x0d4d },
    { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a },   { 0x0e47, 0x0e4e }, { 0x0eb1, 0x0eb1 },
    { 0x0eb4, 0x0ebc }, { 0x0ec8, 0x0ece },   { 0x0f71, 0x0f7e }, { 0x0f80, 0x0f84 },
    { 0x135d, 0x135f }, { 0x17b4, 0x17b5 },   { 0x17b7, 0x17bd }, { 0x17c6, 0x17c6 },
    { 0x17c9, 0x17d3 }, { 0x1ab0, 0x1ace },   { 0x1dc0, 0x1dff }, { 0x20d0, 0x20f0 },
    { 0x302a, 0x302d }, { 0x3099, 0x309a },   { 0xa66f, 0xa672 }, { 0xa674, 0xa67d },
    { 0xfe20, 0xfe2f }, { 0x1d167, 0x1d169 },
};

/* Characters that are seen by nobody or move what stands around them: bidi controls ("Trojan
 * Source", CVE-2021-42574), zero-width ones, separators of lines, tags, private use. */
static const struct span32 hidden[] = {
    { 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad },   { 0x034f, 0x034f },
    { 0x061c, 0x061c }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
    { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },   { 0x3164, 0x3164 },
    { 0xd800, 0xf8ff }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
    { 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};

static bool in_table(const struct span32 *t, size_t n, uint32_t c)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c > t[mid].to)
            low = mid + 1;
        else if (c < t[mid].from)
            high = mid;
        else
            return true;
    }
    return false;
}

/* One character from the front; false (and one byte taken) when the bytes are no UTF-8 (RFC 3629:
 * shortest form only, no surrogates). */
static bool take_char(pl_span *s, uint32_t *out)
{
    const unsigned char *p = (const unsigned char *)s->ptr;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    bool good = p[0] < 0x80 || (p[0] >= 0xc2 && p[0] <= 0xf4 && n <= s->len);
    for (size_t i = 1; good && i < n; i++) {
        good = (p[i] & 0xc0) == 0x80;
        c = c << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    good = good && c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    *out = good ? c : p[0];
    *s = pl_span_from(*s, good ? n : 1);
    return good;
}

static unsigned char_width(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (in_table(combining, PL_COUNT(combining), c))
        return 0;
    return in_table(wide, PL_COUNT(wide), c) ? 2 : 1;
}

enum { MAX_MARKS = 3 }; /* on one character; more is somebody drawing over the lines around it */

void pl_layout_add(struct pl_buf *b, pl_span text, bool unicode)
{
    unsigned marks = 0;
    bool blank = true; /* swallows white space at the beginning */
    while (text.len) {
        pl_span before = text;
        uint32_t c;
        bool good = take_char(&text, &c);
        if (good && (c == ' ' || (c >= '\t' && c <= '\r'))) {
            if (!blank)
                pl_buf_char(b, ' ');
            blank = true;
            continue;
        }
        blank = false;
        marks = good && c >= 0x300 && char_width(c) == 0 ? marks + 1 : 0;
        if (!good || (c < 0x100 && in_table(hidden, PL_COUNT(hidden), c)))
            pl_buf_printf(b, "\\x%02x", (unsigned)c);
        else if (marks > MAX_MARKS || (c > 0x7e && !unicode) ||
                 in_table(hidden, PL_COUNT(hidden), c))
            pl_buf_printf(b, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)c);
        else
            pl_buf_add(b, pl_span_of(before.ptr, before.len - text.len));
    }
    if (blank && b->len && b->ptr[b->len - 1] == ' ')
        b->len--;
}

pl_span pl_layout_text(struct pl_arena *a, pl_span text, bool unicode)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span kept = { 0 };
    pl_layout_add(&b, text, unicode);
    if (b.failed || !pl_arena_copy(a, pl_buf_span(&b), &kept))
        return PL_SPAN_NONE;
    return kept;
}

unsigned pl_layout_width(pl_span text)
{
    unsigned n = 0;
    uint32_t c;
    while (text.len) {
        take_char(&text, &c);
        n += char_width(c);
    }
    return n;
}

pl_span pl_layout_fit(pl_span text, unsigned columns)
{
    pl_span rest = text;
    unsigned n = 0;
    while (rest.len) {
        pl_span after = rest;
        uint32_t c;
        take_char(&after, &c);
        n += char_width(c);
        if (n > columns)
            break;
        rest = after;
    }
    return pl_span_of(text.ptr, text.len - rest.len);
}

/* The longest end of at most `columns`. */
static pl_span fit_end(pl_span text, unsigned columns)
{
    unsigned total = pl_layout_width(text);
    while (total > columns) {
        uint32_t c;
        take_char(&text, &c);
        total -= char_width(c);
    }
    /* marks without the character that they sat on */
    for (pl_span after = text; after.len; text = after) {
        uint32_t c;
        take_char(&after, &c);
        if (char_width(c))
            break;
    }
    return text;
}

pl_span pl_layout_middle(struct pl_arena *a, pl_span text, unsigned columns, bool unicode)
{
    if (pl_layout_width(text) <= columns)
        return text;
    unsigned dots = unicode ? 1 : 3;
    if (columns <= dots + 1)
        return pl_layout_fit(text, columns);
    unsigned front = (columns - dots) / 3;
    pl_span head = pl_layout_fit(text, front), tail = fit_end(text, columns - dots - front);
    char *cut =
        pl_arena_printf(a, "%.*s%s%.*s", PL_FMT(head), unicode ? "\u2026" : "...", PL_FMT(tail));
    return pl_span_str(cut);
}

pl_span pl_layout_end(struct pl_arena *a, pl_span text, unsigned columns, bool unicode)
{
    if (pl_layout_width(text) <= columns)
        return text;
    unsigned dots = unicode ? 1 : 3;
    if (columns <= dots)
        return pl_layout_fit(text, columns);
    pl_span head = pl_layout_fit(text, columns - dots);
    char *cut = pl_arena_printf(a, "%.*s%s", PL_FMT(head), unicode ? "\u2026" : "...");
    return pl_span_str(cut);
}

/* ---- the page ---- */

static const char *const tones[] = {
    [PL_TONE_PLAIN] = "",        [PL_TONE_BOLD] = "\033[1m",
    [PL_TONE_DIM] = "\033[2m",   [PL_TONE_CRITICAL] = "\033[1;31m",
    [PL_TONE_HIGH] = "\033[31m", [PL_TONE_MEDIUM] = "\033[33m",
    [PL_TONE_LOW] = "\033[36m",  [PL_TONE_GOOD] = "\033[32m",
};

void pl_page_pad(struct pl_page *p, unsigned column)
{
    for (; p->at < column; p->at++)
        fputc(' ', p->out);
}

void pl_page_put(struct pl_page *p, enum pl_tone tone, pl_span text)
{
    bool paint = p->colour && tone != PL_TONE_PLAIN && text.len;
    if (paint)
        fputs(tones[tone], p->out);
    if (text.len)
        fwrite(text.ptr, 1, text.len, p->out);
    if (paint)
        fputs("\033[0m", p->out);
    p->at += pl_layout_width(text);
}

void pl_page_printf(struct pl_page *p, enum pl_tone tone, const char *fmt, ...)
{
    PL_AUTO(text) char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        text = NULL;
    else
        pl_page_put(p, tone, pl_span_of(text, (size_t)n));
}

void pl_page_line(struct pl_page *p)
{
    fputc('\n', p->out);
    p->at = 0;
}

static void wrap_line(struct pl_page *p, unsigned indent, const char *joint)
{
    fputs(joint, p->out);
    pl_page_line(p);
    pl_page_pad(p, indent);
}

void pl_page_wrap(struct pl_page *p, enum pl_tone tone, unsigned indent, const char *joint,
                  pl_span text)
{
    unsigned room = (unsigned)strlen(joint);
    unsigned limit = p->columns > indent + room + 8 ? p->columns - room : indent + 8;
    bool first = p->at <= indent; /* no blank in front of the first word of a line */
    pl_span word;
    while (pl_span_split(&text, ' ', &word)) {
        if (word.len == 0)
            continue;
        unsigned width = pl_layout_width(word);
        if (!first && p->at + 1 + width > limit) {
            wrap_line(p, indent, joint);
            first = true;
        }
        if (!first)
            pl_page_put(p, PL_TONE_PLAIN, PL_LIT(" "));
        /* A shell word is not broken: what is pasted must stay itself. */
        while (!room && p->at + width > limit) {
            pl_span head = pl_layout_fit(word, limit > p->at ? limit - p->at : 0);
            if (head.len == 0)
                break;
            pl_page_put(p, tone, head);
            word = pl_span_from(word, head.len);
            width = pl_layout_width(word);
            wrap_line(p, indent, joint);
        }
        pl_page_put(p, tone, word);
        first = false;
    }
}
