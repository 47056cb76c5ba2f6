/* Nearest names, by edit distance: insertions, deletions, replacements and swaps of neighbours ("optimal string
 * alignment", Boytsov 2011, section 2.2.1), with three rows of the table kept. */
#include "common/base/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 40 }; /* longer names are no typing errors: near to nothing */

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

static bool swapped(const char *a, const char *b, size_t i, size_t j)
{
    return i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
}

static int distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    int rows[3][LONGEST + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *row = rows[i % 3];
        const int *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = min3(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
            if (swapped(a, b, i, j) && two_before[j - 2] + 1 < row[j])
                row[j] = two_before[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
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
