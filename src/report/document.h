/* document.h - what the formats for other tools have in common: the packages and scores behind a
 * finding, stable names, links, and text that fits its field. */
#pragma once
#include "base/json.h"
#include "report/format.h"

/* The package of a finding; NULL when it has none. */
const struct pl_package *pl_doc_package(const struct pl_report *r, const struct pl_finding *f);
/* The layer with that index; NULL when there is none. */
const struct pl_layer *pl_doc_layer(const struct pl_report *r, int64_t index);
/* The image, or one that is empty. */
const struct pl_image *pl_doc_image(const struct pl_report *r);
bool pl_doc_is_vuln(const struct pl_finding *f); /* class os-vuln or app-vuln */
/* Where it is: the finding's own path, else its package's; without a leading slash. */
pl_span pl_doc_path(const struct pl_report *r, const struct pl_finding *f);
/* A sentence for people: the title, else the first line of the description, else the cause. */
pl_span pl_doc_title(const struct pl_finding *f);

/* The highest CVSS base score that somebody gave; -1 none. */
double pl_doc_score(const struct pl_finding *f);
/* That score moved into the band of the finding's own severity, so that services that band by
 * score (critical from 9.0, high 7.0, medium 4.0, low 0.1) show the severity that we show; -1 when
 * the severity is unknown. */
double pl_doc_banded_score(const struct pl_finding *f);

/* "https://nvd.nist.gov/vuln/detail/CVE-..." or GitHub's page of a GHSA, else the first reference
 * that is a link; empty when none is. In a. */
pl_span pl_doc_link(const struct pl_finding *f, struct pl_arena *a);
/* Only http and https, and only bytes that need no escape anywhere. */
bool pl_doc_is_link(pl_span url);
/* "openssl 3.0.11-1~deb12u1" */
pl_span pl_doc_package_text(const struct pl_package *p, struct pl_arena *a);

/* "YYYY-MM-DDThh:mm:ssZ" without a fraction; what is no such time becomes 1970's first second. */
pl_span pl_doc_time(pl_span rfc3339, struct pl_arena *a);
/* A UUID of version 8 (RFC 9562) made of the first bytes of a hash: the same text, the same UUID.
 */
void pl_doc_uuid(pl_span text, char out[37]);
/* The first n hex digits of the SHA-256 of text. */
pl_span pl_doc_hash(pl_span text, size_t n, struct pl_arena *a);
/* What a document is about: the same report has the same name, another another. generated_at is
 * part of it, because two documents of two days are two documents. */
pl_span pl_doc_identity(const struct pl_report *r, const char *format, struct pl_arena *a);
/* The beginning of text, cut between characters, at most `most` bytes with "..." behind it. */
pl_span pl_doc_cut(pl_span text, size_t most, struct pl_arena *a);

/* "linux/arm64/v8"; empty when the image does not say. */
pl_span pl_doc_platform(const struct pl_image *i, struct pl_arena *a);
/* "Debian GNU/Linux 12 (bookworm)", "debian 12", or empty. */
pl_span pl_doc_os(const struct pl_report *r, struct pl_arena *a);
/* "var/lib/x in layer 2: encrypted: detail", a gap in one line. */
pl_span pl_doc_gap(const struct pl_gap *g, struct pl_arena *a);
/* Findings that are not vulnerabilities, for formats that have no place for them. */
size_t pl_doc_others(const struct pl_report *r);

/* Is it an SPDX licence expression of identifiers that we know? */
bool pl_license_known(pl_span expression);

/* & < > " ' become entities; characters that XML 1.0 forbids are left out; bytes that are no UTF-8
 * become U+FFFD. Right inside text and inside quoted attributes, of XML and of HTML. */
void pl_markup_add(struct pl_buf *b, pl_span text);
/* The same without entities: text for formats that escape in their own way. */
void pl_clean_add(struct pl_buf *b, pl_span text);
/* Percent-encoded but for unreserved characters and '/'. */
void pl_doc_uri_path(struct pl_buf *b, pl_span path);
