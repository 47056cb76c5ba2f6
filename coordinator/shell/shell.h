/* The shell's state, opened and closed: the run directory, the journal, the wire and the machine. loop.c carries out effects and feeds
 * events. */
#ifndef RINGTORCH_COORDINATOR_SHELL_SHELL_H
#define RINGTORCH_COORDINATOR_SHELL_SHELL_H

#include "common/config/config.h"
#include "common/control/journal.h"
#include "common/control/wire.h"
#include "coordinator/books/metrics.h"
#include "coordinator/machine/machine.h"
#include "coordinator/shell/desk.h"
#include "coordinator/shell/resume.h"
#include "coordinator/shell/verification.h"

typedef struct rt__shell_options {
    /* the run directory; must hold .config.next.yaml (or, after a crash, config.yaml) */
    const char *dir;
    const char *resume; /* "never", "auto" or a path; see resume.h */
    double started;     /* rt_clock() when the user typed the command */
} rt__shell_options;

typedef struct rt__shell {
    const rt__shell_options *options;
    char *config_next, *config, *config_before, *events, *metrics, *metrics_abandoned, *summary,
        *preprocessing, *checkpoints, *journal_path, *log, *control;
    rt_config cfg;
    char config_hash[65];
    char run_id[64];
    bool takes_over;     /* this coordinator replaces one that died a moment ago */
    rt__history history; /* as replayed from the journal; moves into run */
    rt__journal *journal;
    int64_t journal_most; /* records, see rt__journal_shorten */
    rt_wire *wire;
    rt__desk *desk;
    rt__verification verification; /* the desk's reading of checkpoints */
    rt__run run;
    rt__effects effects;
    double next_tick;
    int64_t metrics_step;        /* newest in metrics.jsonl at the start; -1: none */
    int64_t metrics_moved;       /* lines of metrics.jsonl that were moved away as it was opened */
    bool recover, recover_again; /* requested by an effect, done after the machine's step */
    int64_t recover_most, recover_lookup;
    /* step of the best evaluation when checkpoints/best was last updated */
    int64_t marked_best;
} rt__shell;

/* Opens everything, copies `effects` into s->effects with `s` as their context, and starts the machine. */
rt_status rt__shell_begin(rt__shell *s, const rt__effects *effects);
/* Makes the configuration final and writes the journal's first record. */
rt_status rt__shell_settle_config(rt__shell *s);
/* Writes preprocessing.json, from which workers learn how to read the data; NULL: removes it, and they use their own. */
rt_status rt__shell_settle_preprocessing(const rt__shell *s, const char *text);
/* Is the configuration final? Only then can a generation have run. */
bool rt__shell_is_settled(const rt__shell *s);
void rt__shell_release(rt__shell *s);

#endif
