#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "tests/system/records.h"

static const char *const names[FIGURES] = {"recovery_seconds", "detect",    "stop", "start",
                                           "restore",          "first_step"};

static const double STANDSTILL_SECONDS = 3; /* earlier than this, no worker counts as stalled */

static bool is_meant(const json_t *event, figures_of what)
{
    bool stood_still = event_number(event, "detect", 0) >= STANDSTILL_SECONDS;
    return strcmp(event_name(event), "recovered") == 0 &&
           stood_still == (what == AFTER_A_STANDSTILL);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns the smallest value that the given part of all values does not exceed. */
static double share(const double *sorted, int64_t count, double part)
{
    int64_t place = (int64_t)(part * (double)count + 0.999999) - 1;
    return sorted[place < 0 ? 0 : place >= count ? count - 1 : place];
}

void figures_make(figures *f, const json_t *events, figures_of what)
{
    *f = (figures){0};
    double *values = rt_calloc(json_array_size(events) + 1, sizeof *values);
    RT_ASSERT(values);
    for (int row = 0; row < FIGURES; row++) {
        size_t i;
        json_t *event;
        f->count = 0;
        json_array_foreach(events, i, event)
        {
            if (is_meant(event, what))
                values[f->count++] = event_number(event, names[row], 0);
        }
        if (f->count == 0)
            continue;
        qsort(values, (size_t)f->count, sizeof *values, by_size);
        f->row[row] = (figure){share(values, f->count, 0.5), share(values, f->count, 0.9),
                               values[f->count - 1]};
    }
    rt_mem_free(values);
}

void figures_print(const figures *f, const char *title, FILE *to)
{
    if (f->count == 0)
        return;
    fprintf(to, "\n%lld recoveries %s\n%-20s %8s %8s %8s\n", (long long)f->count, title,
            "  seconds", "median", "90 %", "longest");
    for (int row = 0; row < FIGURES; row++)
        fprintf(to, "  %-18s %8.3f %8.3f %8.3f\n", names[row], f->row[row].median, f->row[row].p90,
                f->row[row].most);
}

json_t *figures_json(const figures *f)
{
    json_t *j = json_pack("{s:I}", "count", (json_int_t)f->count);
    for (int row = 0; row < FIGURES; row++)
        json_object_set_new(j, names[row],
                            json_pack("{s:f, s:f, s:f}", "median", f->row[row].median, "p90",
                                      f->row[row].p90, "max", f->row[row].most));
    return j;
}
