/* nearest.h - "did you mean ...?": the word of a list that is nearest to what was typed. */
#pragma once
#include "base/span.h"

/* NULL when none is near. Words of more than 40 bytes are near to nothing. */
const char *pl_nearest(pl_span typed, const char *const *words, size_t n);
