/* The coordinator's shell, as its two files see it: begin.c opens everything, loop.c carries out effects and feeds events. */
#ifndef RINGTORCH_COORDINATOR_SHELL_H
#define RINGTORCH_COORDINATOR_SHELL_H

#include "common/config.h"
#include "common/wire.h"
#include "coordinator/desk.h"
#include "coordinator/journal.h"
#include "coordinator/look.h"
#include "coordinator/loop.h"
#include "coordinator/metrics.h"
#include "coordinator/resume.h"
#include "coordinator/state.h"

typedef struct rt__shell {
    const rt__loop_options *options;
    char *config_next, *config, *config_before, *events, *metrics, *metrics_abandoned, *summary,
        *checkpoints, *journal_path, *log, *control;
    rt_config cfg;
    char config_hash[65];
    char run_id[64];
    bool again;          /* a coordinator of this run died a moment ago */
    rt__history history; /* as replayed; moves into run */
    rt__journal *journal;
    int64_t journal_most; /* records, see rt__journal_shorten */
    rt_wire *wire;
    rt__desk *desk;
    rt__look look; /* at checkpoints, by the desk */
    rt__run run;
    rt__effects effects;
    double next_tick;
    int64_t metrics_step;        /* newest in metrics.jsonl at the start; -1: none */
    bool recover, recover_again; /* asked for by an effect, done after it */
    int64_t recover_most;
    int64_t
        marked_best; /* step of the best evaluation when checkpoints/best was last looked after */
} rt__shell;

/* Opens all, fills s->effects but for its functions, and starts the machine. */
rt_status rt__shell_begin(rt__shell *s, const rt__effects *effects);
/* Settles the configuration for good and writes the journal's first record. */
rt_status rt__shell_settle_config(rt__shell *s);
/* Is the configuration settled? Then a generation may have run. */
bool rt__shell_is_settled(const rt__shell *s);
void rt__shell_release(rt__shell *s);

#endif
