/* java_classes.c - libraries known by their classes, where no metadata came with them.
 *
 * Build tools copy the classes of a library into an application's jar, often under another package
 * name ("relocated") and without its metadata. That a class is there proves nothing about the
 * version: a mended Log4j still has JndiLookup.class. So a rule says what the constants of a few
 * classes show. Where they show a range, the package gets the highest version of that range:
 * whatever is true of that one and was broken all along is true of each. Where they show only that
 * it is some newer one, that is a gap. Each rule was read off the released artifacts themselves.
 * Spec: The Java Virtual Machine Specification, chapter 4.4 (the constant pool). */
#include <assert.h>

#include "analyzer/java.h"

enum witness {
    LOG4J_LOOKUP,
    LOG4J_MANAGER,
    FASTJSON,
    TEXT_SCRIPT,
    TEXT_FACTORY,
    YAML_CONSTRUCTOR,
    YAML_INSPECTOR,
    N_WITNESSES
};
static_assert((int)N_WITNESSES <= (int)PL_JAVA_WITNESSES, "room in struct pl_java_archive");

/* Bits of what a class holds, in the order of its needles. */
enum { MANAGER_IN_LOOKUP = 1 };
enum { ALLOWED_HOSTS = 1, ENABLE_JNDI = 2, ENABLE_LOOKUP = 4, ENABLE_JDBC = 8 };
enum { DEFAULT_LOOKUPS = 1 };

static const struct {
    const char *end;        /* of the entry's name; relocation changes what stands before */
    const char *needles[4]; /* looked for in its bytes */
    bool version;           /* its one constant that looks like a version is the library's */
} witnesses[N_WITNESSES] = {
    [LOG4J_LOOKUP] = { "core/lookup/JndiLookup.class", { "JndiManager" }, false },
    [LOG4J_MANAGER] = { "core/net/JndiManager.class",
                        { "allowedLdapHosts", "log4j2.enableJndi", "isJndiLookupEnabled",
                          "isJndiJdbcEnabled" },
                        false },
    [FASTJSON] = { "fastjson/JSON.class", { NULL }, true },
    [TEXT_SCRIPT] = { "text/lookup/ScriptStringLookup.class", { NULL }, false },
    [TEXT_FACTORY] = { "text/lookup/StringLookupFactory.class",
                       { ".defaultStringLookups" },
                       false },
    [YAML_CONSTRUCTOR] = { "snakeyaml/constructor/SafeConstructor.class", { NULL }, false },
    [YAML_INSPECTOR] = { "snakeyaml/inspector/TagInspector.class", { NULL }, false },
};

int pl_java_witness(pl_span name, bool *wants)
{
    for (int i = 0; i < N_WITNESSES; i++) {
        pl_span end = pl_span_str(witnesses[i].end);
        if (!pl_span_ends(name, end) ||
            (name.len > end.len && name.ptr[name.len - end.len - 1] != '/'))
            continue;
        *wants = witnesses[i].needles[0] || witnesses[i].version;
        return i;
    }
    return -1;
}

/* ---- constants ---- */

/* Bytes behind the tag of a constant; -1: no such tag. */
static int constant_size(uint8_t tag)
{
    switch (tag) {
    case 7:
    case 8:
    case 16:
    case 19:
    case 20: return 2;
    case 15: return 3;
    case 3:
    case 4:
    case 9:
    case 10:
    case 11:
    case 12:
    case 17:
    case 18: return 4;
    case 5:
    case 6: return 8;
    default: return -1;
    }
}

/* "1.2.83", "1.1.34.android": three numbers or more at its head. */
static bool is_version(pl_span s)
{
    unsigned dots = 0;
    bool digit = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.' && digit && ++dots)
            digit = false;
        else if (c >= '0' && c <= '9')
            digit = true;
        else
            return dots >= 3 && !digit && s.len < 40 && c != '.';
    }
    return dots >= 2 && digit && s.len < 40;
}

/* The only text constant that is a version; empty when there are several or none. */
static pl_span version_constant(pl_span class_file)
{
    uint32_t magic;
    uint16_t major, minor, n, len;
    pl_span found = PL_SPAN_NONE, text, in = class_file;
    if (!pl_span_u32be(&in, &magic) || magic != 0xcafebabe || !pl_span_u16be(&in, &minor) ||
        !pl_span_u16be(&in, &major) || !pl_span_u16be(&in, &n))
        return PL_SPAN_NONE;
    for (unsigned i = 1; i < n; i++) {
        uint8_t tag;
        if (!pl_span_u8(&in, &tag))
            return PL_SPAN_NONE;
        if (tag == 1) {
            if (!pl_span_u16be(&in, &len) || !pl_span_take(&in, len, &text))
                return PL_SPAN_NONE;
            if (is_version(text) && found.len)
                return PL_SPAN_NONE;
            if (is_version(text))
                found = text;
            continue;
        }
        int size = constant_size(tag);
        if (size < 0 || !pl_span_skip(&in, (size_t)size))
            return PL_SPAN_NONE;
        i += size == 8; /* long and double take two places */
    }
    return found;
}

bool pl_java_read_witness(struct pl_java_archive *a, int witness, pl_span bytes)
{
    if (witness < 0 || witness >= N_WITNESSES)
        return true;
    for (unsigned i = 0; i < PL_COUNT(witnesses[0].needles); i++)
        if (witnesses[witness].needles[i] &&
            pl_span_find(bytes, pl_span_str(witnesses[witness].needles[i])) != SIZE_MAX)
            a->holds[witness] |= 1u << i;
    if (!witnesses[witness].version)
        return true;
    pl_span version = version_constant(bytes);
    return version.len == 0 || pl_arena_copy(&a->arena, version, &a->told[witness]);
}

/* ---- rules: the version; empty with a reason when it cannot be shown ---- */

static pl_span log4j_version(const struct pl_java_archive *a, const char **why)
{
    unsigned m = a->holds[LOG4J_MANAGER];
    if (!a->seen[LOG4J_MANAGER] && (a->holds[LOG4J_LOOKUP] & MANAGER_IN_LOOKUP)) {
        *why = "JndiManager.class, which shows it, is not there";
        return PL_SPAN_NONE;
    }
    if (m & ENABLE_JDBC) {
        *why = "2.17.1 or later (or 2.12.4, 2.3.2 or later of those lines)";
        return PL_SPAN_NONE;
    }
    if (m & ENABLE_LOOKUP)
        return PL_LIT("2.17.0"); /* or 2.12.3, 2.3.1, which lack the same */
    if (m & ENABLE_JNDI)
        return m & ALLOWED_HOSTS ? PL_LIT("2.16.0") : PL_LIT("2.12.2");
    if (m & ALLOWED_HOSTS)
        return PL_LIT("2.15.0");
    return a->seen[LOG4J_MANAGER] ? PL_LIT("2.14.1") : PL_LIT("2.0.2");
}

/* Releases 1.2.77 to 1.2.80 still say 1.2.76: never too high. */
static pl_span fastjson_version(const struct pl_java_archive *a, const char **why)
{
    *why = "its JSON.class does not tell it";
    return a->told[FASTJSON];
}

static pl_span text_version(const struct pl_java_archive *a, const char **why)
{
    *why = "1.10.0 or later";
    if (!a->seen[TEXT_FACTORY])
        *why = "StringLookupFactory.class, which shows it, is not there";
    else if (!(a->holds[TEXT_FACTORY] & DEFAULT_LOOKUPS))
        return PL_LIT("1.9"); /* script lookups came with 1.5 */
    return PL_SPAN_NONE;
}

static pl_span yaml_version(const struct pl_java_archive *a, const char **why)
{
    *why = "2.0 or later";
    return a->seen[YAML_INSPECTOR] ? PL_SPAN_NONE : PL_LIT("1.33");
}

static const struct {
    const char *group, *artifact;
    enum witness witness; /* the class without which it is of no interest */
    pl_span (*version)(const struct pl_java_archive *a, const char **why);
} libraries[] = {
    { "org.apache.logging.log4j", "log4j-core", LOG4J_LOOKUP, log4j_version },
    { "com.alibaba", "fastjson", FASTJSON, fastjson_version },
    { "org.apache.commons", "commons-text", TEXT_SCRIPT, text_version },
    { "org.yaml", "snakeyaml", YAML_CONSTRUCTOR, yaml_version },
};

pl_rc pl_java_classes(const struct pl_java_archive *a, pl_span path, struct pl_sink *out,
                      bool (*has)(void *ctx, pl_span artifact), pl_java_emit emit, void *ctx,
                      struct pl_err *err)
{
    for (size_t i = 0; i < PL_COUNT(libraries); i++) {
        pl_span artifact = pl_span_str(libraries[i].artifact);
        const char *why = NULL;
        if (!a->seen[libraries[i].witness] || has(ctx, artifact))
            continue;
        const struct pl_java_coord c = { pl_span_str(libraries[i].group), artifact,
                                         libraries[i].version(a, &why) };
        pl_rc rc = PL_OK;
        if (c.version.len)
            rc = emit(ctx, &c, true, err);
        else
            pl_sink_gap(out, path, "missing",
                        "classes of %s without its metadata; which version cannot be shown: %s",
                        libraries[i].artifact, why);
        if (rc)
            return rc;
    }
    return PL_OK;
}
