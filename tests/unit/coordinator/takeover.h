/* Machines that keep a journal, and those that take over from them.
 *
 *     machine m, dead;
 *     begin_with_journal(&dead);                       // two workers make steps
 *     machine_feed(&dead, 2, "report 10");
 *     take_over(&m, &dead);                            // only the journal of `dead` is left
 *     expect_feed(&m, 3, "launcher 1", "g1 event:coordinator_restarted again");
 */
#ifndef RINGTORCH_TESTS_UNIT_COORDINATOR_TAKEOVER_H
#define RINGTORCH_TESTS_UNIT_COORDINATOR_TAKEOVER_H

#include "machine.h"

/* Applies the records of the first machine's journal, as a second machine does when it starts. */
static inline rt_status write_down(void *ctx, const json_t *record)
{
    machine *m = ctx;
    if (m->journal_full)
        return RT_FAIL(NOSPACE, "journal: no space left on device");
    json_array_append_new(m->journal, json_deep_copy(record));
    return RT_OK;
}

/* Sets keys of the configuration: "run.max_restarts=0 run.hash_every=10". */
static inline void machine_set(machine *m, const char *settings)
{
    char copy[128], *rest = copy;
    snprintf(copy, sizeof copy, "%s", settings);
    for (char *one; (one = strsep(&rest, " "));)
        if (*one)
            assert_int_equal(rt_config_set(&m->cfg, one), RT_OK);
}

/* Makes `m`, with these settings, take over from `dead`, of which only the journal is left. */
static inline void take_over_with(machine *m, const machine *dead, const char *settings)
{
    rt__history history;
    size_t i;
    json_t *record;
    machine_configure(m, 2);
    machine_set(m, settings);
    m->effects.journal = write_down;
    m->journal = json_incref(dead->journal);
    assert_int_equal(rt__history_init(&history), RT_OK);
    json_array_foreach(m->journal, i, record)
        assert_int_equal(rt__history_apply_json(&history, record), RT_OK);
    machine_begin(m, history, true);
}

static inline void take_over(machine *m, const machine *dead)
{
    take_over_with(m, dead, "");
}

static inline void begin_with_journal(machine *m)
{
    machine_init(m, 2);
    m->journal = json_array();
    m->effects.journal = write_down;
    static const char *const events[] = {"launcher 0", "recovered 0", "hello 0", "hello 1",
                                         "layout"};
    for (int i = 0; i < 5; i++)
        machine_feed(m, 1, events[i]);
    assert_int_equal(m->run.phase, RT__RUN);
    machine_done(m);
}

static inline void expect_feed(machine *m, double now, const char *event, const char *effects)
{
    machine_feed(m, now, event);
    assert_string_equal(machine_done(m), effects);
}

#endif
