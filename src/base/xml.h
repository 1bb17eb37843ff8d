/* xml.h - XML as a stream of elements, for documents from outside.
 *
 * A thin layer over expat. What makes XML dangerous is refused, not configured: a document that
 * declares an entity is PL_EFORMAT (no "billion laughs", no external file is ever opened), nesting
 * deeper than the ceiling and one token longer than the ceiling are PL_ELIMIT. Names come without
 * their namespace prefix, because publishers choose prefixes freely and mean the same elements.
 * Spec: XML 1.0 (fifth edition); Namespaces in XML 1.0. */
#pragma once
#include "base/json.h" /* struct pl_reader */

#define PL_XML_DEPTH 200 /* the deepest real feed has 20 */
#define PL_XML_TEXT                                                                                \
    ((size_t)1 << 20) /* of one element; the rest is dropped: only prose is longer */
#define PL_XML_TOKEN ((size_t)16 << 20)

struct pl_xml_attrs {
    const char *const *pairs; /* name, value, ..., NULL */
};
/* Value of the attribute (prefix ignored), empty when absent. Borrowed for the call. */
pl_span pl_xml_attr(const struct pl_xml_attrs *a, const char *name);

struct pl_xml_events {
    /* An element begins. depth: 1 for the root. NULL fine. */
    pl_rc (*open)(void *ctx, pl_span name, const struct pl_xml_attrs *attrs, unsigned depth,
                  struct pl_err *err);
    /* It ends. text: the characters since the last tag, trimmed: all of them in an element
     * without children. Borrowed for the call. NULL fine. */
    pl_rc (*close)(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err);
    /* Asked at each element's begin: false drops text and attributes unread until its end, and
     * neither it nor what is in it is reported. NULL: everything is wanted. */
    bool (*want)(void *ctx, pl_span name, unsigned depth);
};

/* Read one document to its end, or until an event answers something other than PL_OK, which is
 * returned as it is. err: line and column are in front of the cause when the XML is broken.
 * An event that wants no more, and no error, sets *stop; NULL when nobody does. */
pl_rc pl_xml_read(struct pl_reader *in, const struct pl_xml_events *events, void *ctx,
                  const bool *stop, struct pl_err *err) PL_CHECKED;
