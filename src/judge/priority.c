#include "judge/priority.h"

#include "base/buf.h"

/* EPSS is the chance of being attacked within thirty days. Its own authors' figures: one in ten
 * and above is about the top 4 % of all vulnerabilities. */
static const double EPSS_LIKELY = 0.10;

static bool is_vulnerability(const struct pl_finding *f)
{
    return f->class_id == PL_CLASS_OS_VULN || f->class_id == PL_CLASS_APP_VULN;
}

static enum pl_priority of_severity(enum pl_severity s)
{
    if (s >= PL_SEVERITY_HIGH)
        return PL_PRIORITY_HIGH;
    return s == PL_SEVERITY_MEDIUM ? PL_PRIORITY_MEDIUM : PL_PRIORITY_LOW;
}

/* What lowers a finding whatever its severity; NULL: nothing. */
static const char *lowered(const struct pl_finding *f, const struct pl_package *p)
{
    if (p && (p->flags & PL_PACKAGE_KERNEL_HEADERS))
        return "only the kernel's headers are in the image";
    if (f->known_exploited)
        return NULL;
    if (f->severity == PL_SEVERITY_NEGLIGIBLE)
        return "negligible";
    if (f->status == PL_STATUS_WILL_NOT_FIX)
        return "the publisher will not fix it";
    return NULL;
}

struct rating {
    enum pl_priority priority;
    const char *why;
};

/* docs/priority.md has the same rules in the same order: the first that holds decides. */
static struct rating rate(const struct pl_finding *f, const struct pl_package *p)
{
    bool fix = f->status == PL_STATUS_FIXED, likely = f->epss >= EPSS_LIKELY;
    const char *low = lowered(f, p);
    if (low)
        return (struct rating){ PL_PRIORITY_LOW, low };
    if (f->known_exploited)
        return (struct rating){ PL_PRIORITY_HIGH, f->ransomware
                                                      ? "exploited by ransomware (CISA KEV)"
                                                      : "known to be exploited (CISA KEV)" };
    if (f->severity == PL_SEVERITY_CRITICAL && fix)
        return (struct rating){ PL_PRIORITY_HIGH, "critical, and a fix is at hand" };
    if (f->severity >= PL_SEVERITY_HIGH && likely)
        return fix ? (struct rating){ PL_PRIORITY_HIGH,
                                      "likely to be exploited, and a fix is at hand" }
                   : (struct rating){ PL_PRIORITY_MEDIUM, "likely to be exploited, no fix yet" };
    if (f->severity >= PL_SEVERITY_HIGH)
        return (struct rating){ PL_PRIORITY_MEDIUM, fix ? "a fix is at hand" : "no fix yet" };
    if (f->severity == PL_SEVERITY_MEDIUM && likely)
        return (struct rating){ PL_PRIORITY_MEDIUM, "likely to be exploited" };
    if (f->severity == PL_SEVERITY_UNKNOWN && fix)
        return (struct rating){ PL_PRIORITY_MEDIUM, "nobody has rated it, and a fix is at hand" };
    return (struct rating){ PL_PRIORITY_LOW, fix ? "a fix is at hand" : "no fix yet" };
}

bool pl_prioritise(struct pl_finding *f, const struct pl_package *package, struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    struct rating r = { of_severity(f->severity), "" };
    if (is_vulnerability(f))
        r = rate(f, package);
    pl_buf_printf(&b, "%s severity", pl_severity_text(f->severity));
    if (is_vulnerability(f)) {
        pl_buf_printf(&b, "; %s", r.why);
        if (f->epss >= 0)
            pl_buf_printf(&b, "; EPSS %.1f %%", f->epss * 100);
    }
    f->priority = r.priority;
    return !b.failed && pl_arena_copy(keep, pl_buf_span(&b), &f->priority_reason);
}
