#include "base/nearest.h"

enum { WORD = 40 };

/* Edits (a letter more, less, other, or two swapped) between two words of at most WORD letters. */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned rows[3][WORD + 1] = { 0 };
    if (n > WORD || m > WORD)
        return WORD;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *pl_nearest(pl_span typed, const char *const *words, size_t n)
{
    const char *best = NULL;
    char word[WORD + 1] = { 0 };
    unsigned least = (unsigned)typed.len / 3 + 2;
    if (typed.len == 0 || typed.len > WORD)
        return NULL;
    memcpy(word, typed.ptr, typed.len);
    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, words[i]);
        /* "--sever" is no edit of "severity" but means it */
        if (word[0] && !strncmp(word, words[i], strlen(word)))
            d = 1;
        if (d < least) {
            least = d;
            best = words[i];
        }
    }
    return best;
}
