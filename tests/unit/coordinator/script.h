/* Scripts for the run's state machine: a list of events, and the effects that each must have.
 *
 *     static const row killed[] = {
 *         START,
 *         {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
 *     };
 *     static const script scripts[] = {SCRIPT(killed, -1, NULL)};
 *     ... cmocka runs follows_script with each script as its state */
#ifndef RINGTORCH_TESTS_UNIT_COORDINATOR_SCRIPT_H
#define RINGTORCH_TESTS_UNIT_COORDINATOR_SCRIPT_H

#include "machine.h"

typedef struct row {
    const char *event;
    rt__phase phase;     /* after the event */
    const char *effects; /* all of them, in order */
} row;

#define START                                                                                      \
    {"launcher", RT__RECOVER, "recover"},                                                          \
        {"recovered 0", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},  \
        {"hello 1", RT__GATHER, ""},                                                               \
        {"hello 0", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 event:running"},                        \
    {                                                                                              \
        "layout", RT__RUN, ""                                                                      \
    }

typedef struct script {
    const char *name;
    const row *rows;
    size_t count;
    int64_t exit_code;   /* -1: has not ended */
    const char *message; /* in RUN_ENDED's message; NULL: it must be empty */
} script;

#define SCRIPT(rows, code, message)                                                                \
    {                                                                                              \
#rows, rows, sizeof rows / sizeof *rows, code, message                                     \
    }

static inline void play(machine *m, const script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        machine_feed(m, (double)i, s->rows[i].event);
        const char *done = machine_done(m);
        if (strcmp(done, s->rows[i].effects) != 0 || m->run.phase != s->rows[i].phase)
            fail_msg("event %zu, %s: phase %s, effects:\n  %s\nexpected %s,\n  %s", i,
                     s->rows[i].event, rt__run_phase_name(m->run.phase), done,
                     rt__run_phase_name(s->rows[i].phase), s->rows[i].effects);
    }
}

static inline void follows_script(void **state)
{
    const script *s = *state;
    machine m;
    machine_init(&m, 2);
    play(&m, s);
    assert_int_equal(m.exit_code, s->exit_code);
    assert_int_equal(rt__run_ended(&m.run), s->exit_code >= 0);
    if (s->message ? !strstr(m.message, s->message) : m.message[0] != '\0')
        fail_msg("message \"%s\", expected \"%s\"", m.message, s->message ? s->message : "");
    machine_release(&m);
}

#endif
