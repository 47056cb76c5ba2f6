/* status of runs that have ended or were killed, told from what they left. */
#include "launch/run/earlier_snapshots.h"
#include "left_run.h"

static void write_run_file(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", run_dir, name);
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
}

static void make_versioned_checkpoint(int version, int step, int bytes_there, int bytes_said)
{
    char path[160], text[200], piece[64] = "";
    snprintf(path, sizeof path, "%s/checkpoints/step-%08d", run_dir, step);
    assert_int_equal(rt_dir_make(path, 0755), RT_OK);
    snprintf(path, sizeof path, "checkpoints/step-%08d/piece-00000.safetensors", step);
    memset(piece, 'x', (size_t)bytes_there);
    write_run_file(path, piece);
    snprintf(path, sizeof path, "checkpoints/step-%08d/manifest.json", step);
    snprintf(text, sizeof text,
             "{\"format_version\": %d, \"step\": %d, \"pieces\": [{\"file\": "
             "\"piece-00000.safetensors\", \"bytes\": %d}]}",
             version, step, bytes_said);
    write_run_file(path, text);
}

static void make_checkpoint(int step, int bytes_there, int bytes_said)
{
    make_versioned_checkpoint(1, step, bytes_there, bytes_said);
}

static void a_killed_run_says_what_it_can_resume_from(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    make_checkpoint(300, 10, 10);
    make_checkpoint(400, 10, 10);
    make_checkpoint(410, 9, 10); /* cut off */
    write_run_file("events.jsonl", "{\"event\": \"running\", \"world_size\": 2, \"start_step\": 0, "
                                   "\"end_step\": 1000}\n{\"event\": \"chec"); /* and torn */
    write_run_file("metrics.jsonl", "{\"step\": 405}\n{\"step\": 415}\n");
    write_run_file("summary.json",
                   "{\"status\": \"done\", \"steps\": 100}"); /* of an earlier run */
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: killed, last report at step 415\n");
    expect_out("checkpoint of step 400: /tmp/clean/runs/x/checkpoints/step-00000400\n");
    expect_out("snapshot   of step 417, in shared memory: /dev/shm\n");
    expect_out(" train /tmp/clean/runs/x/config.yaml --run-dir /tmp/clean/runs/x --resume auto\n");
    expect_out("steps 0 to 1,000");
    assert_int_equal(STATUS(run_dir, "--json"), 0);
    expect_out("\"answered\":false,\"status\":\"killed\",\"step\":415,\"checkpoint_step\":400,");
    expect_out("\"snapshot_step\":417,");
    assert_int_equal(STATUS(run_dir, "--watch"), 0); /* ends at once */
    expect_out("x: killed");
    assert_int_equal(STATUS(run_dir, "--ready"), 1);
    assert_string_equal(out, "not ready: killed after step 415\n");
}

/* Otherwise the run would begin again at step 0, next to a state that nobody looks for any more. */
static void a_resumed_run_with_another_snapshot_dir_is_told_where_its_state_is(void **state)
{
    (void)state;
    NEED_ISOLATION();
    rt_config cfg;
    make_dead_run("aa", run_dir, 417);
    assert_int_equal(rt_config_default(&cfg), RT_OK);
    assert_string_equal(cfg.snapshot.dir, "/dev/shm");
    assert_int_equal(rt_config_write_yaml(&cfg, "/tmp/clean/runs/x/config.yaml"), RT_OK);
    assert_int_equal(rt__earlier_snapshots_check(run_dir, "auto", &cfg), RT_OK);
    rt_mem_free(cfg.snapshot.dir);
    cfg.snapshot.dir = rt_strdup("/tmp/clean/the memory");
    assert_int_equal(symlink("/dev/shm", cfg.snapshot.dir), 0);
    assert_int_equal(rt_config_write_yaml(&cfg, "/tmp/clean/runs/x/config.yaml"), RT_OK);
    rt_mem_free(cfg.snapshot.dir);
    cfg.snapshot.dir = rt_strdup("/tmp/clean");
    assert_int_equal(rt__earlier_snapshots_check(run_dir, "auto", &cfg), RT_E_CONFIG);
    static const char *const said[] = {"/tmp/clean/runs/x", "step 417", "begin again at step 0",
                                       "--set 'snapshot.dir='\\''/tmp/clean/the memory'\\'''"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (!strstr(rt_error(), said[i]))
            fail_msg("'%s' is not in: %s", said[i], rt_error());
    rt_error_clear();
    make_checkpoint(300, 10, 10);
    assert_int_equal(rt__earlier_snapshots_check(run_dir, "auto", &cfg), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(), "go back to step 300"));
    rt_error_clear();
    assert_int_equal(rt__earlier_snapshots_check(run_dir, "never", &cfg), RT_OK);
    make_checkpoint(500, 10, 10); /* newer than the snapshot */
    assert_int_equal(rt__earlier_snapshots_check(run_dir, "auto", &cfg), RT_OK);
    rt_config_release(&cfg);
}

/* A coordinator resumes from the newest checkpoint that it reads, and refuses the run if it reads none of them. */
static void resume_is_offered_only_if_a_checkpoint_can_be_read(void **state)
{
    (void)state;
    NEED_ISOLATION();
    write_run_file("events.jsonl", "{\"event\": \"running\", \"world_size\": 2}\n");
    make_versioned_checkpoint(1, 300, 10, 10);
    make_versioned_checkpoint(99, 400, 10, 10);
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("checkpoint of step 300: ");
    expect_out("--resume auto\n");
    make_versioned_checkpoint(99, 300, 10, 10);
    make_versioned_checkpoint(1, 200, 9, 10); /* cut off */
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("it cannot be resumed: "
               "/tmp/clean/runs/x/checkpoints/step-00000400/manifest.json: checkpoint of format "
               "version 99, this program reads version 1: use the version of ringtorch that made "
               "it\n");
    assert_null(strstr(out, "--resume"));
    assert_int_equal(STATUS(run_dir, "--json"), 0);
    expect_out("\"checkpoint_step\":null,\"checkpoint\":null,");
}

static void a_run_that_is_done_shows_its_summary(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_checkpoint(200, 10, 10);
    write_run_file("events.jsonl", "{\"event\": \"done\", \"step\": 200}\n");
    write_run_file("summary.json",
                   "{\"status\": \"done\", \"steps\": 200, \"seconds\": 63, \"epochs\": 2.5, "
                   "\"samples_per_second\": 5000, \"eval_accuracy\": 0.9123, \"eval_loss\": 0.25, "
                   "\"restarts\": 1, \"lost_steps\": 1, \"error\": null}");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: done after step 200\n");
    expect_out("test accuracy 91.23 %, loss 0.2500\n");
    expect_out("1 restart, 1 step lost\n");
    assert_null(strstr(out, "to resume"));
    assert_int_equal(STATUS(run_dir, "--ready"), 0);
    assert_string_equal(out, "ready: done after step 200\n");
}

/* If the summary is missing, or lacks a value, status omits the value instead of printing "-" or "nan". */
static void missing_summary_values_are_omitted(void **state)
{
    static const char *const summaries[] = {NULL, "{}", "{\"status\": \"done\"}"};
    (void)state;
    NEED_ISOLATION();
    for (size_t i = 0; i < sizeof summaries / sizeof *summaries; i++) {
        write_run_file("events.jsonl", "{\"event\": \"done\"}\n");
        if (summaries[i])
            write_run_file("summary.json", summaries[i]);
        assert_int_equal(STATUS(run_dir), 0);
        expect_out("x: done\n");
        assert_null(strstr(out, "nan"));
        assert_null(strstr(out, "speed"));
        assert_null(strstr(out, "recovery"));
    }
    write_run_file("metrics.jsonl", "{\"step\": 7}\n");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: done after step 7\n");
}

static void a_failed_run_says_why(void **state)
{
    (void)state;
    NEED_ISOLATION();
    write_run_file("events.jsonl", "{\"event\": \"failed\", \"step\": 7, \"message\": \"full\"}\n");
    write_run_file("summary.json",
                   "{\"status\": \"failed\", \"steps\": 7, \"error\": \"the disk is full\"}");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: failed after step 7\n");
    expect_out("error      the disk is full\n");
    expect_out("failed after step 7: full\n");
    expect_out("to resume:");
    assert_int_equal(STATUS(run_dir, "--ready"), 1);
    assert_string_equal(out, "not ready: failed after step 7\n");
}

/* The launch that was refused has changed nothing: the run is what the launch before it made of it. */
static void a_refused_launch_leaves_the_status(void **state)
{
    static const char *const before[][2] = {
        {"{\"event\": \"done\", \"generation\": 1}\n", "x: done after step 400\n"},
        {"{\"event\": \"running\", \"generation\": 1}\n", "x: killed, last report at step 390\n"},
    };
    (void)state;
    NEED_ISOLATION();
    write_run_file("summary.json", "{\"status\": \"done\", \"steps\": 400}");
    write_run_file("metrics.jsonl", "{\"step\": 390}\n");
    for (int i = 0; i < 4; i++) {
        char text[1024], again[300] = "";
        if (i >= 2)
            snprintf(again, sizeof again, "%s",
                     "{\"event\": \"generation\", \"generation\": 4}\n{\"event\": \"refused\", "
                     "\"generation\": 4, \"since\": 4, \"message\": \"rows have changed\"}\n");
        snprintf(text, sizeof text,
                 "{\"event\": \"generation\", \"generation\": 1}\n%s"
                 "{\"event\": \"checkpoint_unusable\", \"generation\": 1}\n"
                 "{\"event\": \"generation\", \"generation\": 2}\n"
                 "{\"event\": \"generation\", \"generation\": 3}\n"
                 "{\"event\": \"refused\", \"generation\": 3, \"since\": 2, \"message\": "
                 "\"rows have changed\"}\n%s",
                 before[i % 2][0], again);
        write_run_file("events.jsonl", text);
        assert_int_equal(STATUS(run_dir), 0);
        expect_out(before[i % 2][1]);
        expect_out("refused    to go on, and is as it was: rows have changed\n");
        assert_int_equal(STATUS(run_dir, "--json"), 0);
        expect_out("\"refused\":\"rows have changed\"");
    }
    write_run_file("events.jsonl",
                   "{\"event\": \"refused\", \"generation\": 2, \"since\": 2, \"message\": "
                   "\"x\"}\n{\"event\": \"generation\", \"generation\": 3}\n");
    assert_int_equal(STATUS(run_dir), 0);
    assert_null(strstr(out, "refused    "));
    expect_out("x: killed");
}

/* Somebody has removed events.jsonl, or its only line is damaged: what the run has left shows that there was one. */
static void a_run_without_events_is_no_empty_one(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_checkpoint(2000, 10, 10);
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: killed\n");
    expect_out("checkpoint of step 2,000: ");
    expect_out("to resume: ");
    write_run_file("metrics.jsonl", "{\"step\": 2050}\n");
    write_run_file("events.jsonl", "{\"event\": \"runn\n");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: killed, last report at step 2,050\n");
}

static void a_directory_where_nothing_was_run_says_so(void **state)
{
    (void)state;
    NEED_ISOLATION();
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: nothing has been run here yet\n");
    assert_int_equal(rt_remove_tree(folder), RT_OK);
    assert_int_equal(STATUS(run_dir), 2);
    assert_non_null(strstr(err, "no such run"));
}

int main(void)
{
    isolated = isolate();
    if (!isolated)
        fprintf(stderr, "no mount namespace of our own: %s: all is skipped\n", strerror(errno));
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_killed_run_says_what_it_can_resume_from),
        TEST(a_resumed_run_with_another_snapshot_dir_is_told_where_its_state_is),
        TEST(resume_is_offered_only_if_a_checkpoint_can_be_read),
        TEST(a_run_that_is_done_shows_its_summary),
        TEST(missing_summary_values_are_omitted),
        TEST(a_failed_run_says_why),
        TEST(a_refused_launch_leaves_the_status),
        TEST(a_run_without_events_is_no_empty_one),
        TEST(a_directory_where_nothing_was_run_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
