/* What the user sees of a run in a pipe, one line for each object of the coordinator, and on a terminal. */
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "launch/tui/display.h"
#include "tests/support/child.h"

/* Shows one object and returns what was printed (free). */
static char *shown(const char *object)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size), *before = stdout;
    stdout = memory; /* glibc lets it be assigned */
    rt__display d;
    rt__display_init(&d, false, "runs/x", 64);
    d.end_step = 20;
    rt__display_show(&d, object);
    rt__display_end(&d);
    stdout = before;
    fclose(memory);
    return text;
}

/* JSON has null for what is not a number; the display must not show that as a loss of 0. */
static void what_is_not_a_number_is_never_zero(void **state)
{
    (void)state;
    static const struct {
        const char *object, *line;
    } rows[] = {
        {"{\"event\": \"report\", \"step\": 5, \"loss\": 0.23768, \"samples_per_second\": 64}",
         "step 5/20  25 %  loss 0.2377  64 samples/s  ETA 0:15"},
        {"{\"event\": \"report\", \"step\": 20, \"loss\": null, \"samples_per_second\": null}",
         "step 20/20  100 %  loss nan  - samples/s  ETA -"},
        {"{\"event\": \"report\", \"step\": 5, \"loss\": 1e300, \"samples_per_second\": 64}",
         "loss 1e+300"},
        {"{\"event\": \"evaluation\", \"step\": 5, \"accuracy\": 0.5, \"loss\": null}",
         "step 5: test accuracy 50.00 %, loss nan"},
        {"{\"event\": \"evaluation\", \"step\": 5, \"accuracy\": null, \"loss\": 0.25}",
         "step 5: test accuracy nan %, loss 0.2500"},
        {"{\"event\": \"recovered\", \"step\": 5, \"recovery_seconds\": null}",
         "back at step 5 after -, - steps lost"},
        {"{\"event\": \"host_lost\", \"host\": \"h\", \"reason\": \"why\"}",
         "set aside for -: why"},
        {"{\"event\": \"summary\", \"status\": \"done\", \"steps\": 20, \"epochs\": null, "
         "\"eval_accuracy\": 0.099, \"eval_loss\": null}",
         "test accuracy 9.90 %, loss nan"},
        {"{\"event\": \"summary\", \"status\": \"done\", \"steps\": 20, \"epochs\": null, "
         "\"seconds\": null, \"samples_per_second\": null, \"eval_accuracy\": null}",
         "done: 20 steps (nan epochs) in -, - samples/s"},
        {"{\"event\": \"summary\", \"status\": \"done\", \"steps\": 1, \"epochs\": 1}",
         "done: 1 step (1.0 epochs) in "},
        {"{\"event\": \"scaled\", \"from\": 2, \"to\": 1}", "scaled from 2 to 1 worker\n"},
        {"{\"event\": \"running\", \"parameters\": null, \"start_step\": 0, \"end_step\": 20}",
         "- parameters"},
        {"{\"event\": \"summary\", \"status\": \"done\", \"steps\": 20, \"skipped_steps\": 3}",
         "\n3 of these steps were left out: their loss or gradient was not finite"},
        {"{\"event\": \"summary\", \"status\": \"done\", \"steps\": 20, \"note\": \"it has not "
         "fallen\"}",
         "\nnote: it has not fallen\nrun directory "},
        {"{\"event\": \"note\", \"text\": \"the warm-up is long\"}", "note: the warm-up is long\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = shown(rows[i].object);
        if (!strstr(text, rows[i].line))
            fail_msg("%s: shown as '%s', expected '%s'", rows[i].object, text, rows[i].line);
        free(text);
    }
}

static void expect_shown(const char *object, const char *expected)
{
    char *text = shown(object);
    assert_string_equal(text, expected);
    free(text);
}

/* A user who wants the same bits with more workers must set parallel.slices before the first step. */
static void the_start_tells_how_many_workers_a_run_can_have(void **state)
{
    (void)state;
    static const struct {
        int slices;
        const char *source, *says;
    } rows[] = {
        {1, "fresh",
         ", 1 slice a step (for 1 worker; to get the same bits with more, set parallel.slices)\n"},
        {4, "fresh", "steps 0 to 20, avx2, blas, 4 slices a step (for at most 4 workers)\n"},
        {4, "snapshot", "steps 0 to 20 from a snapshot, avx2, blas, 4 slices a step\n"},
        {1, "runs/x/checkpoints/step-8", "20 from step-8, avx2, blas, 1 slice a step\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char object[256];
        snprintf(object, sizeof object,
                 "{\"event\": \"running\", \"parameters\": 10, \"start_step\": 0, "
                 "\"end_step\": 20, \"isa\": \"avx2\", \"blas\": \"blas\", \"slices\": %d, "
                 "\"source\": \"%s\"}",
                 rows[i].slices, rows[i].source);
        char *text = shown(object);
        if (!strstr(text, rows[i].says))
            fail_msg("%s: shown as '%s', expected '%s'", object, text, rows[i].says);
        free(text);
    }
}

/* The terminal does not obey text from a configuration. Of a long net, the first and last layers are shown. */
static void layers_are_shown(void **state)
{
    (void)state;
    static char object[4096];
    expect_shown(
        "{\"event\": \"model\", \"parameters\": 1320, \"layers\": [[\"conv2d\", [32, 28, 28], "
        "1320], [\"relu\", [32, 28, 28], 0], [\"\\u001b[2J\", [], 0]]}",
        "layer    output        parameters\n"
        "conv2d   32 x 28 x 28       1,320\n"
        "relu     32 x 28 x 28\n"
        "\\x1b[2J\n");
    size_t used = (size_t)snprintf(object, sizeof object, "{\"event\": \"model\", \"layers\": [");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(object + used, sizeof object - used, "%s[\"l%d\", [1], 0]",
                                 i ? ", " : "", i);
    snprintf(object + used, sizeof object - used, "]}");
    expect_shown(object, "layer      output  parameters\n"
                         "l0         1\nl1         1\nl2         1\nl3         1\nl4         1\n"
                         "l5         1\n(28 more)\nl34        1\nl35        1\nl36        1\n"
                         "l37        1\nl38        1\nl39        1\n");
}

static void the_best_is_marked(void **state)
{
    (void)state;
    expect_shown("{\"event\": \"evaluation\", \"step\": 1200, \"accuracy\": 0.5, \"loss\": 1, "
                 "\"best\": true}",
                 "step 1,200: test accuracy 50.00 %, loss 1.0000, the best so far\n");
}

/* ---- on a terminal ---- */

/* Shows forty reports and a lost worker in a separate process, whose standard output is a terminal. */
static int show_a_run(void *terminal)
{
    rt__display d;
    char object[256];
    dup2(*(int *)terminal, STDOUT_FILENO);
    rt__display_init(&d, false, "runs/x", 64);
    d.end_step = 400;
    for (int step = 10; step <= 400; step += 10) {
        snprintf(
            object, sizeof object,
            "{\"event\": \"report\", \"step\": %d, \"epoch\": 1.5, \"loss\": 0.5, \"lr\": 0.001, "
            "\"samples_per_second\": 64, \"seconds\": 3}",
            step);
        rt__display_show(&d, object);
    }
    rt__display_show(&d, "{\"event\": \"worker_lost\", \"step\": 400, \"cause\": \"killed\"}");
    rt__display_end(&d);
    return 0;
}

/* Returns what was sent to a terminal of that kind. */
static const char *seen(const char *term, bool no_color)
{
    static char text[1 << 16];
    size_t used = 0;
    int ends[2];
    struct winsize size = {.ws_row = 24, .ws_col = 100};
    assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, &size), 0);
    setenv("TERM", term, 1);
    if (no_color)
        setenv("NO_COLOR", "1", 1);
    pid_t pid = child_function(show_a_run, &ends[1]);
    unsetenv("NO_COLOR");
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)n; /* until the last process has closed it: EIO */
    text[used] = '\0';
    close(ends[0]);
    assert_int_equal(child_end(pid), 0);
    return text;
}

static int count_of(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void a_terminal_line_is_redrawn(void **state)
{
    (void)state;
    const char *text = seen("xterm", false);
    assert_true(count_of(text, "0.5000  lr 0.001  64 samples/s  0:03  ETA") > 20);
    assert_int_equal(count_of(text, "\r\n"), 21); /* twenty of them stay, and the lost worker */
    assert_non_null(strstr(text, "\r\033[J"));
    assert_non_null(strstr(text, "\033[33mworkers lost at step 400: killed\033[0m\r\n"));
}

static void colours_are_omitted_if_unwanted(void **state)
{
    (void)state;
    const char *text = seen("xterm", true);
    assert_non_null(strstr(text, "\r\033[J"));
    assert_non_null(strstr(text, "lost at step 400: killed\r\n"));
    assert_null(strstr(text, "\033[33m"));
}

static void a_dumb_terminal_gets_lines(void **state)
{
    (void)state;
    const char *text = seen("dumb", false);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "step 400/400  100 %"));
    assert_non_null(strstr(text, "lost at step 400: killed\r\n"));
}

/* The pty that Open MPI gives a rank may end in a file; that of srun --pty is the user's terminal. */
static void a_pty_of_a_job_gets_lines(void **state)
{
    (void)state;
    static const struct {
        const char *size, *rank, *pty;
        bool live;
    } rows[] = {
        {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", NULL, false},
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", NULL, false}, /* srun --unbuffered */
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_PTY_PORT", true},
        {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "SLURM_PTY_PORT", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv(rows[i].size, "1", 1);
        setenv(rows[i].rank, "0", 1);
        if (rows[i].pty)
            setenv(rows[i].pty, "4711", 1);
        const char *text = seen("xterm", false);
        assert_true((strchr(text, '\033') != NULL) == rows[i].live);
        assert_non_null(strstr(text, "step 400/400  100 %"));
        unsetenv(rows[i].size);
        unsetenv(rows[i].rank);
        if (rows[i].pty)
            unsetenv(rows[i].pty);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_a_number_is_never_zero),
        cmocka_unit_test(the_start_tells_how_many_workers_a_run_can_have),
        cmocka_unit_test(layers_are_shown),
        cmocka_unit_test(the_best_is_marked),
        cmocka_unit_test(a_terminal_line_is_redrawn),
        cmocka_unit_test(colours_are_omitted_if_unwanted),
        cmocka_unit_test(a_dumb_terminal_gets_lines),
        cmocka_unit_test(a_pty_of_a_job_gets_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
