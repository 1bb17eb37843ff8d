#include "base/date.h"

bool pl_date_days(pl_span date, int64_t *out)
{
    uint64_t y, m, d;
    if (date.len < 10 || date.ptr[4] != '-' || date.ptr[7] != '-' ||
        !pl_span_decimal(pl_span_sub(date, 0, 4), 9999, &y) ||
        !pl_span_decimal(pl_span_sub(date, 5, 2), 12, &m) ||
        !pl_span_decimal(pl_span_sub(date, 8, 2), 31, &d) || m == 0 || d == 0)
        return false;
    /* Days before the year and month of the proleptic Gregorian calendar, March first. */
    int64_t year = (int64_t)y - (m <= 2), era = (year >= 0 ? year : year - 399) / 400;
    int64_t in_era = year - era * 400;
    int64_t in_year = (153 * ((int64_t)m + (m > 2 ? -3 : 9)) + 2) / 5 + (int64_t)d - 1;
    *out = era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
    return true;
}
