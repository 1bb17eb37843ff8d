/* feed_fetch.h - one publisher's file into one place, if it is new. */
#pragma once
#include "base/http.h"
#include "scan/db_update.h"

struct pl_fetcher {
    struct pl_http *http;
    const char *feeds_dir;
    const char *mirror; /* NULL: the publishers themselves */
    const struct pl_limits *limits;
    const struct pl_log *log;
};

enum pl_fetched { PL_FETCHED_NEW, PL_FETCHED_SAME };

/* file: below the feeds folder. sha256: hex that the publisher names for it; empty: none. */
pl_rc pl_feed_fetch(struct pl_fetcher *f, const char *url, const char *file, const char *sha256,
                    enum pl_fetched *how, uint64_t *bytes, struct pl_err *err) PL_CHECKED;
/* A small document (an index, a list) into memory; PL_EABSENT for 404. */
pl_rc pl_feed_fetch_text(struct pl_fetcher *f, const char *url, struct pl_buf *out,
                         struct pl_err *err) PL_CHECKED;
