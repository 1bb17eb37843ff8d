/* groups.h - findings by source package, as people mend them: one upgrade closes all of a group. */
#pragma once
#include "base/arena.h"
#include "model/report.h"

struct pl_group {
    enum pl_class class_id;
    pl_span name, version;     /* of the source package; without a package: id and path */
    enum pl_severity severity; /* the worst */
    enum pl_priority priority; /* the highest */
    bool known_exploited;
    double epss;                     /* the highest; < 0: unknown */
    const struct pl_finding **leads; /* one finding per vulnerability, what matters most first */
    size_t n_leads;
    size_t n_findings, n_fixed; /* a vulnerability in three binary packages counts three */
    size_t n_leads_fixed;
    const struct pl_package **packages; /* binary packages, each once, in the report's order */
    size_t n_packages;
    pl_span fixed_version; /* the highest that a lead names; empty: no fix */
    pl_span command, caution;
    enum pl_status status; /* of the first lead */
    int32_t layer;         /* of the first lead; -1 none */
    bool several_layers;
};

struct pl_groups {
    struct pl_group *items; /* what to do first, first */
    size_t n;
    const struct pl_package **upgradable; /* all packages that an OS fix command names */
    size_t n_upgradable;
    size_t n_upgradable_findings;
};

/* Suppressed findings are left out. Text is the report's. False when memory ends. */
bool pl_groups_make(const struct pl_report *r, struct pl_arena *a, struct pl_groups *out);
