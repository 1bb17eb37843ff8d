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

/* ---- exposure ---- */

/* Names of packages or of their sources; one that ends in "*" begins so. Services that listen, and
 * the libraries that read what came over the wire for them. */
static const char *const network_names[] = {
    /* the web */
    "nginx*",
    "apache2*",
    "httpd*",
    "lighttpd",
    "caddy",
    "haproxy",
    "envoy*",
    "traefik",
    "varnish*",
    "squid*",
    "tomcat*",
    "jetty*",
    "org.apache.tomcat:*",
    "org.apache.tomcat.embed:*",
    "org.eclipse.jetty:*",
    "io.netty:*",
    "io.undertow:*",
    "php-fpm*",
    "php*-fpm",
    "nodejs",
    "node",
    "gunicorn",
    "uvicorn",
    "werkzeug",
    "express",
    /* cryptography and protocols on the wire */
    "openssl*",
    "libssl*",
    "gnutls*",
    "libgnutls*",
    "nss",
    "mbedtls*",
    "wolfssl*",
    "nghttp2*",
    "libnghttp2*",
    "curl",
    "libcurl*",
    "krb5",
    "libssh*",
    "stdlib",
    /* entry, mail, names, files */
    "openssh*",
    "dropbear*",
    "vsftpd",
    "proftpd*",
    "pure-ftpd*",
    "samba*",
    "rsync",
    "exim*",
    "postfix*",
    "sendmail*",
    "dovecot*",
    "bind",
    "bind9*",
    "unbound*",
    "dnsmasq*",
    "pdns*",
    "openvpn",
    "strongswan*",
    /* data and messages */
    "redis*",
    "valkey*",
    "memcached",
    "mysql-server*",
    "mysql-community-server*",
    "mariadb-server*",
    "mariadb*",
    "postgresql*",
    "mongodb*",
    "mongodb-org-server",
    "elasticsearch*",
    "opensearch*",
    "rabbitmq-server",
    "kafka*",
    "activemq*",
    "zookeeper*",
    "cassandra",
    "couchdb",
    "influxdb*",
    "clickhouse*",
    "etcd*",
    "consul",
    "vault",
    "minio",
    "nats-server",
    "mosquitto*",
    /* tools of operation */
    "jenkins*",
    "grafana*",
    "prometheus*",
    "docker*",
    "containerd*",
    "cups*",
    "nacos*",
    "solr*",
    "hadoop*",
};

static bool is_network_name(pl_span name)
{
    for (size_t i = 0; name.len && i < PL_COUNT(network_names); i++) {
        pl_span known = pl_span_str(network_names[i]);
        bool begins = pl_span_ends(known, PL_LIT("*"));
        if (begins)
            known.len--;
        if (begins ? pl_span_starts(name, known) : pl_span_eq(name, known))
            return true;
    }
    return false;
}

bool pl_speaks_network(const struct pl_package *p)
{
    return p && (is_network_name(p->name) || is_network_name(p->source_name));
}

/* Can it be attacked from afar? Where somebody has scored it, by the vector: "AV:N" in all
 * versions of CVSS. Where nobody has, it is not ruled out. */
static bool from_afar(const struct pl_finding *f)
{
    bool scored = false;
    for (size_t i = 0; i < f->n_cvss; i++) {
        scored = scored || f->cvss[i].vector.len;
        if (pl_span_find(f->cvss[i].vector, PL_LIT("AV:N")) != SIZE_MAX)
            return true;
    }
    return !scored;
}

static bool is_exposed(const struct pl_finding *f, const struct pl_package *p,
                       const struct pl_image *image)
{
    return image && image->config.n_exposed_ports && pl_speaks_network(p) && from_afar(f);
}

/* "; it speaks to the network, and the image exposes 80/tcp and 2 more" */
static void say_exposure(const struct pl_image *image, struct pl_buf *b)
{
    const struct pl_config *c = &image->config;
    pl_buf_printf(b, "; it speaks to the network, and the image exposes %.*s",
                  PL_FMT(pl_span_sub(c->exposed_ports[0], 0, 32)));
    if (c->n_exposed_ports > 1)
        pl_buf_printf(b, " and %zu more", c->n_exposed_ports - 1);
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
static struct rating rate(const struct pl_finding *f, const struct pl_package *p, bool exposed)
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
    if (f->severity >= PL_SEVERITY_HIGH && exposed && fix)
        return (struct rating){ PL_PRIORITY_HIGH, "exposed, and a fix is at hand" };
    if (f->severity >= PL_SEVERITY_HIGH)
        return (struct rating){ PL_PRIORITY_MEDIUM, fix ? "a fix is at hand" : "no fix yet" };
    if (f->severity == PL_SEVERITY_MEDIUM && likely)
        return (struct rating){ PL_PRIORITY_MEDIUM, "likely to be exploited" };
    if (f->severity == PL_SEVERITY_MEDIUM && exposed && fix)
        return (struct rating){ PL_PRIORITY_MEDIUM, "exposed, and a fix is at hand" };
    if (f->severity == PL_SEVERITY_UNKNOWN && fix)
        return (struct rating){ PL_PRIORITY_MEDIUM, "nobody has rated it, and a fix is at hand" };
    return (struct rating){ PL_PRIORITY_LOW, fix ? "a fix is at hand" : "no fix yet" };
}

bool pl_prioritise(struct pl_finding *f, const struct pl_package *package,
                   const struct pl_image *image, struct pl_arena *keep)
{
    bool exposed = is_vulnerability(f) && is_exposed(f, package, image);
    PL_AUTO(buf) struct pl_buf b = { 0 };
    struct rating r = { of_severity(f->severity), "" };
    if (is_vulnerability(f))
        r = rate(f, package, exposed);
    pl_buf_printf(&b, "%s severity", pl_severity_text(f->severity));
    if (is_vulnerability(f)) {
        pl_buf_printf(&b, "; %s", r.why);
        if (f->epss >= 0)
            pl_buf_printf(&b, "; EPSS %.1f %%", f->epss * 100);
        if (exposed)
            say_exposure(image, &b);
    }
    f->priority = r.priority;
    return !b.failed && pl_arena_copy(keep, pl_buf_span(&b), &f->priority_reason);
}
