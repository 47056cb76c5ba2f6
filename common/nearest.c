/* Nearest names, by edit distance with one row of the table kept. */
#include "common/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 40 }; /* longer names are no slip of the finger: far from everything */

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

static int distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    int row[LONGEST + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[m];
}

const char *rt_nearest(const char *wanted, const char *const *names, size_t n)
{
    const char *best = NULL;
    int least = 0;
    for (size_t i = 0; i < n; i++) {
        int d = distance(wanted, names[i]);
        bool plausible = 3 * d <= (int)strlen(names[i]) + 1; /* at most every third letter wrong */
        if (plausible && (!best || d < least)) {
            best = names[i];
            least = d;
        }
    }
    return best;
}
