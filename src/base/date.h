/* date.h - days of the calendar, out of dates as publishers and people write them. */
#pragma once
#include "base/span.h"

/* Days since 1970-01-01 of the date in front of an RFC 3339 text, or of "2026-03-01"; false when
 * it is none. */
bool pl_date_days(pl_span date, int64_t *out);
