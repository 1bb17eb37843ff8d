#include "report/document.h"

#include <math.h>

const struct pl_package *pl_doc_package(const struct pl_report *r, const struct pl_finding *f)
{
    return f->package >= 0 && (uint64_t)f->package < r->inventory.n_packages
               ? &r->inventory.packages[f->package]
               : NULL;
}

const struct pl_image *pl_doc_image(const struct pl_report *r)
{
    static const struct pl_image none;
    return r->image ? r->image : &none;
}

const struct pl_layer *pl_doc_layer(const struct pl_report *r, int64_t index)
{
    const struct pl_image *i = pl_doc_image(r);
    return index >= 0 && (uint64_t)index < i->n_layers ? &i->layers[index] : NULL;
}

bool pl_doc_is_vuln(const struct pl_finding *f)
{
    return f->class_id == PL_CLASS_OS_VULN || f->class_id == PL_CLASS_APP_VULN;
}

pl_span pl_doc_path(const struct pl_report *r, const struct pl_finding *f)
{
    const struct pl_package *p = pl_doc_package(r, f);
    pl_span path = f->path.len ? f->path : p ? p->path : PL_SPAN_NONE;
    while (path.len && path.ptr[0] == '/')
        path = pl_span_from(path, 1);
    return path;
}

pl_span pl_doc_title(const struct pl_finding *f)
{
    pl_span rest = f->description, line;
    if (f->title.len)
        return f->title;
    while (pl_span_line(&rest, &line))
        if (pl_span_trim(line).len)
            return pl_span_trim(line);
    return f->cause.len ? f->cause : f->id;
}

double pl_doc_score(const struct pl_finding *f)
{
    double best = -1;
    for (size_t i = 0; i < f->n_cvss; i++)
        if (isfinite(f->cvss[i].score) && f->cvss[i].score > best)
            best = f->cvss[i].score;
    return best;
}

double pl_doc_banded_score(const struct pl_finding *f)
{
    static const struct {
        double from, to, usual;
    } bands[] = {
        [PL_SEVERITY_NEGLIGIBLE] = { 0.1, 0.1, 0.1 }, [PL_SEVERITY_LOW] = { 0.1, 3.9, 2.0 },
        [PL_SEVERITY_MEDIUM] = { 4.0, 6.9, 5.5 },     [PL_SEVERITY_HIGH] = { 7.0, 8.9, 8.0 },
        [PL_SEVERITY_CRITICAL] = { 9.0, 10.0, 9.5 },
    };
    double score = pl_doc_score(f);
    if (f->severity == PL_SEVERITY_UNKNOWN)
        return -1;
    return score >= bands[f->severity].from && score <= bands[f->severity].to
               ? score
               : bands[f->severity].usual;
}

bool pl_doc_is_link(pl_span url)
{
    if (!pl_span_starts(url, PL_LIT("https://")) && !pl_span_starts(url, PL_LIT("http://")))
        return false;
    if (url.len > 2000 || url.len < 12)
        return false;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr("-._~:/?#[]@!$&*+,;=%", c)))
            return false;
    }
    return true;
}

static bool plain_id(pl_span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return id.len > 0 && id.len < 64;
}

pl_span pl_doc_link(const struct pl_finding *f, struct pl_arena *a)
{
    if (pl_is_cve(f->id) && plain_id(f->id))
        return pl_span_str(
            pl_arena_printf(a, "https://nvd.nist.gov/vuln/detail/%.*s", PL_FMT(f->id)));
    if (pl_span_starts(f->id, PL_LIT("GHSA-")) && plain_id(f->id))
        return pl_span_str(pl_arena_printf(a, "https://github.com/advisories/%.*s", PL_FMT(f->id)));
    for (size_t i = 0; i < f->n_references; i++)
        if (pl_doc_is_link(f->references[i]))
            return f->references[i];
    return PL_SPAN_NONE;
}

pl_span pl_doc_package_text(const struct pl_package *p, struct pl_arena *a)
{
    return pl_span_str(pl_arena_printf(a, "%.*s %.*s", PL_FMT(p->name), PL_FMT(p->version)));
}

/* ---- names that stay ---- */

pl_span pl_doc_time(pl_span t, struct pl_arena *a)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    bool good = t.len >= sizeof(form) - 1;
    for (size_t i = 0; good && i < sizeof(form) - 1; i++)
        good = form[i] == 'd' ? t.ptr[i] >= '0' && t.ptr[i] <= '9' : t.ptr[i] == form[i];
    return good ? pl_span_str(pl_arena_printf(a, "%.19sZ", t.ptr)) : PL_LIT("1970-01-01T00:00:00Z");
}

void pl_doc_uuid(pl_span text, char out[37])
{
    pl_digest d;
    pl_sha256(text, &d);
    pl_span hex = pl_digest_hex(&d);
    /* version 8, variant 10 */
    snprintf(out, 37, "%.8s-%.4s-8%.3s-%c%.3s-%.12s", hex.ptr, hex.ptr + 8, hex.ptr + 13,
             "89ab"[hex.ptr[16] & 3], hex.ptr + 17, hex.ptr + 20);
}

pl_span pl_doc_hash(pl_span text, size_t n, struct pl_arena *a)
{
    pl_digest d;
    pl_span kept = { 0 };
    pl_sha256(text, &d);
    return pl_arena_copy(a, pl_span_sub(pl_digest_hex(&d), 0, n), &kept) ? kept : PL_SPAN_NONE;
}

pl_span pl_doc_identity(const struct pl_report *r, const char *format, struct pl_arena *a)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const struct pl_image *i = pl_doc_image(r);
    pl_span kept = { 0 };
    pl_buf_text(&b, pl_span_str(format));
    pl_buf_text(&b, i->reference);
    pl_buf_text(&b, pl_digest_span(&i->digest));
    pl_buf_text(&b, pl_digest_span(&i->image_id));
    pl_buf_text(&b, r->generated_at);
    pl_buf_text(&b, r->database.digest);
    for (size_t k = 0; k < r->inventory.n_packages; k++) {
        pl_buf_text(&b, r->inventory.packages[k].name);
        pl_buf_text(&b, r->inventory.packages[k].version);
    }
    return !b.failed && pl_arena_copy(a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}

pl_span pl_doc_cut(pl_span text, size_t most, struct pl_arena *a)
{
    if (text.len <= most)
        return text;
    size_t n = most > 3 ? most - 3 : 0;
    while (n && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
        n--;
    char *cut = pl_arena_alloc(a, n + 4);
    if (!cut)
        return PL_SPAN_NONE;
    memcpy(cut, text.ptr, n);
    memcpy(cut + n, "...", 3);
    return pl_span_of(cut, n + 3);
}

/* ---- one line each ---- */

pl_span pl_doc_platform(const struct pl_image *i, struct pl_arena *a)
{
    if (!i->os.len || !i->architecture.len)
        return PL_SPAN_NONE;
    return pl_span_str(pl_arena_printf(a, "%.*s/%.*s%s%.*s", PL_FMT(i->os), PL_FMT(i->architecture),
                                       i->variant.len ? "/" : "", PL_FMT(i->variant)));
}

pl_span pl_doc_os(const struct pl_report *r, struct pl_arena *a)
{
    const struct pl_os *o = &r->inventory.os;
    if (o->pretty_name.len || !o->family.len)
        return o->pretty_name;
    return pl_span_str(pl_arena_printf(a, "%.*s%s%.*s", PL_FMT(o->family),
                                       o->version.len ? " " : "", PL_FMT(o->version)));
}

pl_span pl_doc_gap(const struct pl_gap *g, struct pl_arena *a)
{
    char layer[32] = "";
    if (g->layer >= 0)
        snprintf(layer, sizeof(layer), "%slayer %d", g->path.len ? " in " : "", g->layer);
    return pl_span_str(pl_arena_printf(a, "%.*s%s%s%.*s%s%.*s", PL_FMT(g->path), layer,
                                       g->path.len || *layer ? ": " : "", PL_FMT(g->reason),
                                       g->detail.len ? ": " : "", PL_FMT(g->detail)));
}

size_t pl_doc_others(const struct pl_report *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_findings; i++)
        n += !pl_doc_is_vuln(&r->findings[i]);
    return n;
}

/* ---- licences ---- */

/* Identifiers of the SPDX licence list that package managers really write; the rest is free text
 * to us, which is always allowed. */
static const char licenses[] =
    " 0BSD AFL-2.1 AFL-3.0 AGPL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 "
    "Artistic-1.0 Artistic-1.0-Perl Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-4-Clause "
    "BSL-1.0 BlueOak-1.0.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CDDL-1.1 EPL-1.0 "
    "EPL-2.0 EUPL-1.2 FSFAP FTL GFDL-1.3-or-later GPL-1.0-or-later GPL-2.0 GPL-2.0+ "
    "GPL-2.0-only GPL-2.0-or-later GPL-3.0 GPL-3.0+ GPL-3.0-only GPL-3.0-or-later HPND ICU IJG "
    "ISC LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1 LGPL-2.1+ LGPL-2.1-only LGPL-2.1-or-later "
    "LGPL-3.0 LGPL-3.0-only LGPL-3.0-or-later Libpng MIT MIT-0 MIT-CMU MPL-1.1 MPL-2.0 MS-PL "
    "MulanPSL-2.0 NCSA OFL-1.1 OLDAP-2.8 OpenSSL PHP-3.01 PSF-2.0 PostgreSQL Python-2.0 Ruby "
    "SSH-OpenSSH Sleepycat TCL Unlicense Vim W3C WTFPL X11 Zlib ZPL-2.1 blessing bzip2-1.0.6 "
    "curl libtiff ";
static const char exceptions[] =
    " Classpath-exception-2.0 GCC-exception-2.0 GCC-exception-3.1 LLVM-exception "
    "OpenSSL-exception Bison-exception-2.2 Autoconf-exception-3.0 Libtool-exception "
    "Linux-syscall-note Font-exception-2.0 ";

static bool in_list(const char *list, pl_span word)
{
    pl_span rest = pl_span_str(list), entry;
    while (pl_span_word(&rest, &entry))
        if (pl_span_eq(entry, word))
            return true;
    return false;
}

/* Operands and operators in turn, brackets in balance; nothing deeper is asked. */
bool pl_license_known(pl_span text)
{
    bool operand = true, exception = false;
    unsigned depth = 0, n = 0;
    pl_span word;
    while (pl_span_word(&text, &word)) {
        while (operand && !exception && pl_span_skip_lit(&word, PL_LIT("(")))
            depth++;
        unsigned closing = 0;
        while (word.len && word.ptr[word.len - 1] == ')')
            word.len--, closing++;
        if (operand) {
            if (!in_list(exception ? exceptions : licenses, word) || closing > depth)
                return false;
            depth -= closing;
            n++;
        } else if (closing ||
                   (!pl_span_eq(word, PL_LIT("AND")) && !pl_span_eq(word, PL_LIT("OR")) &&
                    !pl_span_eq(word, PL_LIT("WITH")))) {
            return false;
        }
        exception = !operand && pl_span_eq(word, PL_LIT("WITH"));
        operand = !operand;
    }
    return n && !operand && depth == 0;
}

/* ---- escaping ---- */

static void markup_char(struct pl_buf *b, pl_span raw, unsigned c)
{
    switch (c) {
    case '&': pl_buf_add(b, PL_LIT("&amp;")); return;
    case '<': pl_buf_add(b, PL_LIT("&lt;")); return;
    case '>': pl_buf_add(b, PL_LIT("&gt;")); return;
    case '"': pl_buf_add(b, PL_LIT("&quot;")); return;
    case '\'': pl_buf_add(b, PL_LIT("&#39;")); return;
    default: break;
    }
    if (c >= 0x20 || c == '\t' || c == '\n')
        pl_buf_add(b, raw);
}

/* Bytes of the character in front; 0 when they are no UTF-8, or U+FFFE and U+FFFF, which XML
 * forbids. */
static size_t char_length(pl_span s)
{
    size_t n = pl_span_utf8(s);
    bool forbidden = n == 3 && (unsigned char)s.ptr[0] == 0xef && (unsigned char)s.ptr[1] == 0xbf &&
                     (unsigned char)s.ptr[2] >= 0xbe;
    return forbidden ? 0 : n;
}

void pl_markup_add(struct pl_buf *b, pl_span text)
{
    while (text.len) {
        size_t n = char_length(text);
        if (n == 0)
            pl_buf_add(b, PL_LIT("\xef\xbf\xbd"));
        else
            markup_char(b, pl_span_sub(text, 0, n), n == 1 ? (unsigned char)text.ptr[0] : 0x100);
        text = pl_span_from(text, n ? n : 1);
    }
}

void pl_clean_add(struct pl_buf *b, pl_span text)
{
    while (text.len) {
        size_t n = char_length(text);
        unsigned char c = (unsigned char)text.ptr[0];
        if (n == 0)
            pl_buf_add(b, PL_LIT("\xef\xbf\xbd"));
        else if (n > 1 || (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n')
            pl_buf_add(b, pl_span_sub(text, 0, n));
        text = pl_span_from(text, n ? n : 1);
    }
}

void pl_doc_uri_path(struct pl_buf *b, pl_span path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~' || c == '/')
            pl_buf_char(b, c);
        else
            pl_buf_printf(b, "%%%02X", (unsigned char)c);
    }
}
