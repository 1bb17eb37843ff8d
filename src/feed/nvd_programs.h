/* nvd_programs.h - NVD's configurations, for the programs that rules/programs/ knows. Private to
 * the room. */
#pragma once
#include "base/map.h"
#include "feed/record.h"

/* "vendor:product" -> the packages so called here. */
struct pl_products {
    struct pl_map map;
    struct pl_arena arena;
};
pl_rc pl_products_init(struct pl_products *t, struct pl_err *err) PL_CHECKED;
void pl_products_done(struct pl_products *t);

/* Rows of stream "generic" into the record: nothing is added when none of the products is named.
 */
void pl_nvd_programs(struct pl_products *t, const json_t *cve, struct pl_record *r);
