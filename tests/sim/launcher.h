/* The launcher, `ringtorch train`: it starts jobs as the coordinator orders, reports how they ended, and restarts a coordinator that died.
 * Also the user, who resumes a run that ended too early.
 *
 *     sim_launcher_start(w);                           // the user types the command
 *     sim_launcher_interrupt(w, 2);                    // and Ctrl-C
 *     sim_launcher_die(w); */
#ifndef RINGTORCH_TESTS_SIM_LAUNCHER_H
#define RINGTORCH_TESTS_SIM_LAUNCHER_H

#include "tests/sim/mail.h"
#include "tests/sim/process.h"

typedef struct sim_launcher {
    sim_process process, tool; /* tool: `ringtorch scale` and the like, one at a time */
    sim_line line, tool_line;
    rt_msg_type asked; /* by the tool that is running */
    int64_t asked_number;
    sim_time asked_at;
    sim_time started;   /* when this launcher was started */
    int64_t starts;     /* commands the user has typed */
    int64_t generation; /* of the job that is alive; 0: none */
    int64_t newest;     /* the last generation it started: none is started twice */
    sim_letter *exited; /* the last EXITED; NULL: none */
    bool interrupted, ended;
    int64_t interrupt_signal;
    sim_time resume_at; /* when the user will type the command again; 0: never */
    int64_t exit_code;
} sim_launcher;

void sim_launcher_start(sim_world *w);
void sim_launcher_die(sim_world *w);
void sim_launcher_receives(sim_world *w, sim_pid who, const sim_letter *l);
void sim_launcher_reconnected(sim_world *w, sim_pid who);
void sim_launcher_interrupt(sim_world *w, int signal);
/* No process of a job is left on reachable hosts. */
void sim_launcher_job_gone(sim_world *w, int64_t generation, const rt_msg_exited *how);
/* The coordinator's process has ended. */
void sim_launcher_coordinator_gone(sim_world *w);
/* The host file has changed. */
void sim_launcher_hosts_changed(sim_world *w);
/* Returns how many workers fit on the listed hosts. */
int64_t sim_launcher_room(const sim_world *w);
/* The user runs a tool, which sends the coordinator a request and waits for the answer. Returns false if one is running already. `number`: of
 * workers, for SCALE. */
bool sim_tool_ask(sim_world *w, rt_msg_type type, const void *body, int64_t number);
/* The coordinator has exited by itself. Normally RUN_ENDED has told why. */
void sim_launcher_coordinator_left(sim_world *w);
/* A coordinator refused to start. */
void sim_launcher_coordinator_refused(sim_world *w, const char *why);
void sim_launcher_release(sim_launcher *l);

#endif
