/* ignore.h - the ignore file: findings that somebody has looked at and accepted, with the reason
 * and the day until which that holds. docs/ignore.md describes it for people. */
#pragma once
#include "base/log.h"
#include "model/report.h"

struct pl_ignores;

/* YAML; what is wrong with it is PL_EFORMAT with line and column. A file that is not there is
 * PL_EABSENT. */
pl_rc pl_ignores_read(const char *file, struct pl_ignores **out, struct pl_err *err) PL_CHECKED;
void pl_ignores_free(struct pl_ignores *i);
PL_AUTO_DEFINE(ignores, struct pl_ignores *, pl_ignores_free)
size_t pl_ignores_count(const struct pl_ignores *i);

/* Suppresses what an entry names and nothing has suppressed before. An entry whose day has passed
 * (by the report's generated_at) suppresses nothing and is said in the log, once. */
pl_rc pl_ignores_apply(const struct pl_ignores *i, struct pl_report *report,
                       const struct pl_log *log, struct pl_arena *keep,
                       struct pl_err *err) PL_CHECKED;
