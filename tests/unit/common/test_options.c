/* Command lines: the same rules for every command, and errors that suggest what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/options.h"

/* The parsed values of a command line. */
typedef struct outcome {
    int64_t workers;
    bool json, verbose, list_keys;
    const char *resume, *reason, *item[16];
    rt_option_list sets;
    rt_arguments args;
} outcome;

static rt_status parse(const char *line, outcome *o)
{
    static char copy[256];
    static char *argv[32];
    int argc = 0;
    *o = (outcome){.workers = -1};
    o->sets.item = o->item;
    const rt_option options[] = {
        {"workers", 'n', "W", "worker processes", .number = &o->workers, .least = 1, .most = 64},
        {"resume", 0, "HOW", "never: not at all\nauto: somehow", .text = &o->resume,
         .words = "never auto"},
        {"reason", 'r', "TEXT", "why", .text = &o->reason},
        {"set", 0, "KEY=VALUE", "one key", .list = &o->sets},
        {"json", 'j', NULL, "as JSON", .flag = &o->json},
        {"verbose", 'v', NULL,
         "more words, and a help text that is so long that it does not fit into "
         "one line of a hundred columns",
         .flag = &o->verbose},
        {"keys", 0, NULL, "all keys", .flag = &o->list_keys, .alone = true},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch try", {"RUN", "W"},          1, "Tries.\n\nA second paragraph.",
        options,         "Exit codes: 0 tried."};
    snprintf(copy, sizeof copy, "try %s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? "" : word;
    argv[argc] = NULL;
    return rt_options_parse(&usage, argc, argv, &o->args);
}

/* ---- valid command lines ---- */

/* All of these mean: two workers, for the run "x". */
static const char *const two_workers[] = {
    "x -n 2",        "x -n2",         "-n2 x",          "-n 2 x",   "x --workers 2",
    "x --workers=2", "--workers=2 x", "-n 2 -- x",      "-n2 -- x", "--work 2 x",
    "x --w=2",       "-n 7 x -n 2",   "x --workers=+2",
};

static void equivalent_command_lines(void **state)
{
    outcome o;
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        for (size_t i = 0; i < sizeof two_workers / sizeof *two_workers; i++) {
            if (parse(two_workers[i], &o) != RT_OK)
                fail_msg("%s: %s", two_workers[i], rt_error());
            if (o.workers != 2 || o.args.count != 1 || strcmp(o.args.operand[0], "x") != 0)
                fail_msg("%s: %d workers, %d operands", two_workers[i], (int)o.workers,
                         o.args.count);
        }
        setenv("POSIXLY_CORRECT", "1", 1); /* must not change what a command line means */
    }
    unsetenv("POSIXLY_CORRECT");
}

static void values_may_look_like_anything(void **state)
{
    outcome o;
    (void)state;
    assert_int_equal(parse("x --set a=b=c --set=--json -r --resume --resume=-n", &o), RT_OK);
    assert_int_equal(o.sets.count, 2);
    assert_string_equal(o.sets.item[0], "a=b=c");
    assert_string_equal(o.sets.item[1], "--json");
    assert_string_equal(o.reason, "--resume");
    assert_string_equal(o.resume, "-n");
    assert_false(o.json);
}

static void letters_may_be_joined(void **state)
{
    outcome o;
    (void)state;
    assert_int_equal(parse("-jvn3 x 4", &o), RT_OK);
    assert_true(o.json && o.verbose);
    assert_int_equal(o.workers, 3);
    assert_int_equal(o.args.count, 2);
    assert_string_equal(o.args.operand[1], "4");
}

static void everything_after_two_dashes_is_an_operand(void **state)
{
    outcome o;
    (void)state;
    assert_int_equal(parse("-j -- --json -n2", &o), RT_OK);
    assert_string_equal(o.args.operand[0], "--json");
    assert_string_equal(o.args.operand[1], "-n2");
    assert_int_equal(o.workers, -1);
    assert_int_equal(parse("-", &o), RT_OK); /* one dash is a name like any other */
    assert_string_equal(o.args.operand[0], "-");
}

static void flags_that_stand_alone_need_no_operand(void **state)
{
    outcome o;
    (void)state;
    assert_int_equal(parse("--keys", &o), RT_OK);
    assert_true(o.list_keys);
}

/* ---- errors ---- */

static void errors_are_named(void **state)
{
    static const struct {
        const char *line, *message;
        rt_status status;
    } rows[] = {
        {"", "no RUN: write ringtorch try RUN, or see ringtorch try --help", RT_E_ARG},
        {"--json", "no RUN: write", RT_E_ARG},
        {"x 1 y", "'y': one argument too many, after W '1': see ringtorch try --help", RT_E_ARG},
        {"x -- 1 y", "'y': one argument too many", RT_E_ARG},
        {"x --wrokers 2", "unknown option '--wrokers': did you mean '--workers'?", RT_E_ARG},
        {"x --wrokers=2", "unknown option '--wrokers': did you mean '--workers'?", RT_E_ARG},
        {"x -workers 2", "unknown option '-workers': did you mean '--workers'?", RT_E_ARG},
        {"x --nothing", "unknown option '--nothing': there are --workers, -n, --resume", RT_E_ARG},
        {"x -q", "unknown option '-q'", RT_E_ARG},
        {"x -jq", "unknown option '-jq'", RT_E_ARG},
        {"x --re 1", "option '--re' is ambiguous: --resume or --reason", RT_E_ARG},
        {"x --json=yes", "--json=yes: takes no value: write --json", RT_E_ARG},
        {"x -n", "-n: a value is missing: give W, or see ringtorch try --help", RT_E_ARG},
        {"x --workers", "--workers: a value is missing: give W", RT_E_ARG},
        {"x -n 2x", "-n 2x: not a whole number: give one from 1 to 64", RT_E_ARG},
        {"x --workers=2.5", "--workers 2.5: not a whole number", RT_E_ARG},
        {"x -n ''", "-n : not a whole number", RT_E_ARG},
        {"x -n 0", "-n 0: expected a number from 1 to 64", RT_E_RANGE},
        {"x -n -3", "-n -3: expected a number from 1 to 64", RT_E_RANGE},
        {"x -n 65", "-n 65: expected a number from 1 to 64", RT_E_RANGE},
        {"x -n 99999999999999999999", "expected a number from 1 to 64", RT_E_RANGE},
        {"x --resume=", "--resume '': give HOW", RT_E_ARG},
        {"x --set ''", "--set '': give KEY=VALUE", RT_E_ARG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome o;
        rt_status status = parse(rows[i].line, &o);
        if (status != rows[i].status || !strstr(rt_error(), rows[i].message))
            fail_msg("'%s': status %d, \"%s\", expected \"%s\"", rows[i].line, status, rt_error(),
                     rows[i].message);
        rt_error_clear();
    }
}

/* ---- help ---- */

/* Returns what parsing prints. */
static const char *printed(const char *line)
{
    static char text[4096];
    outcome o;
    int ends[2], out = dup(STDOUT_FILENO);
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    rt_status status = parse(line, &o);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    assert_int_equal(status, RT_OK);
    assert_true(o.args.help);
    return text;
}

static void help_is_made_of_the_table(void **state)
{
    static const char expected[] = "usage: ringtorch try RUN [W] [options]\n"
                                   "\n"
                                   "Tries.\n"
                                   "\n"
                                   "A second paragraph.\n"
                                   "\n"
                                   "  -n, --workers W         worker processes\n"
                                   "      --resume HOW        never: not at all\n"
                                   "                          auto: somehow\n"
                                   "  -r, --reason TEXT       why\n"
                                   "      --set KEY=VALUE     one key\n"
                                   "  -j, --json              as JSON\n"
                                   "  -v, --verbose           more words, and a help text that is "
                                   "so long that it does not fit into one\n"
                                   "                          line of a hundred columns\n"
                                   "      --keys              all keys\n"
                                   "  -h, --help              this text\n"
                                   "\n"
                                   "Exit codes: 0 tried.\n";
    static const char *const lines[] = {"--help", "-h", "x --help", "-jh", "x 1 --hel --nonsense"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_string_equal(printed(lines[i]), expected);
}

static void shells_get_the_same_rows(void **state)
{
    static const char expected[] = "operand\tRUN\n"
                                   "operand\tW\n"
                                   "option\t--workers\t-n\tW\t-\tworker processes\n"
                                   "option\t--resume\t-\tHOW\tnever auto\tnever: not at all\n"
                                   "option\t--reason\t-r\tTEXT\t-\twhy\n"
                                   "option\t--set\t-\tKEY=VALUE\t-\tone key\n"
                                   "option\t--json\t-j\t-\t-\tas JSON\n"
                                   "option\t--verbose\t-v\t-\t-\tmore words, and a help text that "
                                   "is so long that it does not fit into one line of a hundred "
                                   "columns\n"
                                   "option\t--keys\t-\t-\t-\tall keys\n"
                                   "option\t--help\t-h\t-\t-\tthis text\n";
    (void)state;
    setenv("RINGTORCH_HELP_AS", "list", 1);
    assert_string_equal(printed("--help"), expected);
    unsetenv("RINGTORCH_HELP_AS");
}

static void the_manual_page_has_them_in_sections(void **state)
{
    static const char *const parts[] = {
        ".TH RINGTORCH\\-TRY 1 \"\" \"RingTorch ",
        ".SH NAME\nringtorch\\-try \\- tries\n",
        "\\fBringtorch try\\fR \\fIRUN\\fR [\\fIW\\fR] [options]\n",
        "Tries.\n.PP\nA second paragraph.\n",
        ".TP\n\\fB\\-n\\fR, \\fB\\-\\-workers\\fR \\fIW\\fR\nworker processes\n",
        "never: not at all\n.br\nauto: somehow\n",
        ".SH EXIT STATUS\nExit codes: 0 tried.\n",
    };
    (void)state;
    setenv("RINGTORCH_HELP_AS", "man", 1);
    const char *page = printed("--help");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(page, parts[i]))
            fail_msg("not in the page: %s\n%s", parts[i], page);
    unsetenv("RINGTORCH_HELP_AS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equivalent_command_lines),
        cmocka_unit_test(values_may_look_like_anything),
        cmocka_unit_test(letters_may_be_joined),
        cmocka_unit_test(everything_after_two_dashes_is_an_operand),
        cmocka_unit_test(flags_that_stand_alone_need_no_operand),
        cmocka_unit_test(errors_are_named),
        cmocka_unit_test(help_is_made_of_the_table),
        cmocka_unit_test(shells_get_the_same_rows),
        cmocka_unit_test(the_manual_page_has_them_in_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
