/* Whatever replaces a file of a run directory, no command waits for it, reads it without end, or crashes. A command that
 * needs the file says what is wrong with it, and any other works as usual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "runs.h"

/* Less than the half minute for which commands wait for a silent pipe where they accept pipes, which is nowhere here. The
 * commands take a fraction of a second. */
static const double PATIENCE = 28;

/* ---- the commands ---- */

enum {
    STATUS = 1 << 0,
    STOP = 1 << 1,
    SCALE = 1 << 2,
    NOW = 1 << 3,
    METRICS = 1 << 4,
    JOURNAL = 1 << 5,
    LS = 1 << 6,
    VERIFY = 1 << 7,
    DIFF = 1 << 8,
    EXPORT = 1 << 9,
    EVAL = 1 << 10,
    CLEAN = 1 << 11,
    TRAIN = 1 << 12,
    ASKS = STATUS | STOP | SCALE | NOW,
    SHOWS = LS | VERIFY | DIFF, /* the other commands can use the checkpoint before it instead */
    WEIGHTS = LS | VERIFY | DIFF | EXPORT | EVAL | TRAIN,
};

/* "@": the run directory with the strange file; "&": the scratch folder. */
static const struct {
    int bit;
    const char *arguments[10];
} commands[] = {
    {STATUS, {"status", "@"}},
    {STOP, {"stop", "@"}},
    {SCALE, {"scale", "@", "3"}},
    {NOW, {"checkpoint", "now", "@"}},
    {METRICS, {"metrics", "@"}},
    {JOURNAL, {"journal", "show", "@"}},
    {LS, {"checkpoint", "ls", "@"}},
    {VERIFY, {"checkpoint", "verify", "@"}},
    {DIFF, {"checkpoint", "diff", "@", "&/sound"}},
    {EXPORT, {"export", "@", "--format", "safetensors", "--out", "&/out.safetensors"}},
    {EVAL, {"eval", "@"}},
    {CLEAN, {"clean", "@"}},
    {TRAIN,
     {"train", "&/tiny.yaml", "--run-dir", "@", "--resume", "auto", "--set", "run.steps=80"}},
};
enum { COMMANDS = sizeof commands / sizeof *commands, TRAINING = COMMANDS - 1 /* the last */ };

/* ---- the files ---- */

/* Kinds by a letter each: a pipe that nobody writes into, a directory, a link to /dev/zero, a socket, a file that may not
 * be read, a terabyte of holes. */
typedef struct row {
    const char *file, *kinds;
    int refused; /* the commands that need the file, and name it */
} row;

static const row rows[] = {
    {"config.yaml", "pdzsuh", TRAIN},
    {".config.next.yaml", "pz", 0},
    {".config.next.yaml", "d", TRAIN},
    {".config.before.yaml", "pz", 0},
    {".config.before.yaml", "d", TRAIN},
    {"journal", "pdzsuh", JOURNAL | TRAIN},
    {"journal.next", "pdz", 0},
    {"metrics.jsonl", "pdzsuh", METRICS | TRAIN},
    {"metrics-abandoned.jsonl", "pdzs", TRAIN},
    {"events.jsonl", "pdzsuh", 0},
    {"summary.json", "pdzsuh", 0},
    {"control.json", "pzsh", ASKS},
    {"control.json", "d", ASKS | TRAIN},
    {"lock", "pdzs", TRAIN},
    {"logs", "pzs", TRAIN},
    {"logs/launcher.log", "pds", TRAIN},
    {"logs/coordinator.log", "pdsu", TRAIN},
    {"logs/coordinator.log", "z", 0},
    {"logs/mpirun.g1.log", "pdzsu", 0},
    {"logs/mpirun.g2.log", "pds", TRAIN},
    {"logs/worker-0.g2.log", "pds", TRAIN},
    {"logs/worker-1.g2.log", "z", 0},
    {"checkpoints", "pzsu", WEIGHTS},
    {"checkpoints/best", "pdzs", 0},
    {"checkpoints/step-00000060", "pz", SHOWS},
    {"checkpoints/step-00000060/manifest.json", "pdzsu", SHOWS},
    {"checkpoints/step-00000060/piece-00000.safetensors", "pdzsu", SHOWS},
};
enum { ROWS = sizeof rows / sizeof *rows };

static scratch s;
static int usual[COMMANDS]; /* exit code of each command without a strange file */

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

static void put_socket(const char *path)
{
    char before[4096];
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    assert_non_null(getcwd(before, sizeof before)); /* a socket's path must be short */
    assert_int_equal(chdir(s.path), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rename(in_scratch(&s, "socket"), path), 0);
}

static void put(char kind, const char *path)
{
    if (kind == 'u') {
        assert_int_equal(chmod(path, 0), 0);
        return;
    }
    must(rt_remove_tree(path));
    switch (kind) {
    case 'p':
        assert_int_equal(mkfifo(path, 0600), 0);
        break;
    case 'd':
        assert_int_equal(mkdir(path, 0700), 0);
        break;
    case 'h':
        must(rt_file_replace(path, "", 0));
        assert_int_equal(truncate(path, (off_t)1 << 40), 0);
        break;
    case 'z':
        assert_int_equal(symlink("/dev/zero", path), 0);
        break;
    default:
        put_socket(path);
    }
}

static void copy_run(void)
{
    must(rt_remove_tree(in_scratch(&s, "run")));
    result r = run(&s, LONG, "cp", "-a", in_scratch(&s, "sound"), in_scratch(&s, "run"), NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static command start_command(int which)
{
    char text[10][256];
    const char *list[11] = {NULL};
    for (int i = 0; i < 10 && commands[which].arguments[i]; i++) {
        const char *a = commands[which].arguments[i];
        const char *folder = *a == '@' ? in_scratch(&s, "run") : *a == '&' ? s.path : NULL;
        snprintf(text[i], sizeof text[i], "%s%s", folder ? folder : "", folder ? a + 1 : a);
        list[i] = text[i];
    }
    return start_list(&s, "ringtorch", list);
}

/* ---- the test ---- */

static void expect(const row *c, char kind, int which, const result *r)
{
    bool refused = (c->refused & commands[which].bit) != 0;
    bool named = strstr(r->err, c->file) != NULL;
    bool as_usual = r->exit_code == usual[which];
    if (refused ? (r->exit_code != 1 && r->exit_code != 2) || !named : !as_usual)
        fail_msg("%s with '%c' for %s: exit code %d, expected %s%d\n%s%s",
                 commands[which].arguments[0], kind, c->file, r->exit_code,
                 refused ? "its name and 1 or " : "", refused ? 2 : usual[which], r->out, r->err);
}

/* Starts the commands from `begin` to `end`, and checks how each handles the file. */
static void finish_all(const row *c, char kind, int begin, int end)
{
    command started[COMMANDS];
    for (int i = begin; i < end; i++)
        started[i] = start_command(i);
    for (int i = begin; i < end; i++) {
        result r = finish(started[i], PATIENCE);
        expect(c, kind, i, &r);
        result_release(&r);
    }
}

static void strange_files_are_named_or_do_no_harm(void **state)
{
    const row *c = *state;
    for (const char *kind = c->kinds; *kind; kind++) {
        if (*kind == 'u' && geteuid() == 0)
            continue; /* root may read anything */
        copy_run();
        put(*kind, in_scratch(&s, "run/%s", c->file));
        finish_all(c, *kind, 0, TRAINING); /* side by side: they change nothing */
        finish_all(c, *kind, TRAINING, COMMANDS);
    }
}

/* A run of 60 steps, and a row of a step that it has never saved: it is moved to metrics-abandoned.jsonl at the start. */
static int set_up(void **state)
{
    char sha[65];
    (void)state;
    tiny_setup(&s);
    write_config(&s, "tiny.yaml",
                 "run: {name: tiny, seed: 7, steps: 60, report_every: 10}\n"
                 "model: {layers: [flatten, {linear: 10}]}\n"
                 "data: {dataset: fashion-mnist, path: \"%s\", batch: 64}\n"
                 "parallel: {workers: 2, slices: 4}\n"
                 "checkpoint: {every: 20, keep: 3}\n");
    train_tiny(&s, in_scratch(&s, "sound"), 2, NULL, sha);
    must(rt_file_append_line(in_scratch(&s, "sound/metrics.jsonl"),
                             "{\"step\":61,\"generation\":1}"));
    must(rt_file_append_line(in_scratch(&s, "sound/metrics.jsonl"),
                             "{\"step\":61,\"generation\":1}"));
    for (int i = 0; i < COMMANDS; i++) {
        copy_run();
        result r = finish(start_command(i), PATIENCE);
        usual[i] = r.exit_code;
        bool asks = (commands[i].bit & (STOP | SCALE | NOW)) != 0; /* the run is over */
        if (r.exit_code != (asks ? 1 : 0))
            fail_msg("%s: exit code %d\n%s", commands[i].arguments[0], r.exit_code, r.err);
        result_release(&r);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    for (int i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){rows[i].file, strange_files_are_named_or_do_no_harm, NULL,
                                       NULL, (void *)&rows[i]};
    return _cmocka_run_group_tests("strange files", tests, ROWS, set_up, tear_down);
}
