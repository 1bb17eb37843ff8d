/* vendor.c - packages that somebody else than the distribution built: its advisories do not
 * speak of them, and saying nothing about them would pass for "clean". */
#include <ctype.h>

#include "advisory/match.h"

/* dpkg's Maintainer of a distribution's package is a person or team, and there are thousands; so
 * the outsiders are listed instead. The parts are as their own packages write them. */
static const struct {
    const char *part, *name;
} outsiders[] = {
    { "@docker.com", "Docker" },
    { "Docker Inc", "Docker" },
    { "@nodesource.com", "NodeSource" },
    { "@elastic.co>", "Elastic" },
    { "@microsoft.com", "Microsoft" },
    { "Google LLC", "Google" },
    { "Google Inc", "Google" },
    { "Google, Inc", "Google" },
    { "Google Cloud", "Google" },
    { "Chrome Linux Team", "Google" },
    { "HashiCorp", "HashiCorp" },
    { "Grafana Labs", "Grafana Labs" },
    { "InfluxData", "InfluxData" },
    { "@influxdb.com", "InfluxData" },
    { "@influxdata.com", "InfluxData" },
    { "MongoDB Packaging", "MongoDB" },
    { "@mongodb.com", "MongoDB" },
    { "maria-developers@", "MariaDB" },
    { "developers@lists.mariadb.org", "MariaDB" },
    { "nginx-packaging@", "nginx.org" },
    { "NGINX Packaging", "nginx.org" },
    { "@gitlab.com", "GitLab" },
    { "Kubernetes Authors", "Kubernetes" },
    { "Tailscale Inc", "Tailscale" },
    { "@cloudflare.com", "Cloudflare" },
    { "@datadoghq.com", "Datadog" },
    { "@oracle.com>", "Oracle" },
    { "@oss.oracle.com", "Oracle" },
    { "@percona.com", "Percona" },
    { "@redis.com", "Redis" },
    { "@redislabs.com", "Redis" },
    { "@confluent.io", "Confluent" },
    { "@azul.com", "Azul" },
    { "Amazon Corretto", "Amazon Corretto" },
    { "@adoptium.net", "Eclipse Adoptium" },
    { "NVIDIA CORPORATION", "NVIDIA" },
    { "cudatools@nvidia.com", "NVIDIA" },
    { "@yarnpkg.com", "Yarn" },
    { "Yarn Developers", "Yarn" },
    { "@prometheus.io", "Prometheus" },
    { "@splunk.com", "Splunk" },
    { "@clickhouse.com", "ClickHouse" },
    { "ClickHouse Dev Team", "ClickHouse" },
    { "@neo4j.com", "Neo4j" },
    { "@couchbase.com", "Couchbase" },
};

static bool find_nocase(pl_span text, pl_span part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (pl_span_eq_nocase(pl_span_sub(text, i, part.len), part))
            return true;
    return false;
}

static pl_span outsider(const struct pl_package *p)
{
    /* apt.postgresql.org builds with Debian's own maintainers, but marks the version. */
    if (pl_span_find(p->version, PL_LIT(".pgdg")) != SIZE_MAX)
        return PL_LIT("apt.postgresql.org");
    for (size_t i = 0; i < PL_COUNT(outsiders); i++)
        if (pl_span_find(p->vendor, pl_span_str(outsiders[i].part)) != SIZE_MAX)
            return pl_span_str(outsiders[i].name);
    return PL_SPAN_NONE;
}

static bool is_own(pl_span vendor, pl_span own)
{
    pl_span part;
    while (pl_span_split(&own, '|', &part))
        if (part.len && find_nocase(vendor, part))
            return true;
    return false;
}

pl_span pl_third_party(const struct pl_package *p, const struct pl_distro *d)
{
    pl_span none = PL_SPAN_NONE, who = p->vendor.len ? p->vendor : PL_LIT("others");
    if (p->flags & PL_PACKAGE_THIRD_PARTY) {
        pl_span known = pl_span_eq(p->type, PL_LIT("deb")) ? outsider(p) : none;
        return known.len ? known : pl_keep(who, 100);
    }
    if (pl_span_eq(p->type, PL_LIT("deb")))
        return outsider(p);
    if (!pl_span_eq(p->type, PL_LIT("rpm")) || p->vendor.len == 0 || !d || !d->vendors ||
        pl_span_eq(p->vendor, PL_LIT("(none)")))
        return none;
    return is_own(p->vendor, pl_span_str(d->vendors)) ? none : pl_keep(p->vendor, 100);
}

/* One gap per vendor, with how many and which. */
struct third {
    pl_span vendor;
    uint64_t n;
    struct pl_gap *gap;
    pl_span names;
};

static struct third *third_of(struct pl_matcher *m, pl_span vendor)
{
    for (size_t i = 0; i < m->thirds.n; i++) {
        struct third *t = (struct third *)m->thirds.items + i;
        if (pl_span_eq(t->vendor, vendor))
            return t;
    }
    if (!m->thirds.size)
        m->thirds = PL_VEC(struct third);
    struct third *t = pl_vec_push(m->keep, &m->thirds);
    struct pl_gap *g = t ? pl_arena_alloc(m->keep, sizeof(*g)) : NULL;
    struct pl_gap **at = g ? pl_vec_push(m->keep, &m->gaps) : NULL;
    if (!at || !pl_arena_copy(m->keep, vendor, &t->vendor))
        return NULL;
    *g = (struct pl_gap){ .class_name = PL_LIT("os-vuln"),
                          .layer = -1,
                          .reason = PL_LIT("third-party") };
    t->gap = *at = g;
    return t;
}

pl_rc pl_third_party_note(struct pl_matcher *m, const struct pl_package *p, pl_span vendor,
                          struct pl_err *err)
{
    enum { NAMES_MAX = 8 };
    const struct pl_distro *d = m->inv->os.distro;
    struct third *t = third_of(m, vendor);
    if (!t)
        return pl_fail(err, PL_ELIMIT, "the report is full");
    t->n++;
    const char *names = t->names.ptr;
    if (t->n <= NAMES_MAX)
        names = pl_arena_printf(m->keep, "%s%s%.*s", t->n > 1 ? t->names.ptr : "",
                                t->n > 1 ? ", " : "", PL_FMT(p->name));
    char *detail =
        names ? pl_arena_printf(m->keep, "%llu package%s of %.*s %s not covered by %s: %s%s",
                                (unsigned long long)t->n, t->n == 1 ? "" : "s", PL_FMT(t->vendor),
                                t->n == 1 ? "is" : "are",
                                d && d->feeds ? d->feeds : "the distribution's advisories", names,
                                t->n > NAMES_MAX ? ", ..." : "")
              : NULL;
    if (!detail)
        return pl_fail(err, PL_ELIMIT, "the report is full");
    t->names = pl_span_str(names);
    t->gap->detail = pl_span_str(detail);
    return PL_OK;
}
