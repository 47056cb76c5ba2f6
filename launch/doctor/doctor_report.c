#include "launch/doctor/doctor_report.h"
#include "common/base/error.h"
#include "common/base/output.h"
#include "launch/tui/screen.h"
#include <stdarg.h>
#include <stdio.h>

static const char *const verdict_words[] = {"ok", "warning", "problem"};

static void add_json(rt__doctor *d, rt__verdict verdict, const char *check, const char *advice,
                     const char *text)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "verdict",
                          verdict_words[verdict], "finding", text, "advice", advice);
    if (!j) /* not UTF-8: a path */
        j = json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "verdict", verdict_words[verdict],
                      "finding", "cannot be shown in UTF-8", "advice", advice);
    json_array_append_new(d->checks, j);
}

void rt__doctor_report(rt__doctor *d, rt__verdict verdict, const char *check, const char *advice,
                       const char *fmt, ...)
{
    static const char *const styles[] = {"", "\033[33m", "\033[31m"};
    char text[1024], cleaned[RT__CELL];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt__cell_clean(text, cleaned);
    d->count[verdict]++;
    if (d->json) {
        add_json(d, verdict, check, advice, cleaned);
        return;
    }
    bool colored = d->color && verdict != RT__FINE;
    printf("%s%-7s%s  %-13s  %s\n", colored ? styles[verdict] : "", verdict_words[verdict],
           colored ? "\033[0m" : "", check, cleaned);
    if (advice)
        printf("%9s%-13s  -> %s\n", "", "", advice);
    rt_output_flush();
}

void rt__doctor_report_error(rt__doctor *d, const char *check, const char *advice)
{
    rt__doctor_report(d, RT__PROBLEM, check, advice, "%s", rt_error());
    rt_error_clear();
}
