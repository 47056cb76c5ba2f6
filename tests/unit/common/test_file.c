/* Files and directories: written data are read back, and a failed replacement changes nothing. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "tests/support/child.h"
#include "tests/support/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[FOLDER_MAX];

static char *in_dir(const char *name)
{
    static char path[FOLDER_MAX + NAME_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static const char *in_dir_says(const char *name, const char *what)
{
    static char text[FOLDER_MAX + NAME_MAX + 200];
    snprintf(text, sizeof text, "%s: %s", in_dir(name), what);
    return text;
}

static void expect_content(const char *path, const char *text)
{
    rt_bytes b;
    assert_int_equal(rt_file_read(path, 1 << 20, &b), RT_OK);
    assert_int_equal(b.len, strlen(text));
    assert_string_equal((const char *)b.data, text); /* a zero byte follows the end */
    rt_bytes_release(&b);
}

static size_t entries(void)
{
    rt_names n;
    assert_int_equal(rt_dir_list(dir, &n), RT_OK);
    size_t count = n.count;
    rt_names_release(&n);
    return count;
}

static void expect_failure(rt_status got, rt_status expected, const char *message)
{
    assert_int_equal(got, expected);
    assert_string_equal(rt_error(), message);
    rt_error_clear();
}

static void replacing_writes_and_overwrites(void **state)
{
    (void)state;
    char *path = in_dir("a");
    assert_int_equal(rt_file_replace(path, "one", 3), RT_OK);
    expect_content(path, "one");
    assert_int_equal(rt_file_replace(path, "", 0), RT_OK);
    expect_content(path, "");
    assert_int_equal(rt_file_replace(path, "three", 5), RT_OK);
    expect_content(path, "three");
    struct stat st;
    stat(path, &st);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(entries(), 1); /* no temporary file is left */
}

/* If the name is as long as possible, the temporary name cannot just append to it. */
static void the_longest_name_is_written(void **state)
{
    (void)state;
    char name[NAME_MAX + 1];
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    char *path = in_dir(name);
    assert_int_equal(rt_file_replace(path, "one", 3), RT_OK);
    expect_content(path, "one");
    assert_int_equal(entries(), 1);
}

/* Runs with files limited to 4 KiB: the write fails in the middle, as on a full disk. */
static void a_failed_replacement_leaves_the_old_file(void **state)
{
    (void)state;
    char *path = in_dir("a");
    assert_int_equal(rt_file_replace(path, "old", 3), RT_OK);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    char *large = rt_calloc(1, 10000);
    rt_status status = rt_file_replace(path, large, 10000);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, RT_E_IO);
    assert_non_null(strstr(rt_error(), "/a: cannot write: File too large"));
    rt_error_clear();
    rt_mem_free(large);
    expect_content(path, "old");
    assert_int_equal(entries(), 1);

    char missing[300];
    snprintf(missing, sizeof missing, "%s/none/a", dir);
    assert_int_equal(rt_file_replace(missing, "x", 1), RT_E_NOTFOUND);
    assert_non_null(
        strstr(rt_error(), "/none/a: cannot write a temporary file beside it: No such file"));
    rt_error_clear();
    rt_mem_fail_after(0);
    status = rt_file_replace(path, "x", 1);
    rt_mem_fail_after(-1);
    assert_int_equal(status, RT_E_NOMEM);
    rt_error_clear();
    expect_content(path, "old");
}

static void a_full_disk_is_reported_as_such(void **state)
{
    (void)state;
    int fd;
    assert_int_equal(rt_file_create("/dev/full", &fd), RT_OK);
    expect_failure(rt_file_write(fd, "/dev/full", "x", 1), RT_E_NOSPACE,
                   "/dev/full: cannot write: No space left on device: free some space");
    assert_int_equal(rt_file_finish(fd, "/dev/full"), RT_OK);
    expect_failure(rt_file_append_line("/dev/full", "x"), RT_E_NOSPACE,
                   "/dev/full: cannot append: No space left on device: free some space");
}

/* Writing a run's files must not wait for a reader. */
static void pipes_are_not_written_to(void **state)
{
    (void)state;
    int fd;
    char *path = in_dir("pipe"), text[512];
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(text, sizeof text, "%s: is a pipe or a socket, expected a file: remove it", path);
    expect_failure(rt_file_append_line(path, "x"), RT_E_ARG, text);
    expect_failure(rt_file_create(path, &fd), RT_E_ARG, text);
    int reader = open(path, O_RDONLY | O_NONBLOCK); /* nor with a reader */
    expect_failure(rt_file_append_line(path, "x"), RT_E_ARG, text);
    close(reader);
}

static void reading_is_limited(void **state)
{
    (void)state;
    char *path = in_dir("a");
    rt_bytes b;
    assert_int_equal(rt_file_replace(path, "12345", 5), RT_OK);
    assert_int_equal(rt_file_read(path, 5, &b), RT_OK);
    rt_bytes_release(&b);
    assert_int_equal(rt_file_read(path, 4, &b), RT_E_RANGE);
    assert_null(b.data);
    rt_error_clear();
    expect_failure(rt_file_read("/proc/nonexistent", 10, &b), RT_E_NOTFOUND,
                   "/proc/nonexistent: cannot open: No such file or directory");
    expect_failure(rt_file_read("/tmp", 10, &b), RT_E_ARG,
                   "/tmp: is a directory, expected a regular file");
    expect_failure(rt_file_read("/dev/null/x", 10, &b), RT_E_ARG,
                   "/dev/null/x: cannot open: Not a directory");
}

/* Whatever is at a path, reading it neither waits nor goes on for ever. */
static void only_files_are_read(void **state)
{
    (void)state;
    enum { LIMIT = 1000 };
    static const struct {
        const char *name, *says;
        rt_status code, as_pipe; /* as_pipe: if pipes are allowed */
    } rows[] = {
        {"directory", "is a directory", RT_E_ARG, RT_E_ARG},
        {"socket", "is a socket", RT_E_ARG, RT_E_ARG},
        {"zero", "is a character device", RT_E_ARG, RT_E_ARG},
        {"terabyte", "larger than the 1000 bytes", RT_E_RANGE, RT_E_RANGE},
        {"loop", "Too many levels of symbolic links", RT_E_ARG, RT_E_ARG},
    };
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_dir("socket"));
    int s = socket(AF_UNIX, SOCK_STREAM, 0), big;
    assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(mkdir(in_dir("directory"), 0700), 0);
    assert_int_equal(symlink("/dev/zero", in_dir("zero")), 0);
    assert_int_equal(symlink("loop", in_dir("loop")), 0);
    assert_int_equal(rt_file_create(in_dir("terabyte"), &big), RT_OK);
    assert_int_equal(ftruncate(big, (off_t)1 << 40), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int kind = RT_INPUT_FILE; kind <= RT_INPUT_FILE_OR_PIPE; kind++) {
            rt_bytes b;
            rt_status expected = kind == RT_INPUT_FILE ? rows[i].code : rows[i].as_pipe;
            assert_int_equal(rt_input_read(in_dir(rows[i].name), (rt_input_kind)kind, LIMIT, &b),
                             expected);
            assert_non_null(strstr(rt_error(), rows[i].says));
            assert_null(b.data);
            rt_error_clear();
        }
    close(big);
    close(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rt_remove_tree(in_dir(rows[i].name)), RT_OK);
}

static int write_late(void *path)
{
    rt_clock_sleep(0.1); /* usually the reader comes first; both orders must work */
    int fd = open(path, O_WRONLY);
    bool all = write(fd, "a: ", 3) == 3;
    rt_clock_sleep(0.1);
    return all && write(fd, "1\n", 2) == 2 ? 0 : 1;
}

/* As with a shell's <(command): the pipe is read to its end, however late and in however many parts the data come. */
static void pipes_are_read_where_they_are_welcome(void **state)
{
    (void)state;
    char *path = in_dir("fifo");
    rt_bytes b;
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_failure(rt_file_read(path, 100, &b), RT_E_ARG,
                   in_dir_says("fifo", "is a pipe, expected a regular file"));
    pid_t writer = child_function(write_late, path);
    assert_int_equal(rt_input_read(path, RT_INPUT_FILE_OR_PIPE, 100, &b), RT_OK);
    assert_string_equal((char *)b.data, "a: 1\n");
    rt_bytes_release(&b);
    assert_int_equal(child_end(writer), 0);
    assert_int_equal(unlink(path), 0);
}

/* A file with a hole in it, as a power failure may leave it, is not searched to its beginning at each line. */
static void an_endless_line_is_ended(void **state)
{
    (void)state;
    rt_bytes b;
    char *path = in_dir("endless");
    const off_t hole = (off_t)1 << 40;
    assert_int_equal(rt_file_replace(path, "", 0), RT_OK);
    assert_int_equal(truncate(path, hole), 0);
    assert_int_equal(rt_file_append_line(path, "one"), RT_OK);
    assert_int_equal(rt_file_append_line(path, "two"), RT_OK);
    assert_int_equal(rt_input_tail(path, 9, &b), RT_OK);
    assert_string_equal((char *)b.data, "one\ntwo\n");
    rt_bytes_release(&b);
    assert_int_equal(unlink(path), 0);
}

static void tails_begin_with_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *content, *tail;
    } rows[] = {{"", ""}, {"one\ntwo\n", "one\ntwo\n"}, {"a long line\ntwo\nsix\n", "two\nsix\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_bytes b;
        char *path = in_dir("tail");
        assert_int_equal(rt_file_replace(path, rows[i].content, strlen(rows[i].content)), RT_OK);
        assert_int_equal(rt_input_tail(path, 10, &b), RT_OK);
        assert_string_equal((char *)b.data, rows[i].tail);
        assert_int_equal(b.len, strlen(rows[i].tail));
        rt_bytes_release(&b);
        assert_int_equal(unlink(path), 0);
    }
}

static void large_files_come_back_whole(void **state)
{
    (void)state;
    enum { N = 300001 };
    char *path = in_dir("large");
    uint8_t *data = rt_malloc(N);
    for (int i = 0; i < N; i++)
        data[i] = (uint8_t)((unsigned)i * (unsigned)i / 7);
    int fd;
    assert_int_equal(rt_file_create(path, &fd), RT_OK);
    assert_int_equal(rt_file_write(fd, path, data, N), RT_OK);
    assert_int_equal(rt_file_finish(fd, path), RT_OK);
    rt_bytes b;
    assert_int_equal(rt_file_read(path, N, &b), RT_OK);
    assert_int_equal(b.len, N);
    assert_memory_equal(b.data, data, N);
    uint64_t sum, bytes;
    assert_int_equal(rt_hash64_file(path, &sum, &bytes), RT_OK);
    assert_int_equal(bytes, N);
    assert_true(sum == rt_hash64(data, N));
    rt_bytes_release(&b);
    rt_mem_free(data);
}

static void lines_are_appended(void **state)
{
    (void)state;
    char *path = in_dir("lines");
    assert_int_equal(rt_file_append_line(path, "{\"a\": 1}"), RT_OK);
    assert_int_equal(rt_file_append_line(path, ""), RT_OK);
    assert_int_equal(rt_file_append_line(path, "end"), RT_OK);
    expect_content(path, "{\"a\": 1}\n\nend\n");
}

/* A crash or a full disk may leave the beginning of a line. It is removed, however long it is. */
static void what_is_appended_begins_a_line(void **state)
{
    (void)state;
    enum { LONG = 10000 };
    char *path = in_dir("torn"), part[LONG + 1];
    memset(part, 'x', LONG);
    part[LONG] = '\0';
    static const char *const whole[] = {"", "{\"a\": 1}\n", "1\n\n"};
    static const size_t parts[] = {0, 1, 17, 4095, 4096, 4097, LONG};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            char *text = rt_strdup_printf("%s%.*s", whole[i], (int)parts[k], part);
            char *wanted = rt_strdup_printf("%send\n", whole[i]);
            assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
            assert_int_equal(rt_file_append_line(path, "end"), RT_OK);
            expect_content(path, wanted);
            rt_mem_free(text);
            rt_mem_free(wanted);
        }
}

static void directories_are_made_listed_and_removed(void **state)
{
    (void)state;
    char deep[300], link[300];
    snprintf(deep, sizeof deep, "%s/x/y//z", dir);
    assert_int_equal(rt_dir_make(deep, 0700), RT_OK);
    assert_int_equal(rt_dir_make(deep, 0700), RT_OK);
    struct stat st;
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    for (int i = 9; i >= 0; i--) {
        char *path = rt_strdup_printf("%s/x/f%d", dir, i);
        assert_int_equal(rt_file_replace(path, "", 0), RT_OK);
        rt_mem_free(path);
    }
    char *x = rt_path_join(dir, "x");
    rt_names n;
    assert_int_equal(rt_dir_list(x, &n), RT_OK);
    assert_int_equal(n.count, 11);
    assert_string_equal(n.name[0], "f0");
    assert_string_equal(n.name[9], "f9");
    assert_string_equal(n.name[10], "y");
    rt_names_release(&n);

    /* A link out of the tree is removed, but its target is not. */
    char *precious = in_dir("precious");
    assert_int_equal(rt_file_replace(precious, "!", 1), RT_OK);
    snprintf(link, sizeof link, "%s/x/link", dir);
    assert_int_equal(symlink(dir, link), 0);
    assert_int_equal(rt_remove_tree(x), RT_OK);
    assert_false(rt_path_exists(x));
    assert_true(rt_path_exists(in_dir("precious")));
    assert_int_equal(rt_remove_tree(x), RT_OK); /* a missing one is fine */
    rt_mem_free(x);

    assert_int_equal(rt_dir_make(in_dir("precious"), 0700), RT_E_ARG);
    assert_non_null(strstr(rt_error(), "precious: cannot create the directory: Not a directory"));
    rt_error_clear();
    assert_int_equal(rt_dir_list(in_dir("precious"), &n), RT_E_ARG);
    rt_error_clear();
}

static void paths_are_simplified(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a/b", "a/b"},       {"a/", "a"},    {"./a//b/.", "a/b"},
        {"/", "/"},           {"//", "/"},    {"/./a/", "/a"},
        {".", "."},           {"././/", "."}, {"../a/../b/", "../a/../b"},
        {".a/..b", ".a/..b"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = rt_path_simplify(rows[i][0]);
        assert_string_equal(path, rows[i][1]);
        rt_mem_free(path);
    }
}

static void paths_are_made_absolute(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a", "a"},
        {"././a/./b/", "a/b"},
        {"../a", "../a"},
        {"", ""},
    };
    int before = open(".", O_RDONLY | O_DIRECTORY);
    char expected[4200], here[4096];
    assert_int_equal(chdir(dir), 0);
    assert_non_null(getcwd(here, sizeof here));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = rt_path_absolute(rows[i][0]);
        snprintf(expected, sizeof expected, "%s%s%s", here, *rows[i][1] ? "/" : "", rows[i][1]);
        assert_string_equal(path, expected);
        rt_mem_free(path);
    }
    char *given = rt_path_absolute("/a//b");
    assert_string_equal(given, "/a//b");
    rt_mem_free(given);
    assert_int_equal(rmdir(here), 0);
    assert_null(rt_path_absolute("a"));
    assert_non_null(strstr(rt_error(), "a: the working directory: No such file or directory"));
    rt_error_clear();
    assert_int_equal(mkdir(here, 0755), 0);
    assert_int_equal(fchdir(before), 0);
    close(before);
}

/* Only a path that certainly does not exist is reported as missing. */
static void a_path_that_cannot_be_followed_is_an_error(void **state)
{
    (void)state;
    bool there;
    char loop[300], below[300];
    snprintf(loop, sizeof loop, "%s/loop", dir);
    snprintf(below, sizeof below, "%s/file/below", dir);
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(rt_path_look(loop, &there), RT_E_ARG);
    assert_non_null(strstr(rt_error(), "loop: cannot access: Too many levels of symbolic links"));
    rt_error_clear();
    assert_int_equal(rt_file_replace(in_dir("file"), "", 0), RT_OK);
    assert_int_equal(rt_path_look(below, &there), RT_OK);
    assert_false(there);
    assert_int_equal(rt_path_look(in_dir("absent"), &there), RT_OK);
    assert_false(there);
    assert_int_equal(rt_path_look(in_dir("file"), &there), RT_OK);
    assert_true(there);
}

static void renaming_commits_a_directory(void **state)
{
    (void)state;
    char *from = rt_path_join(dir, "new.tmp"), *to = rt_path_join(dir, "new");
    assert_int_equal(rt_dir_make(from, 0755), RT_OK);
    assert_int_equal(rt_rename_durably(from, to), RT_OK);
    assert_true(rt_path_exists(to) && !rt_path_exists(from));
    assert_int_equal(rt_rename_durably(from, to), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), from));
    assert_non_null(strstr(rt_error(), to));
    rt_error_clear();
    rt_mem_free(from);
    rt_mem_free(to);
}

static void paths_are_joined(void **state)
{
    (void)state;
    const char *cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *p = rt_path_join(cases[i][0], cases[i][1]);
        assert_string_equal(p, cases[i][2]);
        rt_mem_free(p);
    }
}

static int64_t live;

static int start(void **state)
{
    (void)state;
    rt_error_clear();
    live = rt_mem_live();
    return folder_make(dir, "file") ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return rt_remove_tree(dir) == RT_OK && rt_mem_live() == live ? 0 : -1;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        TEST(replacing_writes_and_overwrites),
        TEST(the_longest_name_is_written),
        TEST(a_failed_replacement_leaves_the_old_file),
        TEST(a_full_disk_is_reported_as_such),
        TEST(pipes_are_not_written_to),
        TEST(reading_is_limited),
        TEST(only_files_are_read),
        TEST(pipes_are_read_where_they_are_welcome),
        TEST(an_endless_line_is_ended),
        TEST(tails_begin_with_a_line),
        TEST(large_files_come_back_whole),
        TEST(lines_are_appended),
        TEST(what_is_appended_begins_a_line),
        TEST(directories_are_made_listed_and_removed),
        TEST(paths_are_simplified),
        TEST(paths_are_made_absolute),
        TEST(a_path_that_cannot_be_followed_is_an_error),
        TEST(renaming_commits_a_directory),
        TEST(paths_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
