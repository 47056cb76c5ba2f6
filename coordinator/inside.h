/* What the files of the state machine share; see state.h. */
#ifndef RINGTORCH_COORDINATOR_INSIDE_H
#define RINGTORCH_COORDINATOR_INSIDE_H

#include "coordinator/state.h"

/* ---- state.c ---- */
void rt__run_enter(rt__run *r, double now, rt__phase phase);
void rt__run_send(rt__run *r, const char *peer, rt_msg_type type, const void *body);
void rt__run_send_to_all(rt__run *r, rt_msg_type type, const void *body);
/* Ends the run with a reason; the first one counts. */
__attribute__((format(printf, 4, 5))) void rt__run_fail(rt__run *r, double now, int exit_code,
                                                        const char *fmt, ...);
/* Ends the run with the failure in the error slot, and empties the slot. */
void rt__run_fail_with_error(rt__run *r, double now);
/* Leaves the books in order and tells the launcher. The job is gone by now. */
void rt__run_conclude(rt__run *r, double now);
/* Could there be a state that is newer than the beginning, in memory or on disk? */
bool rt__run_may_have_state(const rt__run *r);
/* Is there nothing left to do for a further generation, if this one has finished? */
bool rt__run_is_complete(const rt__run *r);
/* Sends the workers home once every rank has finished and nothing is being written any more. */
void rt__run_finish_drain(rt__run *r, double now);
/* If every rank has finished: sees to the checkpoints that are still open, and sends the workers home. */
void rt__run_settle(rt__run *r, double now);
/* Closes checkpoints that turn out to be committed already, by a coordinator that died before it could say so. */
void rt__run_close_committed(rt__run *r);
/* Has this generation done all there was to do, as the journal has it? */
static inline bool rt__run_is_over(const rt__run *r)
{
    return r->history.over.generation == r->generation && r->generation > 0;
}
/* Tells a worker that has finished to leave, and that its snapshots are of no use any more, if that is so. */
void rt__run_say_over(rt__run *r, const char *peer);
/* Commits complete checkpoints whose parameters all ranks have compared. */
void rt__run_commit_agreed(rt__run *r);
void rt__run_discard_checkpoints(rt__run *r, double now, const char *reason);

/* ---- evaluations.c ---- */
/* Does an evaluation of this step follow? */
bool rt__run_will_evaluate(const rt__run *r, int64_t step);
void rt__run_on_evaluated(rt__run *r, double now, int64_t rank, const rt_msg_evaluated *m);
/* Says that patience has run out, if the journal has it so and nobody has said it. */
void rt__run_tell_early_stop(rt__run *r, double now);
/* From here on evaluations are compared as the configuration says now, or not at all. */
rt_status rt__run_settle_comparison(rt__run *r);
/* Takes in evaluations up to where the run goes on, which the coordinator before us did not live to write down: its
 * workers have left word of them, and die as they may. */
void rt__run_take_found_evaluations(rt__run *r, double now);
/* Puts into a plan what has been evaluated before its start, and the best of that. */
rt_status rt__run_tell_best(const rt__run *r, rt__plan *plan);

/* ---- generations.c ---- */
/* Finds the step after which nothing is left to do: as configured, or where patience ran out. A run that starts later than
 * that, from a state that the user chose, has nothing left to do either. */
rt_status rt__run_find_end_step(rt__run *r);
/* Goes on once all that must be known before the first generation is known. */
void rt__run_begin(rt__run *r, double now);
/* A coordinator before us started a generation: whoever of it speaks is heard, also before the launcher has called. */
void rt__run_expect_workers(rt__run *r, double now);
void rt__run_recover(rt__run *r, double now, bool again);
void rt__run_on_recovered(rt__run *r, double now, const rt__event *e);
void rt__run_on_verifying(rt__run *r, double now, const rt__event *e);
void rt__run_forget_verifying(rt__run *r);
/* Has this launch of the run changed nothing yet? Then what an earlier one left is as it was, and stays so. */
bool rt__run_is_untouched(const rt__run *r);
void rt__run_on_hello(rt__run *r, double now, const rt_frame *f);
void rt__run_on_exited(rt__run *r, double now, const rt_msg_exited *m);
/* Lets the generation end after the step in flight; the next one starts from there. */
void rt__run_regroup_soon(rt__run *r, double now, const char *why);
void rt__run_tick_generations(rt__run *r, double now);
/* Returns how many workers the next generation is to have. */
int64_t rt__run_wanted(const rt__run *r);
/* A first report after a loss ends the recovery. */
void rt__run_end_recovery(rt__run *r, double now, const rt_msg_report *m);
void rt__run_end_job(rt__run *r, const char *reason);

/* Returns the host of a rank: where it says it is, or, before its HELLO, where it was put; "": not known. */
const char *rt__run_host_of(const rt__run *r, int64_t rank);

/* ---- missing.c ---- */
/* Names ranks that do not come to a generation that is being gathered, soon, and gives it up, later. */
void rt__run_look_for_missing(rt__run *r, double now);

/* ---- faults.c ---- */
/* A run that has made all its steps has failed all the same if the loss it ends with is not a number. */
void rt__run_fail_if_not_finite(rt__run *r);

/* ---- notes.c ---- */
/* Says what a user may not expect, before the first step of a launch. made: steps that the run had come to before. */
void rt__run_tell_notes(rt__run *r, double now, int64_t made);
enum { RT__NOTE = 512 }; /* bytes of a note, with the zero */
/* Returns `text`, which says so, if the training loss at the end of the run tells of no learning; NULL: it does not. */
const char *rt__run_learned_nothing(const rt__run *r, char text[RT__NOTE]);

/* ---- faults.c ---- */
/* How much a sign of a lost generation says about its cause. A rank that lost its neighbour
 * complains before anyone knows that the neighbour was killed; the kill is what the user has to
 * hear of. */
enum {
    RT__CAUSE_CONSEQUENCE = 1,
    RT__CAUSE_EXIT_CODE,
    RT__CAUSE_FAULT,
    RT__CAUSE_CULPRIT, /* a fault that all ranks tell of, told by the one it comes from */
    RT__CAUSE_SIGNAL
};
/* Notes a sign that this generation is lost; the weightiest is kept. rank -1: not known. at: when it was seen. */
__attribute__((format(printf, 5, 6))) void rt__run_note_cause(rt__run *r, double at, int weight,
                                                              int64_t rank, const char *fmt, ...);
/* Gives the generation up: its job is ended, and REGROUP waits for that. */
void rt__run_give_up_generation(rt__run *r, double now, const char *reason);
void rt__run_on_fault(rt__run *r, double now, int64_t rank, const rt_msg_fault *m);
/* Acts on a step that is not finite if that has been known for `patience` seconds and not been acted on. */
void rt__run_settle_not_finite(rt__run *r, double now, double patience);
void rt__run_on_checksum(rt__run *r, double now, int64_t rank, const rt_msg_checksum *m);
/* Acts on sums that were found to differ before the generation was taken over. */
void rt__run_act_on_mismatch(rt__run *r, double now);
void rt__run_on_skipped(rt__run *r, double now, const rt_msg_skipped *m);
void rt__run_note_exit(rt__run *r, double now, const rt_msg_exited *m);
/* Looks for workers that hold the others up. */
void rt__run_tick_health(rt__run *r, double now);
/* Learns from traces where ranks of the generation before died; fails the run if it was always the same slice. */
void rt__run_learn_from_traces(rt__run *r, double now);

/* ---- control.c ---- */
/* Answers a tool; false if the message is none of theirs. */
bool rt__run_on_tool(rt__run *r, double now, const rt_frame *f);
void rt__run_on_interrupt(rt__run *r, double now, int64_t signal);
/* Gives up a stop with a checkpoint that takes too long to get to. */
void rt__run_tick_interrupt(rt__run *r, double now);
/* Passes on what was wanted while nobody was there to do it: to stop, or to make way for another generation. */
void rt__run_pass_on_orders(rt__run *r, double now);
void rt__run_on_leave(rt__run *r, double now, int64_t rank, const rt_msg_leave *m);
void rt__run_on_hosts(rt__run *r, double now, const rt_msg_hosts *m);
void rt__run_on_probed(rt__run *r, double now, const rt_msg_probed *m);
void rt__run_tick_hosts(rt__run *r, double now);
/* Has the launcher find out whether a host can be reached; until then it takes no workers. */
void rt__run_probe(rt__run *r, rt__host *host);
/* A checkpoint of a step was committed (text: its path) or has failed (text: why): tells tools that wait. */
void rt__run_tell_askers(rt__run *r, int64_t step, bool committed, const char *text);

#endif
