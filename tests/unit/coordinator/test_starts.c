/* Generations that do not start: which rank is named, what the coordinator waits for, which hosts are set aside, and when another attempt is
 * pointless. */
#include "common/base/phase.h"
#include "machine.h"

/* Begins a run on h0 and h1 with one worker each; the launcher is on h0. */
static void begin_on_hosts(machine *m)
{
    static const char *const names[] = {"h0", "h1"};
    static const int64_t slots[] = {1, 1};
    rt__history history;
    machine_configure(m, 2);
    assert_int_equal(rt_config_set(&m->cfg, "parallel.hostfile=hosts"), RT_OK);
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(m, history, false);
    machine_frame(m, 0, "l", RT_MSG_LAUNCHER,
                  (rt_msg_body){.launcher = {.pid = 1, .host = "h0", .starts_once = ""}});
    const rt_msg_hosts two = {.hosts = names, .hosts_count = 2, .slots = slots, .slots_count = 2};
    machine_frame(m, 0, "l", RT_MSG_HOSTS, (rt_msg_body){.hosts = two});
    machine_feed(m, 0, "recovered 0");
}

static void begin_here(machine *m)
{
    machine_init(m, 2);
    machine_feed(m, 0, "launcher 0");
    machine_feed(m, 0, "recovered 0");
}

static void exited(machine *m, double now, rt_msg_exited e)
{
    e.job_generation = m->run.generation;
    e.host = e.host ? e.host : "";
    e.reason = e.reason ? e.reason : "";
    machine_frame(m, now, "l", RT_MSG_EXITED, (rt_msg_body){.exited = e});
}

/* Feeds PROGRESS of a rank that has not sent HELLO yet, and has used its processor for so many seconds. */
static void early_with(machine *m, double now, int rank, const char *what, double cpu)
{
    rt_frame f = {
        .generation = m->run.generation,
        .type = RT_MSG_PROGRESS,
        .body = {.progress = {.what = what, .peer = -1, .snapshot_step = -1, .cpu = cpu}}};
    snprintf(f.peer, sizeof f.peer, "e%d", rank);
    snprintf(f.sender, sizeof f.sender, "worker %d", rank);
    rt__run_step(&m->run, now, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &f});
}

static void early(machine *m, double now, int rank, const char *what)
{
    early_with(m, now, rank, what, 0);
}

/* ---- deaths before HELLO ---- */

static void a_worker_without_hello_is_named_with_its_host(void **state)
{
    (void)state;
    machine m;
    begin_here(&m);
    machine_feed(&m, 0, "hello 0");
    exited(&m, 1, (rt_msg_exited){.exit_code = 137, .signal = 9, .rank = 1});
    assert_string_equal(m.cause, "worker 1 was killed by signal 9");
    assert_string_equal(m.host, "box");
    assert_int_equal(rt__run_failed(&m.run), false);
    machine_release(&m);
    begin_on_hosts(&m);
    exited(&m, 1, (rt_msg_exited){.exit_code = 137, .signal = 9, .rank = 1, .reason = "no memory"});
    assert_string_equal(m.cause, "worker 1 on h1 was killed by signal 9: no memory");
    assert_string_equal(m.host, "h1");
    assert_null(strstr(machine_done(&m), "host_lost")); /* one death may be chance */
    machine_release(&m);
}

static void a_host_that_sends_nothing_is_set_aside(void **state)
{
    (void)state;
    static const struct {
        int rank;    /* the one that leaves, with exit code 1 */
        bool spoken; /* it has sent a message before */
        bool out;    /* its host is set aside */
    } rows[] = {{1, false, true}, {1, true, false}, {0, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        begin_on_hosts(&m);
        machine_feed(&m, 1, rows[i].rank == 1 ? "hello 0" : "hello 1");
        if (rows[i].spoken)
            early(&m, 2, rows[i].rank, RT_WHAT_MPI_INIT);
        machine_done(&m);
        exited(&m, 16,
               (rt_msg_exited){.exit_code = 1, .rank = rows[i].rank, .reason = "not reachable"});
        assert_int_equal(strstr(machine_done(&m), "event:host_lost") != NULL, rows[i].out);
        machine_feed(&m, 16, "recovered 0");
        assert_int_equal(m.run.roster.world, rows[i].out ? 1 : 2);
        machine_release(&m);
    }
}

/* ---- when another attempt is pointless ---- */

static void pointless_restarts_are_not_made(void **state)
{
    (void)state;
    static const struct {
        rt_msg_exited e;
        int exit_code; /* -1: goes on */
        const char *message;
    } rows[] = {
        {{.exit_code = 132, .rank = -1, .reason = "w is missing", .final = true},
         1,
         "the workers could not be started: w is missing"},
        {{.exit_code = 132, .rank = -1, .host = "h1", .reason = "w is missing", .final = true},
         1,
         "the workers could not be started: host h1 cannot run workers: w is missing"},
        {{.exit_code = 2, .rank = 1, .reason = "no config.yaml"},
         2,
         "the workers could not be started: worker 1 on h1 left with exit code 2: no config.yaml"},
        {{.exit_code = 153, .signal = 25, .rank = 0, .reason = "small files only", .final = true},
         1,
         "the workers could not be started: worker 0 was killed by signal 25: small files only"},
        {{.exit_code = 255, .rank = -1, .host = "h1", .reason = "ssh: no route"}, -1, ""},
        {{.exit_code = 137, .signal = 9, .rank = 1}, -1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        begin_on_hosts(&m);
        exited(&m, 1, rows[i].e);
        assert_int_equal(m.exit_code, rows[i].exit_code);
        assert_string_equal(m.message, rows[i].message);
        machine_release(&m);
    }
}

/* Two deaths by the same signal, on the same host, before HELLO, are no chance, even if other workers have joined. */
static void a_program_that_crashes_at_once_is_restarted_once(void **state)
{
    (void)state;
    static const struct {
        bool hosts;
        int64_t signals[2];
        bool joined;         /* it had sent HELLO */
        const char *message; /* NULL: goes on */
    } rows[] = {
        {false,
         {4, 4},
         false,
         "worker 0 on box was killed by signal 4 (perhaps its processor lacks an instruction) "
         "before it reported, 2 times in a row"},
        {false, {11, 11}, false, "worker 0 on box was killed by signal 11 before it reported"},
        {false, {11, 6}, false, NULL},
        {false, {9, 9}, false, NULL},
        {false, {11, 11}, true, NULL},
        {true, {11, 11}, false, NULL}, /* there is another host */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        (rows[i].hosts ? begin_on_hosts : begin_here)(&m);
        for (int k = 0; k < 2; k++) {
            machine_feed(&m, k, "hello 1");
            if (rows[i].joined)
                machine_feed(&m, k, "hello 0");
            exited(&m, k + 1,
                   (rt_msg_exited){.exit_code = 128 + rows[i].signals[k],
                                   .signal = rows[i].signals[k]});
            machine_feed(&m, k + 1, "tick");
            machine_feed(&m, k + 1, "recovered 0");
        }
        assert_int_equal(rt__run_failed(&m.run), rows[i].message != NULL);
        if (rows[i].message && !strstr(m.message, rows[i].message))
            fail_msg("row %zu: %s", i, m.message);
        if (rows[i].hosts)
            assert_int_equal(m.run.roster.world, 1);
        machine_release(&m);
    }
}

/* A run that has made steps goes on without a host that can no longer run workers, if another host has room. */
static void a_run_under_way_goes_on_on_other_hosts(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        machine m;
        if (other)
            begin_on_hosts(&m);
        else
            begin_here(&m);
        machine_feed(&m, 1, "hello 0");
        machine_feed(&m, 1, "hello 1");
        machine_feed(&m, 2, "report 30");
        machine_done(&m);
        exited(&m, 3,
               (rt_msg_exited){
                   .exit_code = 132, .rank = -1, .host = other ? "h1" : "", .final = true});
        assert_int_equal(m.exit_code, other ? -1 : 1);
        assert_int_equal(strstr(machine_done(&m), "event:host_lost") != NULL, other);
        machine_release(&m);
    }
}

static void a_checkpoint_that_cannot_be_read_is_tried_twice(void **state)
{
    (void)state;
    machine m;
    begin_here(&m);
    machine_feed(&m, 0, "hello 0");
    machine_feed(&m, 0, "hello 1");
    for (int generation = 1; generation <= 2; generation++) {
        machine_feed(&m, 1, generation == 1 ? "exited 1 137 9 1" : "exited 2 1 0 1");
        machine_feed(&m, 1, "recovered 50");
        machine_feed(&m, 1, "hello 0");
        machine_feed(&m, 1, "hello 1");
        char fault[32];
        snprintf(fault, sizeof fault, "fault 1 %d", RT_E_CORRUPT);
        machine_feed(&m, 2, fault);
        assert_int_equal(rt__run_failed(&m.run), generation == 2);
    }
    assert_string_equal(m.run.failure, "it broke");
    machine_release(&m);
}

/* ---- late starts ---- */

static void a_late_start_is_named_with_what_it_waits_for(void **state)
{
    (void)state;
    static const struct {
        int joined;           /* the rank that has joined; -1: none */
        int64_t started;      /* of one process on h0, as the launcher reports; -1: not reported */
        const char *early[2]; /* what ranks report that they do */
        const char *text;
    } rows[] = {
        {-1,
         0,
         {NULL},
         "no HELLO from rank 0, 1 for 4.5 s: no worker has been started on h0; "
         "0 of 2 wait"},
        {-1,
         1,
         {NULL},
         "no HELLO from rank 0, 1 for 4.5 s: rank 0 on h0 has not called the "
         "coordinator; 0 of 2 wait"},
        {0,
         1,
         {NULL},
         "no HELLO from rank 1 for 4.5 s: rank 1 on h1 does not run, or cannot reach the "
         "coordinator; 1 of 2 wait"},
        {0,
         -1,
         {NULL, RT_WHAT_OPENING},
         "no HELLO from rank 1 for 4.5 s: rank 1 on h1 is still opening the data set; 1 of 2 "
         "wait"},
        /* MPI_Init waits for all ranks, so a rank that is in it is not to blame */
        {-1,
         1,
         {RT_WHAT_MPI_INIT, RT_WHAT_OPENING},
         "no HELLO from rank 0, 1 for 4.5 s: rank 1 on h1 is still opening the data set; 0 of 2 "
         "wait"},
        {-1,
         1,
         {RT_WHAT_MPI_INIT, NULL},
         "no HELLO from rank 0, 1 for 4.5 s: rank 1 on h1 does not run, or cannot reach the "
         "coordinator; 0 of 2 wait"},
        {-1,
         1,
         {RT_WHAT_MPI_INIT, RT_WHAT_MPI_INIT},
         "no HELLO from rank 0, 1 for 4.5 s: rank 0 on h0 is still in MPI_Init; 0 of 2 wait"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        begin_on_hosts(&m);
        if (rows[i].joined == 0)
            machine_feed(&m, 0, "hello 0");
        if (rows[i].started >= 0)
            machine_frame(
                &m, 1, "l", RT_MSG_ALIVE,
                (rt_msg_body){.alive = {.ranks_started = rows[i].started, .ranks_expected = 1}});
        for (int k = 0; k < 2; k++)
            if (rows[i].early[k])
                early(&m, 2, k, rows[i].early[k]);
        machine_done(&m);
        for (double now = 0.5; now <= RT__LATE_SECONDS; now += 0.5)
            machine_feed(&m, now, "tick");
        assert_string_equal(machine_done(&m), "");
        machine_feed(&m, 4.5, "tick");
        machine_feed(&m, 5, "tick");
        assert_string_equal(machine_done(&m), "event:stall");
        assert_string_equal(m.text, rows[i].text);
        for (double now = 5.5; now <= 20; now += 0.5) /* told again after 9 s and 18 s */
            machine_feed(&m, now, "tick");
        assert_string_equal(machine_done(&m), "event:stall event:stall");
        machine_release(&m);
    }
}

/* Ranks of somebody's mpirun call the coordinator only after MPI has connected them. */
static void a_late_mpirun_is_not_blamed_on_rank_0(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "no HELLO from rank 0, 1 for 4.5 s: not all ranks that mpirun starts have started MPI yet; "
        "0 of 2 wait",
        "no HELLO from rank 0 for 4.5 s: rank 0 on h0 has not called the coordinator; 1 of 2 wait"};
    for (int joined = 0; joined < 2; joined++) {
        machine m;
        begin_on_hosts(&m);
        snprintf(m.run.starts_once, sizeof m.run.starts_once, "mpirun");
        if (joined)
            machine_feed(&m, 0.1, "hello 1");
        for (double now = 0.5; now <= 4.5; now += 0.5)
            machine_feed(&m, now, "tick");
        assert_string_equal(m.text, texts[joined]);
        machine_release(&m);
    }
}

/* A worker reports twice a second that it compiles or opens its data set, and after some time that it does something else. It is abandoned
 * only if that takes too long, if it compiles for longer than any compiler takes, or if a file server hangs. */
static void what_takes_long_is_waited_for(void **state)
{
    (void)state;
    enum { G = RT__GATHER_SECONDS, C = RT__PREPARE_SECONDS };
    static const struct {
        const char *what;
        double share, until, given_up; /* share: of its processor, meanwhile */
        const char *at;
    } rows[] = {
        {RT_WHAT_COMPILING, 0, 0, G, "to_device"},
        {RT_WHAT_COMPILING, 0, G - 1, 2 * G - 1, "to_device"},
        {RT_WHAT_COMPILING, 0, 5 * G, 6 * G, "to_device"},
        {RT_WHAT_COMPILING, 0, 10 * C, G + C, RT_WHAT_COMPILING},
        {RT_WHAT_OPENING, 0.01, 5 * G, 6 * G, "to_device"},
        {RT_WHAT_OPENING, 0.01, 10 * C, G + C, RT_WHAT_OPENING},
        {RT_WHAT_OPENING, 0, 5 * G, G, RT_WHAT_OPENING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        machine_init(&m, 1);
        machine_feed(&m, 0, "launcher 0");
        machine_feed(&m, 0, "recovered 0");
        double now = 0;
        while (now < 2 * (G + C) && !*m.run.cause.text) {
            now += 0.5;
            early_with(&m, now, 0, now <= rows[i].until ? rows[i].what : "to_device",
                       rows[i].share * now);
            machine_feed(&m, now, "tick");
        }
        if (fabs(now - rows[i].given_up) > 1 || !strstr(m.run.cause.text, rows[i].at))
            fail_msg("row %zu: given up after %.1f s, expected %.1f: %s", i, now, rows[i].given_up,
                     m.run.cause.text);
        machine_release(&m);
    }
}

/* A rank that has never called is not waited for because another one opens its data set. */
static void each_rank_is_waited_for_by_itself(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    machine_feed(&m, 0, "launcher 0");
    machine_feed(&m, 0, "recovered 0");
    double now = 0;
    while (now < 5 * RT__GATHER_SECONDS && !*m.run.cause.text) {
        now += 0.5;
        early_with(&m, now, 0, RT_WHAT_OPENING, 0.01 * now);
        machine_feed(&m, now, "tick");
    }
    assert_true(fabs(now - RT__GATHER_SECONDS) <= 1);
    assert_non_null(strstr(m.run.cause.text, "rank 1"));
    machine_release(&m);
}

/* An earlier launch made 40 steps with 6,400 samples and was killed; its snapshots exist, and its journal may have been compacted. */
static void begin_after_a_kill(machine *m, bool shortened)
{
    static const char *const records[] = {
        "{'kind': 'run', 'run': 'r', 'config': ''}",
        "{'kind': 'generation', 'generation': 1, 'world': 2, 'restart': false, 'hosts': [], "
        "'trained_seconds': 0, 'trained_steps': 0}",
        "{'kind': 'plan', 'generation': 1, 'start_step': 0, 'lost_steps': 0, 'source': 'fresh', "
        "'samples': 6400, 'data': {'files': [{'file': 'h', 'bytes': 9, 'checksum': "
        "'0123456789abcdef'}]}}",
        "{'kind': 'first_step', 'seconds': 1, 'step': 1, 'loss': 0.5}", NULL};
    rt__history history, copy;
    assert_int_equal(rt__history_init(&history), RT_OK);
    for (int i = 0; records[i]; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s", records[i]);
        for (char *c = text; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        json_t *record = json_loads(text, 0, NULL);
        assert_int_equal(rt__history_apply_json(&history, record), RT_OK);
        json_decref(record);
    }
    if (shortened) {
        json_t *list = rt__history_records(&history);
        assert_int_equal(rt__history_init(&copy), RT_OK);
        assert_int_equal(rt__history_apply_json(&copy, json_array_get(list, 0)), RT_OK);
        json_decref(list);
        rt__history_release(&history);
        history = copy;
    }
    json_t *launch = json_pack("{s:s}", "kind", "launch");
    assert_int_equal(rt__history_apply_json(&history, launch), RT_OK);
    json_decref(launch);
    machine_configure(m, 2);
    machine_begin(m, history, false);
    machine_feed(m, 0, "launcher 0");
    machine_feed(m, 0, "recovered 0");
}

/* Both ranks say HELLO; on the host of the first there is a snapshot of step 40. */
static void join_after_a_kill(machine *m, int64_t samples, const char *checksum)
{
    char data[100];
    snprintf(data, sizeof data,
             "{\"files\": [{\"file\": \"h\", \"bytes\": 9, \"checksum\": \"%s\"}]}", checksum);
    for (int k = 0; k < 2; k++) {
        rt_msg_body body = machine_hello(m, k, "avx2");
        const rt_msg_offer offer = {.generation = 1, .step = 40, .end = 10};
        body.hello.offers = &offer;
        body.hello.offers_count = k == 0;
        body.hello.samples = samples;
        body.hello.data = data;
        machine_worker(m, 1, k, RT_MSG_HELLO, body);
    }
}

/* There is room for the record of the generation, but not for that of its plan. */
static void a_resumed_run_that_a_full_disk_ends_is_still_in_memory(void **state)
{
    (void)state;
    machine m;
    begin_after_a_kill(&m, false);
    m.journal_full = true;
    join_after_a_kill(&m, 6400, "0123456789abcdef");
    assert_non_null(strstr(m.run.failure, "no space left"));
    exited(&m, 2, (rt_msg_exited){.rank = -1});
    assert_int_equal(m.exit_code, 1);
    assert_true(m.kept);
    machine_release(&m);
}

/* As with a wrong data.path, the run can be resumed from the snapshots once the data are corrected. */
static void other_data_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const struct {
        int64_t samples;
        const char *checksum, *says;
    } rows[] = {
        {6400, "0123456789abcdef", NULL},
        {6401, "0123456789abcdef", "this run was made with 6400 up to step 40"},
        {5, "0123456789abcdef", "this run was made with 6400 up to step 40"},
        {6400, "0123456789abcdee", "h: has changed: it is 9 bytes (checksum 0123456789abcdee)"},
    };
    for (int i = 0; i < 8; i++) {
        machine m;
        begin_after_a_kill(&m, i >= 4);
        join_after_a_kill(&m, rows[i % 4].samples, rows[i % 4].checksum);
        assert_int_equal(rt__run_failed(&m.run), rows[i % 4].says != NULL);
        if (rows[i % 4].says) {
            m.run.reported_step = 40; /* as metrics.jsonl says */
            exited(&m, 2, (rt_msg_exited){.rank = -1});
            assert_int_equal(m.exit_code, 2);
            assert_true(m.kept);
            assert_non_null(strstr(m.message, rows[i % 4].says));
            /* it did not fail at step 0: what the launch before made is there */
            assert_non_null(strstr(machine_done(&m), "event:refused journal:end RUN_ENDED>l"));
            assert_int_equal(m.run.newest_step, 40);
        } else {
            assert_int_equal(m.run.source.step, 40);
        }
        machine_release(&m);
    }
}

/* The same programs and data have worked before, so it is worth another try. */
static void a_later_generation_that_does_not_start_is_replaced(void **state)
{
    (void)state;
    static const char *const events[] = {"launcher", "recovered 0",      "hello 0",    "hello 1",
                                         "report 1", "exited 1 137 9 1", "recovered 0"};
    machine m;
    machine_init(&m, 2);
    for (int i = 0; i < 7; i++)
        machine_feed(&m, i, events[i]);
    assert_int_equal(m.run.phase, RT__GATHER);
    assert_int_equal(m.run.generation, 2);
    machine_feed(&m, 8, "exited 2 1 0 -1");
    assert_false(rt__run_failed(&m.run));
    assert_int_equal(m.exit_code, -1);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_without_hello_is_named_with_its_host),
        cmocka_unit_test(a_host_that_sends_nothing_is_set_aside),
        cmocka_unit_test(pointless_restarts_are_not_made),
        cmocka_unit_test(a_later_generation_that_does_not_start_is_replaced),
        cmocka_unit_test(a_program_that_crashes_at_once_is_restarted_once),
        cmocka_unit_test(a_run_under_way_goes_on_on_other_hosts),
        cmocka_unit_test(a_checkpoint_that_cannot_be_read_is_tried_twice),
        cmocka_unit_test(a_late_start_is_named_with_what_it_waits_for),
        cmocka_unit_test(a_late_mpirun_is_not_blamed_on_rank_0),
        cmocka_unit_test(what_takes_long_is_waited_for),
        cmocka_unit_test(each_rank_is_waited_for_by_itself),
        cmocka_unit_test(a_resumed_run_that_a_full_disk_ends_is_still_in_memory),
        cmocka_unit_test(other_data_are_refused_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
