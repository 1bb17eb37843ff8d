/* cvss.c - scores from vectors, by the specifications' arithmetic.
 *
 * Specs: CVSS v2.0 Complete Guide, 3.2.1; CVSS v3.0 and v3.1 Specification, 7.1 and Appendix A;
 * CVSS v4.0 Specification, 8 (macro vectors). For 2.0 and 3.x the base score; for 4.0 the score
 * of the vector as it stands: there threat and environment metrics are part of one score. */
#include <math.h>

#include "model/advisory.h"

enum { MAX_METRICS = 40 };

struct metric {
    pl_span name, value;
};

struct vector {
    struct metric m[MAX_METRICS];
    size_t n;
};

/* "AV:N/AC:L/...": no metric twice, none without a value. */
static bool split(pl_span text, struct vector *v)
{
    pl_span part;
    v->n = 0;
    while (pl_span_split(&text, '/', &part)) {
        size_t colon = pl_span_chr(part, ':');
        if (part.len == 0 && text.len == 0)
            break; /* a slash at the end, as some publishers leave it */
        if (colon == SIZE_MAX || colon == 0 || colon + 1 == part.len || v->n == MAX_METRICS)
            return false;
        pl_span name = pl_span_sub(part, 0, colon);
        for (size_t i = 0; i < v->n; i++)
            if (pl_span_eq(v->m[i].name, name))
                return false;
        v->m[v->n++] = (struct metric){ name, pl_span_from(part, colon + 1) };
    }
    return v->n > 0;
}

/* The letter of a metric; 0 when it is absent or longer than a letter. */
static char letter(const struct vector *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (pl_span_eq(v->m[i].name, pl_span_str(name)))
            return v->m[i].value.len == 1 ? v->m[i].value.ptr[0] : 0;
    return 0;
}

/* The weight that stands beside the metric's letter; false when the letter is none of these. */
static bool weight(const struct vector *v, const char *name, const char *letters,
                   const double *weights, double *out)
{
    char c = letter(v, name);
    const char *at = c ? strchr(letters, c) : NULL;
    if (!at)
        return false;
    *out = weights[at - letters];
    return true;
}

static double score2(const struct vector *v)
{
    static const double av[] = { 0.395, 0.646, 1.0 }, ac[] = { 0.35, 0.61, 0.71 };
    static const double au[] = { 0.45, 0.56, 0.704 }, cia[] = { 0, 0.275, 0.660 };
    double a, b, c, conf, integ, avail;
    if (!weight(v, "AV", "LAN", av, &a) || !weight(v, "AC", "HML", ac, &b) ||
        !weight(v, "Au", "MSN", au, &c) || !weight(v, "C", "NPC", cia, &conf) ||
        !weight(v, "I", "NPC", cia, &integ) || !weight(v, "A", "NPC", cia, &avail))
        return -1;
    double impact = 10.41 * (1 - (1 - conf) * (1 - integ) * (1 - avail));
    double exploitability = 20 * a * b * c;
    double score = (0.6 * impact + 0.4 * exploitability - 1.5) * (impact > 0 ? 1.176 : 0);
    return round(score * 10 + 1e-9) / 10;
}

/* The smallest tenth that is not below; Appendix A of 3.1 does it in integers, so that a binary
 * fraction just above a tenth does not count. */
static double round_up(double x)
{
    long i = lround(x * 100000);
    /* NOLINTNEXTLINE(bugprone-integer-division): rounds up to a tenth */
    return i % 10000 == 0 ? (double)i / 100000 : (double)(i / 10000 + 1) / 10;
}

static double score3(const struct vector *v)
{
    static const double av[] = { 0.85, 0.62, 0.55, 0.2 }, ac[] = { 0.77, 0.44 };
    static const double pr_same[] = { 0.85, 0.62, 0.27 }, pr_changed[] = { 0.85, 0.68, 0.5 };
    static const double ui[] = { 0.85, 0.62 }, cia[] = { 0.56, 0.22, 0 };
    char scope = letter(v, "S");
    bool changed = scope == 'C';
    double a, b, p, u, conf, integ, avail;
    if ((scope != 'U' && !changed) || !weight(v, "AV", "NALP", av, &a) ||
        !weight(v, "AC", "LH", ac, &b) ||
        !weight(v, "PR", "NLH", changed ? pr_changed : pr_same, &p) ||
        !weight(v, "UI", "NR", ui, &u) || !weight(v, "C", "HLN", cia, &conf) ||
        !weight(v, "I", "HLN", cia, &integ) || !weight(v, "A", "HLN", cia, &avail))
        return -1;
    double iss = 1 - (1 - conf) * (1 - integ) * (1 - avail);
    double impact = changed ? 7.52 * (iss - 0.029) - 3.25 * pow(iss - 0.02, 15) : 6.42 * iss;
    double exploitability = 8.22 * a * b * p * u;
    if (impact <= 0)
        return 0;
    double score = (changed ? 1.08 : 1.0) * (impact + exploitability);
    return round_up(score < 10 ? score : 10);
}

/* ---- 4.0 ---- */

enum { NONE = 255 };

/* Scores in tenths by macro vector: rows EQ1 (3) x EQ2 (2), columns EQ3 (3) x EQ4 (3) x EQ5 (3) x
 * EQ6 (2). Specification, 8.3, "Scoring using macro vectors"; 270 of them exist. */
static const unsigned char scores4[6][54] = {
    { 100,  99, 98,   95, 95,   92, 100,  96, 93,   87, 91,   81, 93,   90, 89,   80, 81,   68,
      98,   95, 95,   92, 90,   84, 93,   92, 89,   81, 81,   65, 88,   80, 78,   70, 69,   48,
      NONE, 92, NONE, 82, NONE, 72, NONE, 79, NONE, 69, NONE, 50, NONE, 69, NONE, 55, NONE, 27 },
    { 99,   97, 95,   92, 92,   85, 95,   91, 90,   83, 84,   71, 92,   81, 82,   71, 72,   53,
      95,   93, 92,   85, 85,   73, 92,   82, 80,   72, 70,   59, 84,   70, 71,   52, 50,   30,
      NONE, 86, NONE, 75, NONE, 52, NONE, 71, NONE, 52, NONE, 29, NONE, 63, NONE, 29, NONE, 17 },
    { 98,   95, 94,   87, 91,   81, 94,   89, 86,   74, 77,   64, 87,   75, 74,   63, 63,   49,
      94,   89, 88,   77, 76,   67, 86,   76, 74,   58, 59,   50, 72,   57, 57,   52, 52,   25,
      NONE, 83, NONE, 70, NONE, 54, NONE, 65, NONE, 58, NONE, 26, NONE, 53, NONE, 21, NONE, 13 },
    { 95,   90, 88,   76, 76,   70, 90,   77, 75,   62, 61,   53, 77,   66, 68,   59, 52,   30,
      89,   78, 76,   67, 62,   58, 74,   59, 57,   57, 47,   23, 61,   52, 57,   29, 24,   16,
      NONE, 71, NONE, 59, NONE, 30, NONE, 58, NONE, 26, NONE, 15, NONE, 23, NONE, 13, NONE, 6 },
    { 93,   87, 86,   72, 75,   58, 86,   74, 74,   61, 56,   34, 70,   54, 52,   40, 40,   22,
      85,   75, 74,   55, 62,   51, 72,   57, 55,   41, 46,   19, 53,   36, 34,   19, 19,   8,
      NONE, 64, NONE, 51, NONE, 20, NONE, 47, NONE, 21, NONE, 11, NONE, 24, NONE, 9,  NONE, 4 },
    { 88,   75, 73,   53, 60,   50, 73,   55, 59,   40, 41,   20, 54,   43, 45,   22, 20,   11,
      75,   55, 58,   45, 40,   21, 61,   51, 48,   18, 20,   9,  46,   18, 17,   7,  8,    2,
      NONE, 53, NONE, 24, NONE, 14, NONE, 24, NONE, 12, NONE, 5,  NONE, 10, NONE, 3,  NONE, 1 },
};

enum metric4 { AV, PR, UI, AC, AT, VC, VI, VA, SC, SI, SA, CR, IR, AR, E, N_METRIC4 };

/* Each metric's letters from the worst to the mildest, as 8.2 orders them. */
static const struct {
    const char *name, *letters;
    char unset; /* the letter that "X" or absence means; 0: mandatory */
} metrics4[N_METRIC4] = {
    [AV] = { "AV", "NALP", 0 },  [PR] = { "PR", "NLH", 0 },   [UI] = { "UI", "NPA", 0 },
    [AC] = { "AC", "LH", 0 },    [AT] = { "AT", "NP", 0 },    [VC] = { "VC", "HLN", 0 },
    [VI] = { "VI", "HLN", 0 },   [VA] = { "VA", "HLN", 0 },   [SC] = { "SC", "HLN", 0 },
    [SI] = { "SI", "HLN", 0 },   [SA] = { "SA", "HLN", 0 },   [CR] = { "CR", "HML", 'H' },
    [IR] = { "IR", "HML", 'H' }, [AR] = { "AR", "HML", 'H' }, [E] = { "E", "APU", 'A' },
};

/* Place of a letter in its metric's order, the modified metric (MAV, ...) going before. SI and SA
 * alone know "S" (safety), when modified: it stands one before H, so H is 1 there. */
static bool level4(const struct vector *v, enum metric4 m, int *out)
{
    char name[4] = { 'M' };
    /* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.strcpy): of two letters at most */
    strcpy(name + 1, metrics4[m].name);
    char c = letter(v, metrics4[m].name);
    bool safety = m == SI || m == SA;
    if (!c && !metrics4[m].unset)
        return false;
    if ((!c || c == 'X') && metrics4[m].unset)
        c = metrics4[m].unset;
    if (!strchr(metrics4[m].letters, c))
        return false;
    char modified = m < CR ? letter(v, name) : 0;
    if (modified && modified != 'X') {
        c = modified;
        if (safety && c == 'S') {
            *out = 0;
            return true;
        }
    }
    const char *at = strchr(metrics4[m].letters, c);
    if (!at)
        return false;
    *out = (int)(at - metrics4[m].letters) + (safety ? 1 : 0);
    return true;
}

/* EQ1..EQ6 of 8.2, tables 24 to 29. Levels: 0 is the worst; SI, SA: 0 safety, 1 high. */
static void equivalence(const int l[N_METRIC4], int eq[6])
{
    int zeros = (l[AV] == 0) + (l[PR] == 0) + (l[UI] == 0);
    eq[0] = zeros == 3 ? 0 : zeros > 0 && l[AV] != 3 ? 1 : 2;
    eq[1] = l[AC] == 0 && l[AT] == 0 ? 0 : 1;
    eq[2] = l[VC] == 0 && l[VI] == 0 ? 0 : l[VC] == 0 || l[VI] == 0 || l[VA] == 0 ? 1 : 2;
    eq[3] = l[SI] == 0 || l[SA] == 0 ? 0 : l[SC] == 0 || l[SI] == 1 || l[SA] == 1 ? 1 : 2;
    eq[4] = l[E];
    eq[5] = (l[CR] == 0 && l[VC] == 0) || (l[IR] == 0 && l[VI] == 0) || (l[AR] == 0 && l[VA] == 0)
                ? 0
                : 1;
}

static int look_up4(const int eq[6])
{
    for (size_t i = 0; i < 6; i++)
        if (eq[i] > (i == 1 || i == 5 ? 1 : 2))
            return NONE;
    return scores4[eq[0] * 2 + eq[1]][(eq[2] * 3 + eq[3]) * 6 + eq[4] * 2 + eq[5]];
}

/* The highest vectors of one level of an equivalence set (8.2), as levels of its metrics. */
struct highest {
    signed char level[6];
};

struct set4 {
    int depth; /* steps from the highest to the lowest vector, plus one (8.2, "depth") */
    const struct highest *highest;
    size_t n_highest;
};

static const struct highest eq1_0[] = { { { 0, 0, 0 } } },
                            eq1_1[] = { { { 1, 0, 0 } }, { { 0, 1, 0 } }, { { 0, 0, 1 } } },
                            eq1_2[] = { { { 3, 0, 0 } }, { { 1, 1, 1 } } };
static const struct highest eq2_0[] = { { { 0, 0 } } }, eq2_1[] = { { { 1, 0 } }, { { 0, 1 } } };
static const struct highest eq4_0[] = { { { 0, 0, 0 } } }, eq4_1[] = { { { 0, 1, 1 } } },
                            eq4_2[] = { { { 1, 2, 2 } } };
/* VC VI VA CR IR AR */
static const struct highest eq36_00[] = { { { 0, 0, 0, 0, 0, 0 } } },
                            eq36_01[] = { { { 0, 0, 1, 1, 1, 0 } }, { { 0, 0, 0, 1, 1, 1 } } },
                            eq36_10[] = { { { 1, 0, 0, 0, 0, 0 } }, { { 0, 1, 0, 0, 0, 0 } } },
                            eq36_11[] = { { { 1, 0, 1, 0, 1, 0 } },
                                          { { 1, 0, 0, 0, 1, 1 } },
                                          { { 0, 1, 0, 1, 0, 1 } },
                                          { { 0, 1, 1, 1, 0, 0 } },
                                          { { 1, 1, 0, 0, 0, 1 } } },
                            eq36_21[] = { { { 1, 1, 1, 0, 0, 0 } } };

#define SET(depth, list)                                                                           \
    {                                                                                              \
        depth, list, sizeof(list) / sizeof((list)[0])                                              \
    }
static const struct set4 sets_eq1[] = { SET(1, eq1_0), SET(4, eq1_1), SET(5, eq1_2) };
static const struct set4 sets_eq2[] = { SET(1, eq2_0), SET(2, eq2_1) };
static const struct set4 sets_eq36[] = { SET(7, eq36_00), SET(6, eq36_01), SET(8, eq36_10),
                                         SET(8, eq36_11), SET(0, eq36_21), SET(10, eq36_21) };
static const struct set4 sets_eq4[] = { SET(6, eq4_0), SET(5, eq4_1), SET(4, eq4_2) };

/* Steps from the first highest vector that is not below this one in any metric. */
static int distance4(const struct set4 *s, const enum metric4 *metrics, size_t n, const int *l)
{
    for (size_t i = 0; i < s->n_highest; i++) {
        int steps = 0;
        bool above = true;
        for (size_t j = 0; j < n; j++) {
            int d = l[metrics[j]] - s->highest[i].level[j];
            above = above && d >= 0;
            steps += d;
        }
        if (above)
            return steps;
    }
    return 0;
}

/* The mean of how far the vector lies below its macro vector, over the sets that have a next
 * lower one (8.3). In tenths. */
static double below4(const int l[N_METRIC4], const int eq[6], int score)
{
    static const enum metric4 m1[] = { AV, PR, UI }, m2[] = { AC, AT }, m4[] = { SC, SI, SA },
                              m36[] = { VC, VI, VA, CR, IR, AR };
    int lower[5][6];
    for (size_t i = 0; i < 5; i++)
        memcpy(lower[i], eq, sizeof(lower[i]));
    lower[0][0]++, lower[1][1]++, lower[3][3]++, lower[4][4]++;
    int next36;
    if (eq[2] == 0 && eq[5] == 0) { /* two lower ones: the higher of their scores */
        int other[6];
        memcpy(other, eq, sizeof(other));
        other[5]++, lower[2][2]++;
        int a = look_up4(other), b = look_up4(lower[2]);
        next36 = a > b ? a : b;
    } else {
        lower[2][eq[2] == 1 && eq[5] == 0 ? 5 : 2]++;
        next36 = look_up4(lower[2]);
    }
    const int next[5] = { look_up4(lower[0]), look_up4(lower[1]), next36, look_up4(lower[3]),
                          look_up4(lower[4]) };
    const struct set4 *const s[4] = { &sets_eq1[eq[0]], &sets_eq2[eq[1]],
                                      &sets_eq36[eq[2] * 2 + eq[5]], &sets_eq4[eq[3]] };
    const int steps[5] = { distance4(s[0], m1, 3, l), distance4(s[1], m2, 2, l),
                           distance4(s[2], m36, 6, l), distance4(s[3], m4, 3, l), 0 };
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < 5; i++) {
        if (next[i] == NONE)
            continue;
        n++;
        if (i < 4)
            sum += (double)((score - next[i]) * steps[i]) / s[i]->depth;
    }
    return n ? sum / n : 0;
}

static double score4(const struct vector *v)
{
    int l[N_METRIC4], eq[6];
    for (size_t m = 0; m < N_METRIC4; m++)
        if (!level4(v, (enum metric4)m, &l[m]))
            return -1;
    if (l[VC] == 2 && l[VI] == 2 && l[VA] == 2 && l[SC] == 2 && l[SI] == 3 && l[SA] == 3)
        return 0;
    equivalence(l, eq);
    int score = look_up4(eq);
    if (score == NONE)
        return -1;
    double tenths = floor(score - below4(l, eq, score) + 0.5 + 1e-5);
    return tenths < 0 ? 0 : tenths > 100 ? 10 : tenths / 10;
}

double pl_cvss_score(pl_span vector)
{
    struct vector v;
    vector = pl_span_trim(vector);
    if (pl_span_skip_lit(&vector, PL_LIT("CVSS:4.0/")))
        return split(vector, &v) ? score4(&v) : -1;
    if (pl_span_skip_lit(&vector, PL_LIT("CVSS:3.1/")) ||
        pl_span_skip_lit(&vector, PL_LIT("CVSS:3.0/")))
        return split(vector, &v) ? score3(&v) : -1;
    /* 2.0 has no prefix of its own; NVD's first feeds set it in parentheses. */
    if (!pl_span_skip_lit(&vector, PL_LIT("CVSS:2.0/")) && vector.len > 1 && vector.ptr[0] == '(' &&
        vector.ptr[vector.len - 1] == ')')
        vector = pl_span_sub(vector, 1, vector.len - 2);
    return split(vector, &v) ? score2(&v) : -1;
}

static int version_rank(pl_span vector)
{
    if (pl_span_starts(vector, PL_LIT("CVSS:3")))
        return 3;
    return pl_span_starts(vector, PL_LIT("CVSS:4")) ? 2 : 1;
}

bool pl_cvss_leads(const struct pl_cvss *a, const struct pl_cvss *b)
{
    int rank = version_rank(a->vector) - version_rank(b->vector);
    return rank ? rank > 0 : a->score > b->score;
}
