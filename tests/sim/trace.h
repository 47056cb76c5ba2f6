/* The last events, kept so that they can be printed when something went wrong.
 *
 *     sim_trace_add(&trace, now, "worker %lld of g%lld: finished step %lld", "", 3, 1, 70);
 *     sim_trace_print(&trace, stderr);
 *
 * Most lines are never printed, so they are formatted only when they are: `format` is kept by address, and its numbers are all %lld;
 * `text` is copied and follows at the end. */
#ifndef RINGTORCH_TESTS_SIM_TRACE_H
#define RINGTORCH_TESTS_SIM_TRACE_H

#include "tests/sim/dice.h"
#include <stdio.h>

enum { SIM_TRACE_LINES = 400, SIM_TRACE_NUMBERS = 5, SIM_TRACE_TEXT = 160 };

typedef struct sim_trace_line {
    sim_time at;
    const char *format;
    long long number[SIM_TRACE_NUMBERS];
    char text[SIM_TRACE_TEXT];
} sim_trace_line;

typedef struct sim_trace {
    sim_trace_line line[SIM_TRACE_LINES];
    int64_t count; /* made so far */
    FILE *live;    /* if not NULL, every line is printed there at once */
} sim_trace;

void sim_trace_put(sim_trace *t, sim_time at, const char *format, const char *text,
                   const long long number[SIM_TRACE_NUMBERS]);
#define sim_trace_add(trace, at, format, text, ...)                                                \
    sim_trace_put(trace, at, format, text, (const long long[SIM_TRACE_NUMBERS]){__VA_ARGS__})
void sim_trace_print(const sim_trace *t, FILE *to);

#endif
