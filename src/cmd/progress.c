#include "cmd/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "report/layout.h"
#include "report/words.h"

enum { BARS = 8, BAR_WIDTH = 24, REDRAW_MS = 100, STALE_MS = 700 };

struct bar {
    char what[48];
    size_t index;
    uint64_t done, total;
    int64_t seen_ms;
    bool used;
};

struct pl_progress {
    struct pl_log log;
    pthread_mutex_t lock; /* events may come from threads of a transfer */
    bool bars, quiet;
    enum pl_level least;
    char target[256];
    struct bar bar[BARS];
    size_t n, finished;
    uint64_t finished_bytes;
    unsigned drawn; /* lines on the screen */
    int64_t drawn_at_ms;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned screen_columns(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void erase(struct pl_progress *p)
{
    for (; p->drawn; p->drawn--)
        fputs("\033[A\033[2K", stderr);
}

/* "layer 2  [=========>      ]   112 MB of 231 MB" */
static void draw_bar(struct pl_progress *p, const struct bar *b, unsigned columns)
{
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, PL_MIB);
    char bar[BAR_WIDTH + 1] = { 0 };
    memset(bar, ' ', BAR_WIDTH);
    size_t full = b->total ? (size_t)((double)b->done / (double)b->total * BAR_WIDTH) : 0;
    full = full > BAR_WIDTH ? BAR_WIDTH : full;
    memset(bar, '=', full);
    if (full < BAR_WIDTH)
        bar[full] = '>';
    pl_span what =
        pl_layout_text(&a, pl_span_str(pl_arena_printf(&a, "%s %zu", b->what, b->index)), false);
    pl_span done = pl_words_size(&a, b->done), total = pl_words_size(&a, b->total);
    char *line = b->total ? pl_arena_printf(&a, "  %-18.*s [%s] %.*s of %.*s", PL_FMT(what), bar,
                                            PL_FMT(done), PL_FMT(total))
                          : pl_arena_printf(&a, "  %-18.*s %.*s", PL_FMT(what), PL_FMT(done));
    pl_span cut = pl_layout_fit(pl_span_str(line), columns - 1);
    fprintf(stderr, "%.*s\n", PL_FMT(cut));
    p->drawn++;
}

/* Nobody says that a layer is through: it is no longer spoken of, while others are. */
static void retire(struct pl_progress *p, int64_t now)
{
    for (size_t i = 0; i < BARS; i++) {
        struct bar *b = &p->bar[i];
        if (!b->used || now - b->seen_ms < STALE_MS)
            continue;
        p->finished++;
        p->finished_bytes += b->total ? b->total : b->done;
        b->used = false;
    }
}

static void draw(struct pl_progress *p)
{
    unsigned columns = screen_columns();
    uint64_t bytes = p->finished_bytes;
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, PL_MIB);
    erase(p);
    retire(p, now_ms());
    for (size_t i = 0; i < BARS; i++)
        if (p->bar[i].used) {
            bytes += p->bar[i].done;
            draw_bar(p, &p->bar[i], columns);
        }
    pl_span sum = pl_words_size(&a, bytes),
            name = pl_layout_text(&a, pl_span_str(p->target), false);
    char *line = pl_arena_printf(&a, "%.*s: layer %zu of %zu, %.*s", PL_FMT(name),
                                 p->finished < p->n ? p->finished + 1 : p->n, p->n, PL_FMT(sum));
    pl_span cut = pl_layout_fit(pl_span_str(line), columns - 1);
    fprintf(stderr, "%.*s\n", PL_FMT(cut));
    p->drawn++;
    fflush(stderr);
    p->drawn_at_ms = now_ms();
}

static struct bar *bar_of(struct pl_progress *p, const char *what, size_t index)
{
    struct bar *unused = NULL;
    for (size_t i = 0; i < BARS; i++) {
        struct bar *b = &p->bar[i];
        if (b->used && b->index == index && !strcmp(b->what, what))
            return b;
        if (!b->used && !unused)
            unused = b;
    }
    return unused;
}

static void progress(void *ctx, const char *what, size_t index, size_t n, uint64_t done,
                     uint64_t total)
{
    struct pl_progress *p = ctx;
    if (!p->bars)
        return;
    pthread_mutex_lock(&p->lock);
    struct bar *b = bar_of(p, what, index);
    p->n = n > p->n ? n : p->n;
    if (b && total && done >= total) { /* this one is through */
        p->finished++;
        p->finished_bytes += total;
        b->used = false;
    } else if (b) {
        snprintf(b->what, sizeof(b->what), "%s", what);
        b->index = index;
        b->done = done;
        b->total = total;
        b->seen_ms = now_ms();
        b->used = true;
    }
    if (now_ms() - p->drawn_at_ms >= REDRAW_MS)
        draw(p);
    pthread_mutex_unlock(&p->lock);
}

static void event(void *ctx, enum pl_level level, const char *text)
{
    struct pl_progress *p = ctx;
    if (level < p->least || p->quiet)
        return;
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, PL_MIB);
    pl_span said = pl_layout_text(&a, pl_span_str(text), false);
    pthread_mutex_lock(&p->lock);
    erase(p);
    fprintf(stderr, "plimsoll: %.*s\n", PL_FMT(said));
    pthread_mutex_unlock(&p->lock);
}

struct pl_progress *pl_progress_new(bool bars, enum pl_level least, bool quiet)
{
    struct pl_progress *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->log = (struct pl_log){ .event = event, .progress = progress, .ctx = p };
    p->bars = bars;
    p->least = least;
    p->quiet = quiet;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

const struct pl_log *pl_progress_log(struct pl_progress *p) { return &p->log; }

void pl_progress_target(struct pl_progress *p, const char *target)
{
    pl_progress_clear(p);
    snprintf(p->target, sizeof(p->target), "%s", target);
    memset(p->bar, 0, sizeof(p->bar));
    p->n = p->finished = 0;
    p->finished_bytes = 0;
    p->drawn_at_ms = now_ms(); /* what is over in a tenth of a second needs no bar */
}

void pl_progress_clear(struct pl_progress *p)
{
    pthread_mutex_lock(&p->lock);
    erase(p);
    fflush(stderr);
    pthread_mutex_unlock(&p->lock);
}

void pl_progress_free(struct pl_progress *p)
{
    if (!p)
        return;
    pl_progress_clear(p);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
