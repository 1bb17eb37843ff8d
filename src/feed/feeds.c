#include "feed/feed.h"

#define FEED(name) extern const struct pl_feed pl_feed_##name;
#include "feed/feeds.def"
#undef FEED

const struct pl_feed *const pl_feeds[] = {
#define FEED(name) &pl_feed_##name,
#include "feed/feeds.def"
#undef FEED
};
const size_t pl_n_feeds = sizeof(pl_feeds) / sizeof(pl_feeds[0]);

const struct pl_feed *pl_feed_find(pl_span name)
{
    for (size_t i = 0; i < pl_n_feeds; i++)
        if (pl_span_eq(pl_span_str(pl_feeds[i]->name), name))
            return pl_feeds[i];
    return NULL;
}

const struct pl_feed *pl_feed_sniff(const struct pl_feed_file *f)
{
    for (size_t i = 0; i < pl_n_feeds; i++)
        if (pl_feeds[i]->sniff(f))
            return pl_feeds[i];
    return NULL;
}
