/* What coordinator/machine/protocol.def allows does happen: for each input, phase and phase that may follow there is a row here, and the
 * last test fails if one is missing. That nothing else happens is checked by every test, because machine_feed fails on a phase that
 * the table lacks.
 *
 * Events are separated by commas. "!" lets another coordinator take over, "+N event" lets N seconds pass first. */
#include "takeover.h"

typedef struct run {
    machine machines[2]; /* the second one takes over */
    machine *m;
    const char *set; /* settings, separated by blanks */
    double now;
} run;

/* All changes of phase so far: [input][from] is the set of phases that were entered. */
static uint32_t seen[RT__INPUTS][RT__PHASES];

static void note_phase(void *ctx, rt__input_kind input, rt__phase from, rt__phase to)
{
    (void)ctx;
    seen[input][from] |= UINT32_C(1) << to;
}

static void begin(run *t, const char *set)
{
    rt__history history;
    *t = (run){.m = t->machines, .set = set, .now = 1};
    machine_configure(t->m, 2);
    machine_set(t->m, set);
    t->m->journal = json_array();
    t->m->effects.journal = write_down;
    t->m->effects.entered = note_phase;
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(t->m, history, false);
}

static void end(run *t)
{
    if (t->m != t->machines)
        machine_release(&t->machines[0]);
    machine_release(t->m);
}

static void feed(run *t, const char *event)
{
    int seconds = 0, used = 0;
    if (strcmp(event, "!") == 0) {
        assert_ptr_equal(t->m, t->machines);
        t->m = &t->machines[1];
        take_over_with(t->m, &t->machines[0], t->set);
        t->m->effects.entered = note_phase;
        return;
    }
    if (sscanf(event, "+%d %n", &seconds, &used) == 1)
        t->now += seconds;
    machine_feed(t->m, t->now, event + used);
    if (strncmp(event, "nomemory", 8) != 0)
        rt_mem_fail_after(-1);
}

static void play(run *t, const char *events)
{
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", events);
    for (char *event; (event = strsep(&rest, ","));) {
        event += strspn(event, " ");
        if (*event)
            feed(t, event);
    }
}

static void expect_phase(const run *t, rt__phase phase, const char *after)
{
    if (t->m->run.phase != phase)
        fail_msg("%s: phase %s, expected %s", after, rt__run_phase_name(t->m->run.phase),
                 rt__run_phase_name(phase));
}

/* ---- the run fails, in every phase in which it can ---- */

#define LISTED  "parallel.hostfile=hosts"
#define JOINED  "launcher 0, hosts 2 2, recovered 0, hello 0, hello 1, layout, "
#define BEGIN   JOINED "report 10, "
#define ADOPTED BEGIN "!, launcher 1, hello 0 10 1, hello 1 10 1, "

/* How a run with a host file comes into a phase, with all that a worker says and with a rank 0 that has joined, if there is a job. */
static const char *const ways[RT__DONE] = {
    [RT__BOOT] = "launcher 0",
    [RT__ADOPT] = ADOPTED,
    [RT__RECOVER] = "launcher 0, hosts 2 2",
    [RT__REJOIN] = ADOPTED "hosts 2 2",
    [RT__GATHER] = "launcher 0, hosts 2 2, recovered 0, hello 0",
    [RT__RUN] = BEGIN,
    [RT__RESHAPE] = BEGIN "leave 1",
    [RT__DRAIN] = BEGIN "interrupt 2",
    [RT__LEAVE] = BEGIN "finished 0 100, finished 1 100",
    [RT__SETTLE] =
        BEGIN "piece 0 100, piece 1 100, finished 0 100, finished 1 100, exited 1 137 9 1",
    [RT__QUIT] = BEGIN "fault 1 -25, interrupt 2, interrupt 2",
    [RT__REGROUP] = BEGIN "fault 1 -25",
    [RT__BACKOFF] = BEGIN "hosts 1 2, gone 0",
    [RT__FAILING] = BEGIN "fault 1 -10",
};

/* Each input that can fail the run, and why it does. Inputs that decide something fail it if that cannot be journaled. */
static const struct failure {
    rt__input_kind input;
    uint32_t phases; /* 0: all in which the table says so */
    const char *set, *way, *before, *event, *message;
} failures[] = {
#define ROW(input, phases, set, ...)                                                               \
    {                                                                                              \
        RT__INPUT_##input, phases, LISTED " " set, __VA_ARGS__                                     \
    }
#define NO_SPACE "no space left on device"
    ROW(HOSTS, 0, "", NULL, "", "badhosts", "HOSTS: 1 names and 0 numbers of slots"),
    ROW(HELLO, 0, "", NULL, "", "misfit 1", "worker 1 on host box has instruction set avx512"),
    ROW(HELLO, RT__IN(GATHER), "", NULL, "full", "hello 1", NO_SPACE),
    ROW(HELLO, RT__IN(GATHER), "evaluate.every=20", NULL, "full", "hello 1", NO_SPACE),
    ROW(EVALUATED, 0, "", NULL, "", "badevaluation", "an evaluation"),
    ROW(LAYOUT, 0, "", NULL, "", "badlayout", "LAYOUT of worker 0"),
    ROW(PIECE_DONE, 0, "", NULL, "", "badpiece 0", "PIECE_DONE of step 1 with file \"../x\""),
    ROW(PIECE_FAILED, 0, "", NULL, "nomemory 0", "nopiece 0 50", "memory"),
    ROW(FAULT, 0, "", NULL, "", "fault 0 -10", "it broke"),
    ROW(FAULT, RT__JOINING | RT__STEPPING, "run.nan_loss=restart-from-checkpoint", NULL, "full",
        "fault 0 -29 2 12", NO_SPACE),
    ROW(FAULT, RT__IN(RUN), "", BEGIN "exited 1 137 9 1, recovered 0, hello 0 0 0 60, hello 1",
        "full", "fault 0 -10", NO_SPACE),
    ROW(CHECKSUM, 0, "run.hash_every=10", NULL, "sum 0 20 7, full", "sum 1 20 8", NO_SPACE),
    ROW(SKIPPED, 0, "run.nan_skip_limit=1", NULL, "", "skipped 20",
        "the last 1 step up to step 21"),
    ROW(RECOVERED, 0, "", NULL, "", "unrecoverable", "it is altered"),
    ROW(RECOVERED, RT__IN(RECOVER), "", NULL, "full", "recovered 0", NO_SPACE),
    ROW(RECOVERED, RT__IN(RECOVER), "", NULL, "full", "chosen 50", NO_SPACE),
    ROW(EXITED,
        RT__IN(ADOPT) | RT__IN(REJOIN) | RT__IN(GATHER) | RT__IN(RUN) | RT__IN(RESHAPE) |
            RT__IN(DRAIN) | RT__IN(REGROUP),
        "run.max_restarts=0", NULL, "", "exited 1 137 9 1", "gave up after 0 restarts"),
    ROW(EXITED, RT__IN(ADOPT) | RT__IN(REJOIN) | RT__IN(REGROUP), "run.hash_every=10", NULL,
        "sum 0 20 7, sum 1 20 8, full", "exited 1 137 9 1", NO_SPACE),
    ROW(EXITED, RT__IN(QUIT), "run.hash_every=10",
        BEGIN "fault 1 -25, sum 0 20 7, sum 1 20 8, interrupt 2, interrupt 2", "full",
        "exited 1 137 9 1", NO_SPACE),
    ROW(TAKEOVER, RT__IN(BOOT), "", BEGIN "!", "nomemory 0", "progress 0 10", "memory"),
    ROW(BLAME_TIMER, RT__JOINING | RT__STEPPING, "run.nan_loss=stop", NULL, "fault 0 -29",
        "+2 tick", "it broke"),
    ROW(BLAME_TIMER, RT__JOINING | RT__STEPPING, "run.nan_loss=restart-from-checkpoint", NULL,
        "fault 0 -29, full", "+2 tick", NO_SPACE),
    ROW(BLAME_TIMER, RT__IN(REGROUP), "run.hash_every=10 run.nan_loss=restart-from-checkpoint",
        BEGIN "fault 0 -29, sum 0 20 7, sum 1 20 8", "full", "+2 tick", NO_SPACE),
    ROW(UNKNOWN_TIMER, RT__IN(REJOIN), "", BEGIN "!, launcher 0, hosts 2 2", "nomemory 0",
        "+2 tick", "memory"),
    ROW(UNKNOWN_TIMER, RT__IN(GATHER), "", BEGIN "!, launcher 0, hosts 2 2, recovered 0",
        "nomemory 0", "+2 tick", "memory"),
#undef ROW
};

/* Returns the phases in which the table lets this input fail the run. */
static uint32_t phases_that_fail(rt__input_kind input)
{
    int count;
    uint32_t phases = 0;
    const rt__rule *rules = rt__run_rules(&count);
    for (int i = 0; i < count; i++)
        if (rules[i].input == input && rules[i].next & RT__IN(FAILING))
            phases |= rules[i].phases;
    return phases & ~RT__IN(FAILING); /* a run fails once */
}

/* Checks that the run fails by name and ends the job, that nothing more is decided, and that what was decided stays. */
static void check_failure(const struct failure *f, rt__phase phase)
{
    run t;
    char exited[40];
    begin(&t, f->set);
    play(&t, f->way ? f->way : ways[phase]);
    play(&t, f->before);
    expect_phase(&t, phase, f->before);
    rt__run *r = &t.m->run;
    int64_t generation = r->history.generation, committed = r->history.committed_step;
    size_t records = json_array_size(t.m->journal);
    machine_done(t.m);
    feed(&t, f->event);
    bool job = rt__run_has_job(r);
    if (t.m->run.phase != (job ? RT__FAILING : RT__FAILED))
        fail_msg("%s, then %s, %s: phase %s", f->way ? f->way : ways[phase], f->before, f->event,
                 rt__run_phase_name(t.m->run.phase));
    assert_int_equal(strstr(machine_done(t.m), "END_GENERATION>l") != NULL, job);
    assert_int_equal(r->history.generation, generation);
    assert_int_equal(r->history.committed_step, committed);
    if (t.m->journal_full)
        assert_int_equal(json_array_size(t.m->journal), records);
    snprintf(exited, sizeof exited, "room, exited %lld 1 0 -1", (long long)r->generation);
    if (job)
        play(&t, exited);
    expect_phase(&t, RT__FAILED, f->event);
    assert_true(t.m->exit_code > 0);
    if (!strstr(t.m->message, f->message))
        fail_msg("%s: message \"%s\", expected \"%s\"", f->event, t.m->message, f->message);
    if (strncmp(f->before, "nomemory", 8) == 0)
        rt_error_clear(); /* nor was there memory for the last records */
    else if (rt_failed())
        fail_msg("%s, %s in %s: left an error: %s", f->before, f->event, rt__run_phase_name(phase),
                 rt_error());
    end(&t);
}

static void the_run_fails_by_name_wherever_it_can(void **state)
{
    (void)state;
    uint32_t checked[RT__INPUTS] = {0};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        const struct failure *f = &failures[i];
        uint32_t phases = f->phases ? f->phases : phases_that_fail(f->input);
        checked[f->input] |= phases;
        for (int p = 0; p < RT__DONE; p++)
            if (phases >> p & 1)
                check_failure(f, (rt__phase)p);
    }
    for (int input = 0; input < RT__INPUTS; input++)
        assert_int_equal(checked[input], phases_that_fail((rt__input_kind)input));
}

/* ---- requests to stop ---- */

typedef struct move {
    rt__phase from;
    const char *set; /* NULL: a host file; "": nothing; else this and a host file */
    const char *way; /* NULL: ways[from] */
    const char *event;
    rt__phase to;
} move;

static void check_move(const move *row, const char *event)
{
    run t;
    char set[128];
    const char *more = row->set ? row->set : LISTED;
    snprintf(set, sizeof set, "%s %s", *more ? LISTED : "", more);
    begin(&t, set);
    play(&t, row->way ? row->way : ways[row->from]);
    expect_phase(&t, row->from, row->way ? row->way : "the way there");
    play(&t, event);
    if (t.m->run.phase != row->to)
        fail_msg("%s, then %s: phase %s, expected %s", row->way ? row->way : ways[row->from], event,
                 rt__run_phase_name(t.m->run.phase), rt__run_phase_name(row->to));
    assert_int_equal(rt__run_ended(&t.m->run), t.m->exit_code >= 0);
    assert_false(rt_failed());
    end(&t);
}

/* Generations that have finished to make way for another one, without a report: the journal was full then, or there was no step. */
#define NO_STEP  JOINED "leave 1, finished 0 0, finished 1 0, "
#define UNSAVED  JOINED "leave 1, finished 0 43, finished 1 43, "
#define TAKEN    "!, launcher 1, "
#define RETAKEN  "!, launcher 1, hosts 2 2, "
#define NO_PLACE "early 0 -25, hosts 1 0, exited 1 1 0 1"

/* The first request to stop, by a signal or a tool. */
static const move stops[] = {
    {RT__BOOT, NULL, NULL, NULL, RT__DONE},
    {RT__ADOPT, NULL, "launcher 0, hosts 2 2, recovered 0, " TAKEN, NULL, RT__QUIT},
    {RT__ADOPT, NULL, NO_STEP TAKEN "exited 1 0 0 -1", NULL, RT__DONE},
    {RT__ADOPT, NULL, UNSAVED TAKEN "exited 1 0 0 -1", NULL, RT__FAILED},
    {RT__REJOIN, NULL, "launcher 0, hosts 2 2, recovered 0, " RETAKEN, NULL, RT__QUIT},
    {RT__REJOIN, NULL, NO_STEP RETAKEN "exited 1 0 0 -1", NULL, RT__DONE},
    {RT__REJOIN, NULL, UNSAVED RETAKEN "exited 1 0 0 -1", NULL, RT__FAILED},
    {RT__REJOIN, NULL, NULL, NULL, RT__REJOIN}, /* its state will be saved */
    {RT__RECOVER, NULL, NULL, NULL, RT__DONE},
    {RT__RECOVER, NULL, UNSAVED "exited 1 0 0 -1", NULL, RT__FAILED},
    {RT__GATHER, NULL, NULL, NULL, RT__QUIT},
    {RT__REGROUP, NULL, JOINED "fault 1 -25", NULL, RT__QUIT},
    {RT__BACKOFF, NULL, JOINED "hosts 1 2, gone 0", NULL, RT__DONE},
    {RT__BACKOFF, NULL, UNSAVED RETAKEN NO_PLACE, NULL, RT__FAILED},
    {RT__RUN, NULL, NULL, NULL, RT__DRAIN},
    {RT__RESHAPE, NULL, NULL, NULL, RT__DRAIN},
};

static void a_request_to_stop_ends_what_needs_no_saving(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        check_move(&stops[i], "interrupt 15");
        check_move(&stops[i], "stop");
    }
}

/* The state after the last step is being committed, and no report has arrived: a signal waits for the commit, too. */
static void a_signal_waits_for_the_last_commit(void **state)
{
    (void)state;
    run t;
    begin(&t, "");
    play(&t, "launcher 0, recovered 0, hello 0, hello 1, layout, piece 0 100, piece 1 100, "
             "finished 0 100, finished 1 100, exited 1 0 0 -1");
    expect_phase(&t, RT__SETTLE, "exited");
    play(&t, "interrupt 15");
    expect_phase(&t, RT__SETTLE, "interrupt");
    play(&t, "committed 100");
    expect_phase(&t, RT__DONE, "committed");
    assert_int_equal(t.m->exit_code, 0); /* all steps are made and saved */
    end(&t);
}

/* The job of an adopted generation ends before the launcher has sent the host file: no generation is started before it has. */
static void a_lost_generation_waits_for_the_hosts(void **state)
{
    (void)state;
    run t;
    begin(&t, LISTED);
    play(&t, ADOPTED);
    expect_phase(&t, RT__ADOPT, "launcher");
    machine_done(t.m);
    play(&t, "exited 1 137 9 1, +5 tick");
    assert_string_equal(machine_done(t.m), "event:worker_lost");
    expect_phase(&t, RT__BACKOFF, "exited");
    play(&t, "hosts 2 2, tick");
    assert_string_equal(machine_done(t.m), "again");
    expect_phase(&t, RT__RECOVER, "hosts");
    end(&t);
}

/* ---- all the others ---- */

#define FINISHED   "finished 0 100, finished 1 100, "
#define COMMITTING "piece 0 100, piece 1 100, "
#define AT_ONCE    "interrupt 2, interrupt 2"
#define NAN_ONCE   "run.nan_loss=restart-from-checkpoint"
#define SUMS       "run.hash_every=10"
#define STALLS     "run.stall_action=restart"

static const move moves[] = {
    /* hosts and workers that come and go */
    {RT__BOOT, NULL, NULL, "hosts 2 2", RT__RECOVER},
    {RT__ADOPT, NULL, NULL, "hosts 2 2", RT__REJOIN},
    {RT__ADOPT, "", BEGIN "!, progress 0 10", "launcher 1", RT__REJOIN},
    {RT__RUN, NULL, NULL, "hosts 2 1", RT__RESHAPE},
    {RT__GATHER, NULL, "launcher 0, hosts 2 2, recovered 0, hello 0, scale 1", "hello 1",
     RT__RESHAPE},
    {RT__RUN, NULL, BEGIN, "scale 1", RT__RESHAPE},
    {RT__RUN, "", "launcher 0 1, recovered 0, hello 0, hello 1", "leave 1", RT__DRAIN},
    {RT__RUN, NULL, "launcher 0, hosts 2 1, recovered 0, gone 1, recovered 0, hello 0, +20 tick",
     "probed 1 1", RT__RESHAPE},
    {RT__RECOVER, NULL, "launcher 0, hosts 1 0", "recovered 0", RT__BACKOFF},
    {RT__REJOIN, NULL, ADOPTED "hosts 2 2, scale 1", "recovered 0", RT__RESHAPE},
    {RT__REJOIN, NAN_ONCE, BEGIN "fault 1 -29 2 12, " RETAKEN "hello 0 10 1, hello 1 10 1",
     "recovered 0", RT__REGROUP},
    {RT__REJOIN, NULL, BEGIN FINISHED RETAKEN "exited 1 0 0 -1", "recovered 0", RT__FAILED},
    {RT__REJOIN, NULL, BEGIN FINISHED RETAKEN "exited 1 0 0 -1", "recovered 100", RT__DONE},
    {RT__REJOIN, NULL, BEGIN FINISHED RETAKEN, "recovered 100", RT__LEAVE},
    {RT__REJOIN, NULL, BEGIN "leave 1, finished 0 43, finished 1 43, " RETAKEN "exited 1 0 0 -1",
     "recovered 0", RT__RECOVER},

    /* the end of the job */
    {RT__REJOIN, NULL, NULL, "exited 1 137 9 1", RT__RECOVER},
    {RT__GATHER, NULL, NULL, "exited 1 137 9 1", RT__RECOVER},
    {RT__DRAIN, NULL, NULL, "exited 1 137 9 1", RT__RECOVER},
    {RT__DRAIN, NULL, BEGIN "interrupt 2, interrupt 2", "exited 1 137 9 1", RT__DONE},
    {RT__LEAVE, NULL, NULL, "exited 1 0 0 -1", RT__FAILED},
    {RT__LEAVE, NULL, BEGIN COMMITTING "committed 100, " FINISHED, "exited 1 0 0 -1", RT__DONE},
    {RT__REGROUP, NULL, NULL, "exited 1 137 9 1", RT__RECOVER},
    {RT__REGROUP, NULL, BEGIN "interrupt 2, interrupt 2, fault 0 -25", "exited 1 137 9 1",
     RT__DONE},
    {RT__REGROUP, NULL, BEGIN FINISHED "fault 0 -25", "exited 1 0 0 -1", RT__FAILED},
    {RT__QUIT, NULL, NULL, "exited 1 137 9 1", RT__DONE},
    {RT__ADOPT, NULL, "launcher 0, hosts 2 2, recovered 0, interrupt 2, " TAKEN, "exited 1 1 0 1",
     RT__DONE},
    {RT__ADOPT, NULL,
     BEGIN "interrupt 2, " TAKEN "hello 0 43 1, hello 1 43 1, finished 0 43, "
           "finished 1 43, " AT_ONCE,
     "exited 1 1 0 1", RT__FAILED},
    {RT__REJOIN, NULL, "launcher 0, hosts 2 2, recovered 0, interrupt 2, " RETAKEN,
     "exited 1 1 0 1", RT__DONE},
    {RT__REJOIN, NULL,
     BEGIN "interrupt 2, " TAKEN "hello 0 43 1, hello 1 43 1, finished 0 43, "
           "finished 1 43, " AT_ONCE ", hosts 2 2",
     "exited 1 1 0 1", RT__FAILED},
    {RT__GATHER, NULL,
     BEGIN "piece 0 10, piece 1 10, committed 10, exited 1 137 9 1, interrupt 2, recovered 10",
     "exited 2 137 9 1", RT__DONE},
    {RT__RESHAPE, NULL, NULL, "exited 1 137 9 1", RT__RECOVER},
    {RT__RESHAPE, NULL, BEGIN "leave 1, " COMMITTING FINISHED, "exited 1 0 0 -1", RT__SETTLE},
    {RT__RESHAPE, NULL, BEGIN "leave 1, " COMMITTING FINISHED "nopiece 0 90, committed 100",
     "exited 1 0 0 -1", RT__DONE},
    {RT__RESHAPE, NULL, BEGIN "leave 1, " COMMITTING FINISHED "nopiece 0 90, uncommitted 100",
     "exited 1 0 0 -1", RT__FAILED},
    {RT__DRAIN, NULL, BEGIN COMMITTING FINISHED "nopiece 0 90, uncommitted 100", "exited 1 0 0 -1",
     RT__FAILED},
    {RT__LEAVE, NULL, BEGIN FINISHED COMMITTING, "exited 1 0 0 -1", RT__SETTLE},
    {RT__REGROUP, NULL, BEGIN FINISHED COMMITTING "fault 0 -25", "exited 1 0 0 -1", RT__SETTLE},
    {RT__QUIT, NULL, BEGIN FINISHED "fault 0 -25, " AT_ONCE, "exited 1 0 0 -1", RT__FAILED},
    {RT__FAILING, SUMS, BEGIN "fault 1 -10, sum 0 20 7, sum 1 20 8, full", "exited 1 2 0 1",
     RT__FAILED},

    /* a late answer about a checkpoint was all that was waited for */
    {RT__DRAIN, NULL, BEGIN COMMITTING FINISHED, "committed 100", RT__LEAVE},
    {RT__RESHAPE, NULL, BEGIN "leave 1, " COMMITTING FINISHED, "committed 100", RT__LEAVE},
    {RT__LEAVE, NULL, BEGIN FINISHED COMMITTING, "committed 100", RT__LEAVE},
    {RT__QUIT, NULL, BEGIN FINISHED COMMITTING "fault 0 -25, " AT_ONCE, "committed 100", RT__LEAVE},
    {RT__RESHAPE, NULL, BEGIN "leave 1, " COMMITTING FINISHED "nopiece 0 90, uncommitted 100",
     "piece 1 90", RT__LEAVE},
    {RT__DRAIN, NULL, BEGIN COMMITTING FINISHED "nopiece 0 90, uncommitted 100", "piece 1 90",
     RT__LEAVE},
    {RT__LEAVE, NULL, BEGIN FINISHED "nopiece 0 90", "piece 1 90", RT__LEAVE},
    {RT__QUIT, NULL, BEGIN FINISHED "nopiece 0 90, fault 0 -25, " AT_ONCE, "piece 1 90", RT__LEAVE},
    {RT__RESHAPE, NULL, BEGIN "leave 1, " COMMITTING FINISHED "nopiece 0 90, uncommitted 100",
     "nopiece 1 90", RT__LEAVE},
    {RT__DRAIN, NULL, BEGIN COMMITTING FINISHED "nopiece 0 90, uncommitted 100", "nopiece 1 90",
     RT__LEAVE},
    {RT__LEAVE, NULL, BEGIN FINISHED "nopiece 0 90", "nopiece 1 90", RT__LEAVE},
    {RT__QUIT, NULL, BEGIN FINISHED "nopiece 0 90, fault 0 -25, " AT_ONCE, "nopiece 1 90",
     RT__LEAVE},
    /* an older checkpoint, while the generation that left made none: its last state is in memory alone */
    {RT__SETTLE, NULL,
     BEGIN "piece 0 40, piece 1 40, leave 1, interrupt 2, finished 0 43 43, finished 1 43 43, "
           "exited 1 0 0 -1",
     "committed 40", RT__RECOVER},
    {RT__SETTLE, NULL, NULL, "uncommitted 100", RT__FAILED},
    /* the last rank has finished, or has said so before the others have joined again */
    {RT__GATHER, NULL, BEGIN RETAKEN "recovered 0, hello 0 100 1, finished 0 100", "hello 1 99 1",
     RT__DRAIN},
    {RT__RUN, NULL, "launcher 0, hosts 1 1, recovered 0, hello 0", "finished 0 100", RT__LEAVE},
    {RT__QUIT, NULL, BEGIN "finished 0 100, fault 1 -25, " AT_ONCE, "finished 1 100", RT__LEAVE},

    /* the generation is abandoned */
    {RT__REJOIN, NULL, NULL, "fault 0 -25", RT__REGROUP},
    {RT__GATHER, NULL, NULL, "fault 0 -25", RT__REGROUP},
    {RT__QUIT, NULL, NULL, "fault 0 -25", RT__REGROUP},
    {RT__GATHER, NULL, BEGIN RETAKEN "recovered 0, hello 0 0 0, full", "hello 1 10 1", RT__REGROUP},
    {RT__RESHAPE, NULL, NULL, "fault 0 -25", RT__REGROUP},
    {RT__RESHAPE, SUMS, NULL, "sum 0 20 7, sum 1 20 8", RT__REGROUP},
    {RT__DRAIN, SUMS, NULL, "sum 0 20 7, sum 1 20 8", RT__REGROUP},
    {RT__LEAVE, SUMS, NULL, "sum 0 20 7, sum 1 20 8", RT__REGROUP},
    {RT__QUIT, SUMS, NULL, "sum 0 20 7, sum 1 20 8", RT__REGROUP},
    {RT__REJOIN, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__GATHER, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__RUN, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__RESHAPE, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__DRAIN, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__LEAVE, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__QUIT, NAN_ONCE, NULL, "fault 0 -29, +2 tick", RT__REGROUP},
    {RT__REGROUP, NAN_ONCE " " SUMS, BEGIN "fault 0 -29, sum 0 20 7, sum 1 20 8", "+2 tick",
     RT__REGROUP},
    {RT__REJOIN, NULL, BEGIN RETAKEN, "+130 tick", RT__REGROUP},
    {RT__GATHER, NULL, NULL, "+130 tick", RT__REGROUP},
    {RT__RUN, STALLS, NULL, "works 1 10 40, waits 0 10 1 40, +12 tick", RT__REGROUP},
    {RT__RESHAPE, STALLS, NULL, "works 1 10 40, waits 0 10 1 40, +12 tick", RT__REGROUP},
    {RT__DRAIN, STALLS, NULL, "works 1 10 40, waits 0 10 1 40, +12 tick", RT__REGROUP},

    /* the job that the launcher does not mention had hosts that have gone */
    {RT__REJOIN, NULL, BEGIN "!, launcher 0, hosts 1 0", "+2 tick", RT__RECOVER},
    {RT__GATHER, NULL, BEGIN "!, launcher 0, hosts 1 0, recovered 0", "+2 tick", RT__RECOVER},

    /* the time to save the last state has run out */
    {RT__RECOVER, NULL, BEGIN "exited 1 137 9 1, interrupt 2", "+16 tick", RT__DONE},
    {RT__RECOVER, NULL, BEGIN "leave 1, finished 0 43, finished 1 43, exited 1 0 0 -1, interrupt 2",
     "+16 tick", RT__FAILED},
    {RT__BACKOFF, NULL, BEGIN "hosts 1 0, exited 1 137 9 1, interrupt 2", "+16 tick", RT__DONE},
    {RT__BACKOFF, NULL,
     BEGIN "leave 1, finished 0 43, finished 1 43, " RETAKEN NO_PLACE ", interrupt 2", "+16 tick",
     RT__FAILED},
    {RT__REJOIN, NULL, BEGIN RETAKEN "interrupt 2", "+16 tick", RT__QUIT},
    {RT__REJOIN, NULL,
     BEGIN COMMITTING "committed 100, " FINISHED RETAKEN "exited 1 0 0 -1, interrupt 2", "+16 tick",
     RT__DONE},
    {RT__REJOIN, NULL, BEGIN FINISHED RETAKEN "exited 1 0 0 -1, interrupt 2", "+16 tick",
     RT__FAILED},
    {RT__REGROUP, NULL, BEGIN "interrupt 2, fault 0 -25", "+16 tick", RT__QUIT},
    {RT__GATHER, NULL, BEGIN "exited 1 137 9 1, interrupt 2, recovered 0", "+16 tick", RT__QUIT},
};

static void what_the_table_allows_happens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        check_move(&moves[i], moves[i].event);
}

/* Decisions without which the run can go on are not made if the journal is full: what was asked for is refused, or done all the same. */
static void a_full_journal_refuses_what_can_wait(void **state)
{
    (void)state;
    static const struct {
        rt__phase from;
        const char *way, *event, *effects;
        rt__phase to;
    } rows[] = {
        {RT__RUN, BEGIN, "scale 1", "REFUSED>t", RT__RUN},
        {RT__RUN, BEGIN, "leave 1", "event:leave STOP>w0", RT__RESHAPE},
        {RT__RUN, BEGIN, "interrupt 2", "event:interrupted STOP>w0", RT__DRAIN},
        {RT__DRAIN, BEGIN "finished 0 100", "finished 1 100", "STOP>w0 STOP>w1", RT__LEAVE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run t;
        begin(&t, "");
        play(&t, rows[i].way);
        expect_phase(&t, rows[i].from, rows[i].way);
        machine_done(t.m);
        t.m->journal_full = true;
        play(&t, rows[i].event);
        assert_string_equal(machine_done(t.m), rows[i].effects);
        expect_phase(&t, rows[i].to, rows[i].event);
        assert_int_equal(t.m->run.history.target, 0);
        assert_false(rt_failed());
        end(&t);
    }
}

/* Runs last, as it judges what the tests before it have done. */
static void every_row_is_true(void **state)
{
    (void)state;
    static const char *const names[] = {
#define MESSAGE(name, sender, text) #name,
#define INPUT(name, from, text)     #name,
#include "coordinator/machine/protocol.def"
    };
    int count, missing = 0;
    const rt__rule *rules = rt__run_rules(&count);
    for (int i = 0; i < count; i++)
        for (int from = 0; from < RT__DONE; from++) {
            uint32_t next = from == RT__FAILING ? rules[i].next & ~RT__IN(FAILING) : rules[i].next;
            for (int to = 0; to < RT__PHASES; to++)
                if (rules[i].phases >> from & 1 && next >> to & 1 &&
                    !(seen[rules[i].input][from] >> to & 1)) {
                    print_error("%s in %s: no row leads to %s\n", names[rules[i].input],
                                rt__run_phase_name((rt__phase)from),
                                rt__run_phase_name((rt__phase)to));
                    missing++;
                }
        }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_run_fails_by_name_wherever_it_can),
        cmocka_unit_test(a_request_to_stop_ends_what_needs_no_saving),
        cmocka_unit_test(a_signal_waits_for_the_last_commit),
        cmocka_unit_test(a_lost_generation_waits_for_the_hosts),
        cmocka_unit_test(what_the_table_allows_happens),
        cmocka_unit_test(a_full_journal_refuses_what_can_wait),
        cmocka_unit_test(every_row_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
