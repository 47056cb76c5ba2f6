#include "tests/sim/trace.h"

#include <string.h>

static void print_line(const sim_trace_line *l, FILE *to)
{
    const long long *n = l->number;
    fprintf(to, "%12.6f  ", (double)l->at / SIM_SECOND);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(to, l->format, n[0], n[1], n[2], n[3], n[4]);
#pragma GCC diagnostic pop
    fprintf(to, "%s%s\n", l->text[0] ? " " : "", l->text);
}

void sim_trace_put(sim_trace *t, sim_time at, const char *format, const char *text,
                   const long long number[SIM_TRACE_NUMBERS])
{
    sim_trace_line *l = &t->line[t->count++ % SIM_TRACE_LINES];
    l->at = at;
    l->format = format;
    memcpy(l->number, number, sizeof l->number);
    size_t len = strnlen(text, SIM_TRACE_TEXT - 1);
    memcpy(l->text, text, len);
    l->text[len] = '\0';
    if (t->live)
        print_line(l, t->live);
}

void sim_trace_print(const sim_trace *t, FILE *to)
{
    int64_t from = t->count > SIM_TRACE_LINES ? t->count - SIM_TRACE_LINES : 0;
    for (int64_t i = from; i < t->count; i++)
        print_line(&t->line[i % SIM_TRACE_LINES], to);
}
