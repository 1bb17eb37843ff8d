/* Which release a condition of an OVAL tree asks for: two tables, one of what people read in the
 * comments ("SUSE Linux Enterprise Server 15 SP4 is installed"), one of release packages. */
#include "feed/oval.h"

#include <ctype.h>

enum form {
    FORM_MAJOR,  /* "8.4" -> 8 */
    FORM_AS_IS,  /* "15.3", "20.04" */
    FORM_DOT_0,  /* "3" -> 3.0 */
    FORM_SP,     /* "15 SP4-LTSS" -> 15.4, channel "ltss" */
    FORM_MODULE, /* "Basesystem 15 SP4": the number is not first */
    FORM_EULER,  /* "22.03 LTS SP1" and "22.03-LTS-SP1" */
    FORM_NONE,   /* the family is the stream */
    FORM_OTHER,  /* known, and none of those we judge */
};

/* The first prefix that fits wins, so longer ones stand first. */
static const struct {
    const char *prefix, *family;
    enum form form;
} platforms[] = {
    { "Red Hat Enterprise Linux AS ", "rhel", FORM_MAJOR },
    { "Red Hat Enterprise Linux ES ", "rhel", FORM_MAJOR },
    { "Red Hat Enterprise Linux ", "rhel", FORM_MAJOR },
    { "Red Hat CoreOS", "", FORM_OTHER },
    { "AlmaLinux ", "almalinux", FORM_MAJOR },
    { "Rocky Linux ", "rocky", FORM_MAJOR },
    { "Oracle Linux ", "ol", FORM_MAJOR },
    { "Photon OS ", "photon", FORM_DOT_0 },
    { "Photon ", "photon", FORM_DOT_0 },
    { "Anolis OS ", "anolis", FORM_MAJOR },
    { "Alibaba Cloud Linux (Aliyun Linux) ", "alinux", FORM_MAJOR },
    { "Alibaba Cloud Linux ", "alinux", FORM_MAJOR },
    { "Aliyun Linux ", "alinux", FORM_MAJOR },
    { "openEuler", "openeuler", FORM_EULER },
    { "Debian GNU/Linux ", "debian", FORM_MAJOR },
    { "Debian ", "debian", FORM_MAJOR },
    { "Ubuntu Pro FIPS-updates ", "ubuntu", FORM_AS_IS },
    { "Ubuntu ", "ubuntu", FORM_AS_IS },
    { "openSUSE Leap Micro ", "opensuse-leap-micro", FORM_AS_IS },
    { "openSUSE Leap ", "opensuse-leap", FORM_AS_IS },
    { "openSUSE Tumbleweed", "opensuse-tumbleweed", FORM_NONE },
    { "openSUSE ", "opensuse", FORM_AS_IS },
    { "SUSE Linux Enterprise Server for ", "", FORM_OTHER },
    { "SUSE Linux Enterprise Server ", "sles", FORM_SP },
    { "SUSE Linux Enterprise Micro ", "sle-micro", FORM_AS_IS },
    { "SUSE Linux Micro ", "sle-micro", FORM_AS_IS },
    /* Modules are SLES's own repositories; a container gets them without their release package. */
    { "SUSE Linux Enterprise Module for ", "sles", FORM_MODULE },
    { "SUSE ", "", FORM_OTHER },
    { "Open Enterprise Server ", "", FORM_OTHER },
    { "Oracle VM ", "", FORM_OTHER },
    { "Oracle Automation ", "", FORM_OTHER },
};

static const struct {
    const char *package, *family;
    enum form form;
} releases[] = {
    { "redhat-release", "rhel", FORM_MAJOR },
    { "almalinux-release", "almalinux", FORM_MAJOR },
    { "rocky-release", "rocky", FORM_MAJOR },
    { "oraclelinux-release", "ol", FORM_MAJOR },
    { "enterprise-release", "ol", FORM_MAJOR },
    { "photon-release", "photon", FORM_DOT_0 },
    { "anolis-release", "anolis", FORM_MAJOR },
    { "alinux-release", "alinux", FORM_MAJOR },
    { "openEuler-release", "openeuler", FORM_EULER },
    { "azurelinux-release", "azurelinux", FORM_AS_IS },
    { "mariner-release", "mariner", FORM_AS_IS },
    { "sles-release", "sles", FORM_AS_IS },
    { "SLE-Micro-release", "sle-micro", FORM_AS_IS },
    { "SL-Micro-release", "sle-micro", FORM_AS_IS },
    { "SUSE-MicroOS-release", "sle-micro", FORM_AS_IS },
    { "openSUSE-Leap-release", "opensuse-leap", FORM_AS_IS },
    { "Leap-release", "opensuse-leap", FORM_AS_IS },
    { "Leap-Micro-release", "opensuse-leap-micro", FORM_AS_IS },
    { "suse-release", "", FORM_OTHER },
};

static const struct {
    const char *tag, *stream;
} dist_tags[] = {
    { ".azl3", "azurelinux:3.0" },
    { ".cm2", "mariner:2.0" },
    { ".cm1", "mariner:1.0" },
    { ".cm3", "mariner:3.0" },
};

pl_span pl_oval_dist_stream(pl_span version)
{
    for (size_t i = 0; i < PL_COUNT(dist_tags); i++)
        if (pl_span_find(version, pl_span_str(dist_tags[i].tag)) != SIZE_MAX)
            return pl_span_str(dist_tags[i].stream);
    return PL_SPAN_NONE;
}

/* Digits and dots at the beginning; what follows stays in *in. */
static pl_span take_number(pl_span *in)
{
    size_t n = 0;
    while (n < in->len &&
           (isdigit((unsigned char)in->ptr[n]) ||
            (in->ptr[n] == '.' && n + 1 < in->len && isdigit((unsigned char)in->ptr[n + 1]))))
        n++;
    pl_span number = pl_span_sub(*in, 0, n);
    *in = pl_span_from(*in, n);
    return number;
}

static pl_span join(struct pl_arena *a, const char *family, pl_span release, const char *tail)
{
    const char *text = pl_arena_printf(a, "%s:%.*s%s", family, PL_FMT(release), tail);
    return pl_span_str(text);
}

/* "15 SP4-LTSS", "15", "12 SP3-TERADATA". */
static bool service_pack(const char *family, pl_span rest, struct pl_arena *a,
                         struct oval_place *out)
{
    pl_span major = take_number(&rest);
    if (!major.len)
        return false;
    char sp[16] = "";
    if (pl_span_skip_lit(&rest, PL_LIT(" SP"))) {
        pl_span n = take_number(&rest);
        if (n.len && n.len < 6)
            snprintf(sp, sizeof(sp), ".%.*s", PL_FMT(n));
    }
    if (pl_span_skip_lit(&rest, PL_LIT("-")) || pl_span_skip_lit(&rest, PL_LIT(" "))) {
        pl_span word = PL_SPAN_NONE;
        pl_span_word(&rest, &word);
        char *lower = pl_arena_str(a, word);
        for (char *p = lower; p && *p; p++)
            *p = (char)tolower((unsigned char)*p);
        out->channel = pl_span_str(lower);
    }
    out->stream = join(a, family, major, sp);
    return true;
}

/* openEuler writes "22.03 LTS SP1", "22.03-LTS-SP1", "openEuler-20.03-LTS". */
static bool euler(const char *family, pl_span rest, struct pl_arena *a, struct oval_place *out)
{
    if (rest.len && (rest.ptr[0] == '-' || rest.ptr[0] == ' '))
        rest = pl_span_from(rest, 1);
    if (!rest.len || !isdigit((unsigned char)rest.ptr[0]))
        return false;
    char *text = pl_arena_str(a, rest);
    for (char *p = text; p && *p; p++)
        if (*p == ' ' || *p == '_')
            *p = '-';
    out->stream = join(a, family, pl_span_str(text), "");
    return true;
}

static pl_span module_number(pl_span rest)
{
    for (size_t i = 1; i < rest.len; i++)
        if (rest.ptr[i - 1] == ' ' && isdigit((unsigned char)rest.ptr[i]))
            return pl_span_from(rest, i);
    return PL_SPAN_NONE;
}

static bool stream_of(const char *family, enum form form, pl_span rest, struct pl_arena *a,
                      struct oval_place *out)
{
    if (form == FORM_NONE) {
        out->stream = pl_span_str(family);
        return true;
    }
    if (form == FORM_SP)
        return service_pack(family, rest, a, out);
    if (form == FORM_MODULE)
        return service_pack(family, module_number(rest), a, out);
    if (form == FORM_EULER)
        return euler(family, rest, a, out);
    pl_span number = take_number(&rest);
    if (!number.len)
        return false;
    if (form == FORM_MAJOR)
        number = pl_span_sub(number, 0, pl_span_chr(number, '.'));
    bool dot = form == FORM_DOT_0 && pl_span_chr(number, '.') == SIZE_MAX;
    out->stream = join(a, family, number, dot ? ".0" : "");
    return true;
}

enum oval_is pl_oval_platform(pl_span text, struct pl_arena *a, struct oval_place *out)
{
    text = pl_span_trim(text);
    while (pl_span_ends(text, PL_LIT(".")))
        text.len--;
    if (pl_span_ends(text, PL_LIT(" is installed")))
        text.len -= sizeof(" is installed") - 1;
    for (size_t i = 0; i < PL_COUNT(platforms); i++) {
        pl_span rest = text;
        if (!pl_span_skip_lit(&rest, pl_span_str(platforms[i].prefix)))
            continue;
        struct oval_place place = { 0 };
        if (platforms[i].form == FORM_OTHER)
            return OVAL_IS_UNKNOWN_PLATFORM;
        if (!stream_of(platforms[i].family, platforms[i].form, rest, a, &place))
            return OVAL_IS_NO_PLATFORM;
        if (pl_span_starts(text, PL_LIT("Ubuntu Pro FIPS")))
            place.channel = PL_LIT("fips-updates");
        *out = place;
        return OVAL_IS_PLATFORM;
    }
    return OVAL_IS_NO_PLATFORM;
}

/* openSUSE's products share the name of their release package; their numbers tell them apart:
 * Leap is 15 and later or 42, Leap Micro 5 and 6, Tumbleweed a date, what was before Leap 10-13. */
static bool opensuse(pl_span version, struct pl_arena *a, struct oval_place *out)
{
    uint64_t major = 0;
    if (!pl_span_decimal(pl_span_sub(version, 0, pl_span_chr(version, '.')), 99999999, &major))
        return false;
    if (major >= 20000000)
        out->stream = PL_LIT("opensuse-tumbleweed");
    else
        out->stream = join(a,
                           major >= 15  ? "opensuse-leap"
                           : major < 10 ? "opensuse-leap-micro"
                                        : "opensuse",
                           version, "");
    return true;
}

enum oval_is pl_oval_release(pl_span package, pl_span version, struct pl_arena *a,
                             struct oval_place *out)
{
    if (pl_span_find(package, PL_LIT("-release")) == SIZE_MAX)
        return OVAL_IS_NO_PLATFORM;
    pl_span_skip_lit(&package, PL_LIT("^")); /* rpmverifyfile asks with a pattern */
    pl_span_skip_lit(&version, PL_LIT("^"));
    struct oval_place place = { 0 };
    if (pl_span_eq(package, PL_LIT("openSUSE-release"))) {
        if (!opensuse(take_number(&version), a, &place))
            return OVAL_IS_UNKNOWN_PLATFORM;
        *out = place;
        return OVAL_IS_PLATFORM;
    }
    for (size_t i = 0; i < PL_COUNT(releases); i++) {
        if (!pl_span_eq(package, pl_span_str(releases[i].package)))
            continue;
        if (releases[i].form == FORM_OTHER ||
            !stream_of(releases[i].family, releases[i].form, version, a, &place))
            break;
        *out = place;
        return OVAL_IS_PLATFORM;
    }
    return OVAL_IS_UNKNOWN_PLATFORM;
}
