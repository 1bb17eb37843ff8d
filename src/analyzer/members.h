/* members.h - JSON walked in place: members of an object, elements of an array, without a tree.
 *
 * For files of which two fields are wanted and of which there are fifty thousand. Nothing but
 * strings, nesting and separators is checked; depth is a number, never the stack; a walk costs the
 * length of what is walked. Spec: RFC 8259. */
#pragma once
#include "base/arena.h"
#include "base/span.h"

struct pl_members {
    pl_span in;
    bool object, begun;
    bool broken; /* it ended before its bracket, or a separator was missing */
};

/* value: raw text of an object or array, white space or a byte order mark before it is fine. False
 * when it is neither. */
bool pl_members_open(pl_span value, struct pl_members *m);
/* Key (without quotes, escapes kept; empty in an array) and raw text of the value, both borrowed.
 * False at the end or where it breaks. */
bool pl_members_next(struct pl_members *m, pl_span *key, pl_span *value);

/* A member of an object by its name; empty when absent. Of several the last counts, as in node. */
pl_span pl_member(pl_span object, const char *key);
/* The text of a string, decoded into a where it has escapes; empty when it is no string. */
pl_span pl_member_text(pl_span value, struct pl_arena *a);
/* The strings of an array (or the one string) with ", " between them: how licences are listed. */
pl_span pl_member_list(pl_span value, struct pl_arena *a);
