#include "model/advisory.h"
#include "model/report.h"

/* The words of every closed set of the model, each list in the order of its enum. */
static const char *const severities[] = { "unknown", "negligible", "low",
                                          "medium",  "high",       "critical" };
static const char *const statuses[] = {
    "fixed",        "affected",    "not_affected",       "will_not_fix",
    "fix_deferred", "end_of_life", "under_investigation"
};
static const char *const classes[] = { "os-vuln",  "app-vuln", "malware", "sensitive",
                                       "baseline", "build",    "trust" };
static const char *const priorities[] = { "low", "medium", "high" };
static const char *const coverages[] = { "assessed", "partial", "unsupported", "end_of_life",
                                         "skipped" };

static bool find_word(const char *const *words, size_t n, pl_span word, size_t *at)
{
    for (*at = 0; *at < n; ++*at)
        if (pl_span_eq(pl_span_str(words[*at]), word))
            return true;
    return false;
}

const char *pl_severity_text(enum pl_severity s) { return severities[s]; }
const char *pl_status_text(enum pl_status s) { return statuses[s]; }
const char *pl_class_text(enum pl_class c) { return classes[c]; }
const char *pl_priority_text(enum pl_priority p) { return priorities[p]; }
const char *pl_coverage_text(enum pl_coverage_state s) { return coverages[s]; }

bool pl_class_parse(pl_span word, enum pl_class *out)
{
    size_t at;
    if (!find_word(classes, PL_COUNT(classes), word, &at))
        return false;
    *out = (enum pl_class)at;
    return true;
}

bool pl_status_parse(pl_span word, enum pl_status *out)
{
    size_t at;
    if (!find_word(statuses, PL_COUNT(statuses), word, &at))
        return false;
    *out = (enum pl_status)at;
    return true;
}

enum pl_severity pl_severity_parse(pl_span word)
{
    /* Publishers' words: Red Hat, SUSE, Oracle, Amazon say important and moderate; Debian
     * unimportant; GitHub moderate; Alpine and NVD the plain ones. */
    static const struct {
        const char *word;
        enum pl_severity severity;
    } words[] = {
        { "critical", PL_SEVERITY_CRITICAL },
        { "important", PL_SEVERITY_HIGH },
        { "high", PL_SEVERITY_HIGH },
        { "moderate", PL_SEVERITY_MEDIUM },
        { "medium", PL_SEVERITY_MEDIUM },
        { "low", PL_SEVERITY_LOW },
        { "minor", PL_SEVERITY_LOW },
        { "negligible", PL_SEVERITY_NEGLIGIBLE },
        { "unimportant", PL_SEVERITY_NEGLIGIBLE },
        { "none", PL_SEVERITY_NEGLIGIBLE },
        { "urgent", PL_SEVERITY_CRITICAL },
    };
    for (size_t i = 0; i < PL_COUNT(words); i++)
        if (pl_span_eq_nocase(pl_span_str(words[i].word), word))
            return words[i].severity;
    return PL_SEVERITY_UNKNOWN;
}

/* CVSS 3.1, section 5: qualitative severity rating scale. */
enum pl_severity pl_severity_of_score(double score)
{
    if (score < 0)
        return PL_SEVERITY_UNKNOWN;
    if (score >= 9.0)
        return PL_SEVERITY_CRITICAL;
    if (score >= 7.0)
        return PL_SEVERITY_HIGH;
    if (score >= 4.0)
        return PL_SEVERITY_MEDIUM;
    return score > 0 ? PL_SEVERITY_LOW : PL_SEVERITY_NEGLIGIBLE;
}

bool pl_is_cve(pl_span s)
{
    if (s.len < 10 || s.len > 24 || !pl_span_starts(s, PL_LIT("CVE-")) || s.ptr[8] != '-')
        return false;
    for (size_t i = 4; i < s.len; i++)
        if (i != 8 && (s.ptr[i] < '0' || s.ptr[i] > '9'))
            return false;
    return true;
}
