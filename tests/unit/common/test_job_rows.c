/* Job back ends of plugins as configurations describe them: a good row is known with all that it says, comes through
 * config.yaml unchanged, and each mistake, as a hostile run directory could have it, is refused by row and member. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config.h"
#include "common/config/job_rows.h"
#include "common/config/plugins.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ENTRY_OF(name, rows)                                                                       \
    "{\"file\": \"/p/" name ".so\", \"sha256\": \"" SHA "\", \"rows\": {\"name\": \"" name         \
    "\", \"jobs\": [" rows "]}}"
#define NUMBERS    "\"rank\": \"MY_RANK\", \"world\": \"MY_WORLD\", \"local_rank\": \"MY_LOCAL\""
#define COMMAND    "\"command\": [\"mpiexec\", \"-n\", \"{ranks}\", \"{worker}\"]"
#define HEAD(name) "\"name\": \"" name "\", \"help\": \"h\""
#define GOOD(name) "{" HEAD(name) ", " COMMAND ", " NUMBERS "}"

static rt_status add(const char *text)
{
    json_t *entry;
    assert_int_equal(rt_json_parse(text, strlen(text), "entry", &entry), RT_OK);
    rt_status status = rt__plugin_add(entry);
    json_decref(entry);
    return status;
}

static void expect_error(rt_status status, const char *says)
{
    if (status == RT_OK || !strstr(rt_error(), says))
        fail_msg("%s \"%s\", expected \"%s\"", rt_status_name(status), rt_error(), says);
    rt_error_clear();
}

static const rt__job_row *find(const char *name)
{
    for (int i = 0; i < rt__job_rows(); i++)
        if (strcmp(rt__job_row_at(i)->name, name) == 0)
            return rt__job_row_at(i);
    fail_msg("there is no row %s", name);
    return NULL;
}

static void a_row_is_known_with_all_that_it_says(void **state)
{
    (void)state;
    rt_config c, again;
    static const char text[] = "plugins: [" ENTRY_OF(
        "site",
        "{" HEAD("far") ", \"command\": [\"/opt/start\", "
                        "\"--on={host_slots}\", \"{{worker}\", \"\", \"{worker}\"], \"shell\": "
                        "[\"ssh\", \"-q\"], \"once\": true, " NUMBERS
                        ", \"local_world\": \"MY_LOCAL_WORLD\"}, " GOOD("near")) "]\n";
    assert_int_equal(rt_config_parse(text, strlen(text), "c.yaml", &c), RT_OK);
    assert_int_equal(rt__job_rows(), 2);
    const rt__job_row *far = find("far"), *near = find("near");
    assert_string_equal(rt__job_row_plugin(far), "site");
    assert_string_equal(rt__job_row_file(far), "/p/site.so");
    assert_int_equal(far->words, 5);
    assert_string_equal(far->word[1], "--on={host_slots}");
    assert_int_equal(far->shell_words, 2);
    assert_string_equal(far->shell[1], "-q");
    assert_string_equal(far->variable[RT_NUMBER_local_rank], "MY_LOCAL");
    assert_string_equal(far->variable[RT_NUMBER_local_world], "MY_LOCAL_WORLD");
    assert_true(far->once && far->names_hosts);
    assert_false(near->once || near->names_hosts);
    assert_null(near->variable[RT_NUMBER_local_world]);
    assert_string_equal(near->variable[RT_NUMBER_world], "MY_WORLD");
    char *written = rt_config_yaml(&c);
    assert_non_null(written);
    assert_int_equal(rt_config_parse(written, strlen(written), "again", &again), RT_OK);
    char *twice = rt_config_yaml(&again);
    assert_string_equal(written, twice);
    assert_int_equal(rt__job_rows(), 2);
    rt_mem_free(written);
    rt_mem_free(twice);
    rt_config_release(&again);
    rt_config_release(&c);
}

static void places_in_words_are_filled(void **state)
{
    (void)state;
    static const struct {
        const char *word, *filled; /* NULL: refused */
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"{ranks}", "4"},
        {"-n{ranks}x{threads}", "-n4x2"},
        {"{hosts};{host_slots};{variables}", "a,b;a:2,b:2;A,B"},
        {"{{ranks}", "{ranks}"},
        {"{{{ranks}}", "{4}"},
        {"}", "}"},
        {"{", NULL},
        {"{}", NULL},
        {"{Ranks}", NULL},
        {"{ranks", NULL},
        {"{ranks }", NULL},
    };
    static const char *const value[RT_JOB_PLACE_COUNT] = {
        [RT_JOB_PLACE_ranks] = "4",       [RT_JOB_PLACE_threads] = "2",
        [RT_JOB_PLACE_hosts] = "a,b",     [RT_JOB_PLACE_host_slots] = "a:2,b:2",
        [RT_JOB_PLACE_variables] = "A,B",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_text t = {0};
        bool filled = rt__job_word_fill(rows[i].word, value, &t);
        if (filled != (rows[i].filled != NULL) ||
            (filled && strcmp(t.data ? t.data : "", rows[i].filled) != 0))
            fail_msg("'%s' becomes '%s'", rows[i].word, t.data ? t.data : "");
        rt_mem_free(t.data);
    }
}

/* Each row of `rows` has one mistake. */
static void mistakes_are_refused_by_name(void **state)
{
    (void)state;
#define ROW(members) ENTRY_OF("w", "{" HEAD("w") ", " members "}")
#define WORDS(words) ROW("\"command\": [" words "], " NUMBERS)
    static const struct {
        const char *entry, *says;
    } rows[] = {
        {ENTRY_OF("w", "1"), "plugin w (/p/w.so): jobs[0]: expected a name"},
        {ENTRY_OF("w", "{\"name\": \"W\", \"help\": \"h\", " COMMAND ", " NUMBERS "}"),
         "jobs[0]: .name 'W': expected a name of at most 40 small letters, digits and _ or -"},
        {ENTRY_OF("w", "{\"name\": \"w\", \"help\": \"a\\u001bb\", " COMMAND ", " NUMBERS "}"),
         "jobs[0]: expected a name, and a line of help"},
        {ENTRY_OF("w", GOOD("w") ", " GOOD("w")), "jobs[1]: an earlier row has its name"},
        {ROW(NUMBERS), "plugin w (/p/w.so): jobs[0] 'w': .command: expected 1 to 48 words"},
        {ROW("\"command\": \"mpirun\", " NUMBERS), ".command: expected 1 to 48 words"},
        {WORDS(""), ".command: expected 1 to 48 words"},
        {WORDS("1, \"{ranks}\", \"{worker}\""), ".command[0]: expected a text of at most 400"},
        {WORDS("\"a\", \"b\\u0007{ranks}\", \"{worker}\""),
         "jobs[0] 'w': .command[1]: expected a text of at most 400 bytes without control"},
        {WORDS("\"a\", \"{ranks}\""), ".command[1] '{ranks}': expected {worker} as the last word"},
        {WORDS("\"a\", \"{worker}\", \"{ranks}\", \"{worker}\""),
         ".command[1] '{worker}': expected {worker} as the last word only"},
        {WORDS("\"a\", \"x{worker}\", \"{ranks}\", \"{worker}\""), "as the last word only"},
        {WORDS("\"a\", \"{rank}\", \"{ranks}\", \"{worker}\""),
         ".command[1] '{rank}': expected {ranks}, {threads}, {hosts}, {host_slots} or {variables}"},
        {WORDS("\"a\", \"{worker}\""), ".command: expected {ranks} or {host_slots} in a word"},
        {WORDS("\"a\", \"{{ranks}\", \"{worker}\""), ".command: expected {ranks} or {host_slots}"},
        {WORDS("\"{worker}\""), ".command[0] '{worker}': expected the name of a program"},
        {WORDS("\"\", \"{ranks}\", \"{worker}\""), ".command[0] '': expected a program to find"},
        {WORDS("\"./start\", \"{ranks}\", \"{worker}\""),
         ".command[0] './start': expected a program to find in PATH, or an absolute path"},
        {WORDS("\"a\", \"{host_slots}\", \"{worker}\""), ".shell: expected it to be given if"},
        {ROW(COMMAND ", \"shell\": [\"ssh\"], " NUMBERS), ".shell: expected it to be given if"},
        {ROW("\"command\": [\"a\", \"{host_slots}\", \"{worker}\"], \"shell\": [], " NUMBERS),
         ".shell: expected 1 to 16 words"},
        {ROW(COMMAND), ".rank: expected the name of an environment variable"},
        {ROW(COMMAND ", \"rank\": \"A\", \"local_rank\": \"B\""), ".world: expected the name"},
        {ROW(COMMAND ", \"rank\": \"A B\", \"world\": \"B\", \"local_rank\": \"C\""), ".rank: "},
        {ROW(COMMAND ", \"rank\": \"1A\", \"world\": \"B\", \"local_rank\": \"C\""), ".rank: "},
        {ROW(COMMAND ", \"rank\": \"\", \"world\": \"B\", \"local_rank\": \"C\""), ".rank: "},
        {ROW(COMMAND ", \"rank\": 1, \"world\": \"B\", \"local_rank\": \"C\""), ".rank: "},
        {ROW(COMMAND ", \"rank\": \"RINGTORCH_KEYS\", \"world\": \"B\", \"local_rank\": \"C\""),
         ".rank: expected the name of an environment variable: at most 64 letters, digits and _, "
         "and not RINGTORCH_"},
        {ROW(COMMAND ", " NUMBERS ", \"local_world\": 3"), ".local_world: expected the name"},
        {ROW(COMMAND ", " NUMBERS ", \"once\": 1"), ".once: expected true or false"},
    };
    int before = rt__job_rows();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_error(add(rows[i].entry), rows[i].says);
        assert_int_equal(rt__job_rows(), before);
    }
}

/* Makes the entry of a plugin with that many rows, or of one row with that many words of so many bytes. */
static rt_status add_many(int rows, int words, int bytes)
{
    rt_text t = {0};
    for (int i = 0; i < rows; i++) {
        rt_text_add(&t, "%s{\"name\": \"many%d_%d\", \"help\": \"h\", \"command\": [\"a\"",
                    i > 0 ? ", " : "", rows, i);
        for (int k = 0; k < words; k++)
            rt_text_add(&t, ", \"{ranks}%0*d\"", bytes - 7, 0);
        rt_text_add(&t, ", \"{worker}\"], " NUMBERS "}");
    }
    char *entry = rt_strdup_printf(ENTRY_OF("many", "%s"), t.data);
    rt_status status = add(entry);
    rt_mem_free(entry);
    rt_mem_free(t.data);
    return status;
}

static void sizes_are_limited(void **state)
{
    (void)state;
    expect_error(add_many(1, 47, 20), ".command: expected 1 to 48 words");
    expect_error(add_many(1, 100000, 20), ".command: expected 1 to 48 words");
    expect_error(add_many(1, 1, 401), ".command[1]: expected a text of at most 400 bytes");
    expect_error(add_many(RT_JOB_ROWS_MAX, 1, 20), "more job back ends than the table has room");
    expect_error(add_many(1000, 1, 20), "more rows than a plugin may have");
    assert_int_equal(add_many(1, 46, 400), RT_OK);
    assert_int_equal(find("many1_0")->words, RT_JOB_WORDS_MAX);
}

static void a_row_of_another_plugin_has_its_name(void **state)
{
    (void)state;
    assert_int_equal(add(ENTRY_OF("one", GOOD("same"))), RT_OK);
    assert_int_equal(add(ENTRY_OF("one", GOOD("same"))), RT_OK); /* the same again is none */
    expect_error(
        add(ENTRY_OF("two", "{" HEAD("same") ", " COMMAND ", " NUMBERS ", \"once\": true}")),
        "plugin two (/p/two.so): jobs: there is another same already, of plugin one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_known_with_all_that_it_says),
        cmocka_unit_test(places_in_words_are_filled),
        cmocka_unit_test(mistakes_are_refused_by_name),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(a_row_of_another_plugin_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
