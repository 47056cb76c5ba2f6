/* Run directories, checkpoints and snapshots of an earlier version of RingTorch (tests/golden/runs/), and of a later one. All
 * commands read the former, and training resumes to the bits that the earlier version would have reached. The latter are
 * refused by name, with advice, and what does not need them still works. So are journals that lack records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/control/journal.h"
#include "row.h"
#include "runs.h"

#define RUN_ID   "48e29945c458e9e9"
#define SNAPSHOT "shm/ringtorch-" RUN_ID "-g2-r"

/* Weights of `killed` after 24,000 steps, as its version makes them. */
static const char weights[] = "b123185ea37a031d5bc5ecea71e03844fa07f541c2287d11c5264f5397c92733";
static const char *const snapshots[] = {SNAPSHOT "0-1973e5b5", SNAPSHOT "1-412702ae"};

static scratch s;

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

/* ---- fixtures ---- */

/* Each row has its own copies in its own working directory, because the configurations name configs/houses.csv relative to
 * it. */
static int begin(void **state)
{
    (void)state;
    scratch_make(&s);
    if (chdir(s.path) != 0)
        return -1;
    result r = run(&s, LONG, "sh", "-c",
                   "mkdir configs shm && cp " RT_TEST_SOURCE_DIR "/configs/houses.csv configs && "
                   "cp -r " RT_TEST_SOURCE_DIR "/tests/golden/runs/format-1 runs && "
                   "chmod -R u+w runs && cp runs/snapshots/* shm && chmod 600 shm/*",
                   NULL);
    int code = r.exit_code;
    result_release(&r);
    return code;
}

static int end(void **state)
{
    if (chdir("/") != 0)
        return -1;
    int left = row_end(state);
    scratch_remove(&s);
    return left;
}

/* Runs one command line, words separated by single spaces, with the programs that were built. */
static result command_line(const char *line)
{
    char words[512], *rest = words, *word;
    const char *list[32] = {NULL};
    size_t n = 0;
    assert_true(strlen(line) < sizeof words);
    snprintf(words, sizeof words, "%s", line);
    while ((word = strsep(&rest, " ")) && n < 31)
        list[n++] = word;
    return run_list(&s, LONG, "ringtorch", list);
}

/* Expects an exit code and, in either output, all texts up to NULL. */
static void expect(const char *line, int exit_code, const char *const *says)
{
    result r = command_line(line);
    if (r.exit_code != exit_code)
        fail_msg("%s: exit code %d, expected %d\n%s%s", line, r.exit_code, exit_code, r.out, r.err);
    for (; *says; says++)
        if (!strstr(r.out, *says) && !strstr(r.err, *says))
            fail_msg("%s: does not say \"%s\" but\n%s%s", line, *says, r.out, r.err);
    result_release(&r);
}

#define SAYS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* ---- commands that only read ---- */

typedef struct read_row {
    const char *line;
    const char *says[3]; /* up to NULL */
} read_row;

static const read_row reads[] = {
    {"status runs/killed", {"killed, last report at step 22,000", "checkpoint of step 20,000"}},
    {"status runs/regression", {"regression: done after step 203", "test R2 0.9779"}},
    {"metrics runs/killed --csv", {"\n22000,21728.395061728395,0.018318633605539817,"}},
    {"metrics runs/regression --csv", {"\n20,", "\n203,"}},
    {"journal show runs/killed", {"run " RUN_ID, "commit      the checkpoint of step 20,000"}},
    {"journal show runs/regression", {"run 2f4caa7d7ab42957", "end "}},
    {"eval runs/killed", {"76 samples: R2 0.9762", "step 20000"}},
    {"eval runs/killed/checkpoints/step-00016000", {"R2 0.9763", "step 16000"}},
    {"eval runs/regression", {"76 samples: R2 0.9779", "step 203"}},
    {"export runs/killed --out killed.safetensors", {"4 tensors of runs/killed/checkpoints/step-"}},
    {"export runs/regression --out regression.safetensors", {"2 tensors of runs/regression/"}},
    {"checkpoint ls runs/killed", {"step 16000  2 pieces  sound", "step 20000  2 pieces  sound"}},
    {"checkpoint verify runs/killed", {"step 20000  2 pieces  sound"}},
    {"checkpoint verify runs/regression", {"step 203  2 pieces  sound"}},
    {"checkpoint show runs/killed", {"\"format_version\": 1", "\"step\": 20000"}},
    {"train runs/regression/config.yaml --run-dir runs/regression --resume auto",
     {"nothing left to do: the run in runs/regression has made its 203 steps"}},
};

static void is_read(void **state)
{
    const read_row *row = *state;
    const char *says[4] = {row->says[0], row->says[1], row->says[2]};
    expect(row->line, 0, says);
}

/* Nothing is said of how many files go: a check that was killed may have left some of its own, and the old run has one number. */
static void snapshots_are_cleaned(void **state)
{
    (void)state;
    expect("clean " RUN_ID " --dir shm", 0,
           SAYS("holds step 22,138", snapshots[0], snapshots[1], "removed "));
    assert_false(rt_path_exists(snapshots[0]));
    assert_false(rt_path_exists(snapshots[1]));
}

/* ---- resuming ---- */

/* Resumes `killed` up to step 24,000, and checks its output and the final weights. */
static void expect_resumes(const char *workers, const char *const *says)
{
    char line[256], sha[65];
    snprintf(line, sizeof line,
             "train runs/killed/config.yaml --run-dir runs/killed --resume auto --set "
             "run.steps=24000 --set snapshot.dir=%s/shm -n %s",
             s.path, workers);
    expect(line, 0, says);
    assert_int_equal(summary_int("runs/killed", "steps"), 24000);
    summary_text("runs/killed", "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, weights);
}

static void resumes_from_snapshots_with_one_worker(void **state)
{
    (void)state;
    expect_resumes("1", SAYS("steps 22,138 to 24,000 from a snapshot"));
    assert_false(rt_path_exists(snapshots[0])); /* the snapshots are gone */
}

static void resumes_from_snapshots_with_three_workers(void **state)
{
    (void)state;
    expect_resumes("3", SAYS("steps 22,138 to 24,000 from a snapshot"));
}

static void lose_snapshots(void)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(unlink(snapshots[i]), 0);
}

static void resumes_from_a_checkpoint_with_one_worker(void **state)
{
    (void)state;
    lose_snapshots();
    expect_resumes("1", SAYS("steps 20,000 to 24,000 from "));
}

static void resumes_from_a_checkpoint_with_three_workers(void **state)
{
    (void)state;
    lose_snapshots();
    expect_resumes("3", SAYS("steps 20,000 to 24,000 from "));
}

static void a_finished_run_can_be_trained_on(void **state)
{
    (void)state;
    expect("train runs/regression/config.yaml --run-dir runs/regression --resume auto --set "
           "run.steps=260",
           0, SAYS("steps 203 to 260 from ", "done: 260 steps"));
    assert_true(summary_number("runs/regression", "eval_r2") > 0.97);
    expect("metrics runs/regression --csv", 0, SAYS("\n203,", "\n260,"));
}

/* ---- what a later version may have written ---- */

static void overwrite(const char *path, int64_t at, char byte)
{
    rt_bytes b;
    must(rt_file_read(path, 1 << 20, &b));
    assert_true(at < (int64_t)b.len);
    b.data[at] = (uint8_t)byte;
    must(rt_file_replace_secret(path, b.data, b.len));
    rt_bytes_release(&b);
}

/* Replaces every occurrence of a text in a file. */
static void reword(const char *path, const char *from, const char *to)
{
    rt_bytes b;
    char *text = NULL;
    must(rt_file_read(path, 1 << 20, &b));
    const char *rest = (const char *)b.data, *at;
    assert_non_null(strstr(rest, from));
    for (; (at = strstr(rest, from)); rest = at + strlen(from)) {
        char *longer = rt_strdup_printf("%s%.*s%s", text ? text : "", (int)(at - rest), rest, to);
        rt_mem_free(text);
        text = longer;
    }
    char *whole = rt_strdup_printf("%s%s", text, rest);
    must(rt_file_replace(path, whole, strlen(whole)));
    rt_mem_free(whole);
    rt_mem_free(text);
    rt_bytes_release(&b);
}

#define CHECKPOINT(step) "runs/killed/checkpoints/step-000" step
#define RESUME           "train runs/killed/config.yaml --run-dir runs/killed --resume auto"

static void newer_checkpoint(const char *manifest)
{
    reword(manifest, "\"format_version\":1", "\"format_version\":99");
}

static const char *const refuses_checkpoint[] = {
    CHECKPOINT("20000") "/manifest.json: checkpoint of format version 99, this program reads "
                        "version 1: use the version of ringtorch that made it, or another "
                        "checkpoint",
    NULL};

static void a_newer_checkpoint_is_refused(void **state)
{
    (void)state;
    newer_checkpoint(CHECKPOINT("20000") "/manifest.json");
    expect("checkpoint verify " CHECKPOINT("20000"), 2, refuses_checkpoint);
    expect("checkpoint show " CHECKPOINT("20000"), 2, refuses_checkpoint);
    expect("eval " CHECKPOINT("20000"), 2, refuses_checkpoint);
    expect("export " CHECKPOINT("20000") " --out x.safetensors", 2, refuses_checkpoint);
    expect("checkpoint ls runs/killed", 2,
           SAYS("step 16000  2 pieces  sound", refuses_checkpoint[0]));
    lose_snapshots();
    expect_resumes("2", SAYS(refuses_checkpoint[0], "steps 16,000 to 24,000 from "));
}

/* The run must not start anew: that would look like progress, but the run would be lost. */
static void without_a_readable_checkpoint_the_run_does_not_start_anew(void **state)
{
    (void)state;
    newer_checkpoint(CHECKPOINT("20000") "/manifest.json");
    newer_checkpoint(CHECKPOINT("16000") "/manifest.json");
    lose_snapshots();
    expect("status runs/killed", 0,
           SAYS("it cannot be resumed: " CHECKPOINT(
               "20000") "/manifest.json: checkpoint of "
                        "format version 99, this program reads version 1: use the version of "
                        "ringtorch "
                        "that made it"));
    expect(RESUME, 2, SAYS(refuses_checkpoint[0], "none of its 2 checkpoints can be read"));
    assert_int_equal(last_step("runs/killed"), 22000);
}

static void newer_snapshots_are_passed_over(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        overwrite(snapshots[i], 8, 99);
    expect("clean " RUN_ID " --dir shm", 1,
           SAYS("left alone: made by another version of ringtorch: clean up with that one"));
    assert_true(rt_path_exists(snapshots[0]));
    expect_resumes("2",
                   SAYS("-r0-1973e5b5: snapshot of format version 99, this program reads "
                        "version 2: only the version of ringtorch that made it can resume from "
                        "it",
                        "steps 20,000 to 24,000 from "));
}

static void a_newer_journal_is_refused(void **state)
{
    (void)state;
    static const char *const says[] = {
        "runs/killed/journal: journal of format 2, this version of ringtorch reads format 1",
        "--run-dir NEW --resume runs/killed", NULL};
    overwrite("runs/killed/journal", 7, 2);
    expect("journal show runs/killed", 2, says);
    expect("status runs/killed", 0, says);
    expect(RESUME, 2, says);
    expect("eval runs/killed", 0, SAYS("R2 0.9762"));
    expect("train runs/killed/config.yaml --run-dir runs/new --resume runs/killed --set "
           "run.steps=24000",
           0, SAYS("steps 20,000 to 24,000 from "));
    char sha[65];
    summary_text("runs/new", "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, weights);
}

/* ---- what is missing ---- */

static rt_status keep_record(void *list, const json_t *record)
{
    json_array_append(list, (json_t *)record);
    return RT_OK;
}

/* Writes a journal anew without its first record, with sound numbers and checksums. */
static void lose_first_record(const char *path)
{
    rt__journal *j;
    json_t *records = json_array(), *record;
    size_t i;
    must(rt__journal_open(path, keep_record, records, &j));
    json_array_remove(records, 0);
    must(rt__journal_compact(j, NULL, 0));
    json_array_foreach(records, i, record) must(rt__journal_append(j, record));
    rt__journal_close(j);
    json_decref(records);
}

static void a_journal_without_its_beginning_is_refused(void **state)
{
    (void)state;
    static const char *const says[] = {
        "runs/killed/journal: damaged at byte 8: record 1 is 'generation', expected 'run' or "
        "'history' before it: restore the file, or go on from the run's checkpoints in another "
        "directory: --run-dir NEW --resume runs/killed",
        NULL};
    lose_first_record("runs/killed/journal");
    expect("journal show runs/killed", 2, says);
    expect("status runs/killed", 0, says);
    expect(RESUME, 2, says);
    assert_int_equal(last_step("runs/killed"), 22000);
}

/* Without its journal a run is one of checkpoints and curves, which a new one must not mix with its own. */
static void a_run_without_its_journal_goes_on_from_its_checkpoints(void **state)
{
    (void)state;
    assert_int_equal(unlink("runs/killed/journal"), 0);
    lose_snapshots();
    expect("train runs/killed/config.yaml --run-dir runs/killed", 2,
           SAYS("runs/killed: holds checkpoints of a run whose journal is gone: go on from what is "
                "left with --resume auto, or choose another --run-dir"));
    expect(RESUME " --set optimizer.lr=0.5", 2, SAYS("optimizer.lr: "));
    assert_true(rt_path_exists(CHECKPOINT("20000")));
    assert_int_equal(last_step("runs/killed"), 22000);
    expect_resumes("2", SAYS("steps 20,000 to 24,000 from "));
}

/* Trouble with the journal says nothing about what the run has reached. */
static void a_finished_run_is_done_whatever_its_journal(void **state)
{
    (void)state;
    static const char *const done[] = {"regression: done after step 203", "test R2 0.9779"};
    expect("status runs/regression --json", 0, SAYS("\"status\":\"done\"", "\"journal\":null"));
    lose_first_record("runs/regression/journal");
    expect("status runs/regression", 0,
           SAYS(done[0], done[1],
                "\nits journal is refused: runs/regression/journal: damaged at byte 8: record 1 is "
                "'generation', expected 'run' or 'history' before it: restore the file, or go on "
                "from the run's checkpoints in another directory: --run-dir NEW --resume "
                "runs/regression\n"));
    overwrite("runs/regression/journal", 7, 2);
    expect("status runs/regression", 0,
           SAYS(done[0], done[1],
                "\nits journal is refused: runs/regression/journal: journal of format 2, this "
                "version of ringtorch reads format 1"));
    expect("status runs/regression --json", 0,
           SAYS("\"status\":\"done\"", "\"eval_r2\":0.977",
                "\"journal\":\"runs/regression/journal: journal of format 2"));
}

static void a_newer_configuration_is_refused(void **state)
{
    (void)state;
    reword("runs/killed/config.yaml", "  seed: 7\n", "  seed: 7\n  colour: red\n");
    expect(RESUME, 2, SAYS("runs/killed/config.yaml:5:3: unknown key 'run.colour' (allowed: "));
    expect("status runs/killed", 0, SAYS("killed, last report at step 22,000"));
    expect("eval runs/killed", 0, SAYS("R2 0.9762"));
}

static void a_newer_control_file_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"format_version\":2}";
    must(rt_file_replace_secret("runs/killed/control.json", text, strlen(text)));
    static const char *const says[] = {
        "runs/killed/control.json: control file of format version 2, this program reads version 1: "
        "ask with the version of ringtorch that runs it",
        NULL};
    expect("status runs/killed", 1, says);
    expect("stop runs/killed", 1, says);
    expect_resumes("2", SAYS("from a snapshot")); /* no process holds the lock */
}

/* Lines of records have no version: a program ignores fields that it does not know. */
static void additions_of_newer_reports_are_ignored(void **state)
{
    (void)state;
    reword("runs/killed/events.jsonl", "{\"event\":\"model\",", "{\"event\":\"tomorrow\",");
    reword("runs/killed/events.jsonl", "\"world_size\":", "\"colour\":\"red\",\"world_size\":");
    reword("runs/killed/metrics.jsonl", "\"epoch\":", "\"colour\":\"red\",\"epoch\":");
    reword("runs/regression/summary.json", "\"steps\":", "\"colour\":\"red\",\"steps\":");
    expect("status runs/killed", 0, SAYS("killed, last report at step 22,000"));
    expect("metrics runs/killed --csv", 0, SAYS("\n22000,21728.395061728395,"));
    expect("status runs/regression", 0, SAYS("regression: done after step 203", "R2 0.9779"));
    expect_resumes("2", SAYS("from a snapshot"));
}

#define OLD_ROW(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    static const struct CMUnitTest others[] = {
        OLD_ROW(snapshots_are_cleaned),
        OLD_ROW(resumes_from_snapshots_with_one_worker),
        OLD_ROW(resumes_from_snapshots_with_three_workers),
        OLD_ROW(resumes_from_a_checkpoint_with_one_worker),
        OLD_ROW(resumes_from_a_checkpoint_with_three_workers),
        OLD_ROW(a_finished_run_can_be_trained_on),
        OLD_ROW(a_newer_checkpoint_is_refused),
        OLD_ROW(without_a_readable_checkpoint_the_run_does_not_start_anew),
        OLD_ROW(newer_snapshots_are_passed_over),
        OLD_ROW(a_newer_journal_is_refused),
        OLD_ROW(a_journal_without_its_beginning_is_refused),
        OLD_ROW(a_run_without_its_journal_goes_on_from_its_checkpoints),
        OLD_ROW(a_finished_run_is_done_whatever_its_journal),
        OLD_ROW(a_newer_configuration_is_refused),
        OLD_ROW(a_newer_control_file_is_refused),
        OLD_ROW(additions_of_newer_reports_are_ignored),
    };
    enum { READS = sizeof reads / sizeof *reads, OTHERS = sizeof others / sizeof *others };
    struct CMUnitTest tests[READS + OTHERS];
    for (size_t i = 0; i < READS; i++)
        tests[i] = (struct CMUnitTest){.name = reads[i].line,
                                       .test_func = is_read,
                                       .setup_func = begin,
                                       .teardown_func = end,
                                       .initial_state = (void *)&reads[i]};
    memcpy(tests + READS, others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
