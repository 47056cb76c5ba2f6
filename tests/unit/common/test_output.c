/* Outputs to a path that the user chose: files are replaced whole or not at all, and nothing else is ever replaced. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/os/os.h"
#include "common/base/output.h"
#include "tests/support/child.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[4][160];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/rt-output-XXXXXX");
    umask(022);
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    return rt_remove_tree(dir) == RT_OK ? 0 : -1;
}

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    must(rt_file_replace(path, text, strlen(text)));
    assert_int_equal(chmod(path, mode), 0);
}

static void expect_content(const char *path, const char *text)
{
    rt_bytes b = {0};
    must(rt_file_read(path, 1 << 20, &b));
    assert_string_equal((const char *)b.data, text);
    rt_bytes_release(&b);
}

static mode_t type_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & S_IFMT;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static size_t entries(void)
{
    rt_names names;
    must(rt_dir_list(dir, &names));
    size_t count = names.count;
    rt_names_release(&names);
    return count;
}

/* Writes "new" in two parts. */
static rt_status output(const char *path, bool commit)
{
    rt_output o;
    RT_TRY(rt_output_open(path, &o));
    rt_status status = rt_output_write(&o, "ne", 2);
    if (status == RT_OK)
        status = rt_output_write(&o, "w", 1);
    if (status == RT_OK && commit)
        return rt_output_commit(&o);
    rt_output_discard(&o);
    return status;
}

/* ---- files ---- */

typedef struct file_case {
    const char *name;
    mode_t mask, before, after; /* before: mode of the file that is there, 0: none */
} file_case;

static const file_case files[] = {
    {"a_new_file", 022, 0, 0644},
    {"a_new_file_is_not_for_others_when_the_umask_says_so", 077, 0, 0600},
    {"a_new_file_is_never_writable_for_all", 0, 0, 0644},
    {"a_private_file_stays_private", 022, 0600, 0600},
    {"a_shared_file_stays_shared", 077, 0664, 0664},
    {"a_file_that_runs_as_its_owner_does_not_any_more", 022, 04755, 0755},
};

static void a_file_is_replaced_whole(void **state)
{
    const file_case *c = *state;
    if (c->before)
        write_text(in_dir("out"), "old", c->before);
    umask(c->mask);
    must(output(in_dir("out"), true));
    expect_content(in_dir("out"), "new");
    assert_int_equal(mode_of(in_dir("out")), c->after);
    assert_int_equal(entries(), 1);
}

static void the_old_file_stays_until_commit(void **state)
{
    (void)state;
    rt_output o;
    write_text(in_dir("out"), "old", 0644);
    must(rt_output_open(in_dir("out"), &o));
    must(rt_output_write(&o, "new", 3));
    expect_content(in_dir("out"), "old");
    rt_output_discard(&o);
    expect_content(in_dir("out"), "old");
    assert_int_equal(entries(), 1);
}

/* ---- killed ---- */

/* The linker lets rt_common call this for open(). */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
static bool all_files_have_names; /* as on NFS */

int __wrap_open(const char *path, int flags, ...)
{
    bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = 0;
    if (creates) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (all_files_have_names && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open(path, flags, mode);
}

static bool tmp_knows_files_without_names(void)
{
    int fd = rt_os_open_nameless(dir, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int write_and_be_killed(void *path)
{
    rt_output o;
    if (rt_output_open(path, &o) == RT_OK && rt_output_write(&o, "half", 4) == RT_OK)
        raise(SIGKILL);
    return 0;
}

/* The kernel kills a process that writes more than the limit, in the middle of the write. */
static int replace_and_be_killed(void *path)
{
    static const char large[10000];
    signal(SIGXFSZ, SIG_DFL);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    rt_file_replace(path, large, sizeof large);
    return 0;
}

typedef struct killed_case {
    const char *name, *old; /* old: NULL: there was no file */
    int (*write)(void *path);
    int signal;
} killed_case;

static const killed_case killed_cases[] = {
    {"killed_while_it_writes_a_new_file", NULL, write_and_be_killed, SIGKILL},
    {"killed_while_it_replaces_a_file", "old", write_and_be_killed, SIGKILL},
    {"killed_while_it_replaces_a_file_at_once", "old", replace_and_be_killed, SIGXFSZ},
};

static void a_killed_process_leaves_no_file(void **state)
{
    const killed_case *c = *state;
    char path[160];
    if (!tmp_knows_files_without_names())
        skip();
    snprintf(path, sizeof path, "%s", in_dir("out"));
    if (c->old)
        write_text(path, c->old, 0644);
    assert_int_equal(child_end(child_function(c->write, path)), 128 + c->signal);
    assert_int_equal(entries(), c->old ? 1 : 0);
    if (c->old)
        expect_content(path, c->old);
}

static void files_have_names_if_the_file_system_requires_it(void **state)
{
    (void)state;
    rt_output o;
    all_files_have_names = true;
    must(rt_output_open(in_dir("out"), &o));
    must(rt_output_write(&o, "new", 3));
    assert_int_equal(entries(), 1);
    must(rt_output_commit(&o));
    must(output(in_dir("out"), false));
    must(rt_file_replace(in_dir("out"), "newer", 5));
    all_files_have_names = false;
    expect_content(in_dir("out"), "newer");
    assert_int_equal(entries(), 1);
}

/* ---- links ---- */

static const char *const links[] = {"there", "absent", "relative", "twice"};

static void a_link_is_followed_and_stays(void **state)
{
    const char *name = *state;
    must(rt_dir_make(in_dir("sub"), 0755));
    if (strcmp(name, "absent") != 0)
        write_text(in_dir("sub/target"), "old", 0640);
    const char *first = strcmp(name, "relative") == 0 ? "sub/target" : in_dir("sub/target");
    assert_int_equal(symlink(first, in_dir("one")), 0);
    assert_int_equal(symlink("one", in_dir("two")), 0);
    const char *path = in_dir(strcmp(name, "twice") == 0 ? "two" : "one");
    must(output(path, true));
    expect_content(in_dir("sub/target"), "new");
    assert_int_equal(type_of(in_dir("one")), S_IFLNK);
    assert_int_equal(type_of(in_dir("two")), S_IFLNK);
    assert_int_equal(mode_of(in_dir("sub/target")), strcmp(name, "absent") == 0 ? 0644 : 0640);
}

/* ---- files of runs, and inputs ---- */

/* Each row runs in a folder with a run "run", a valid copy "copy" of a checkpoint, and a link "to" to the run. */
static const struct place_case {
    const char *out;
    bool allowed;
} places[] = {
    {"run/journal", false},
    {"run/config.yaml", false},
    {"run/lock", false},
    {"run/control.json", false},
    {"run/metrics-abandoned.jsonl", false}, /* not there yet */
    {"run/logs/new.log", false},
    {"run/checkpoints/step-00000040/piece-00001.safetensors", false},
    {"run/checkpoints/step-00000040/new.safetensors", false},
    {"run/../to/journal", false},
    {"link", false}, /* leads to the journal */
    {"copy/manifest.json", false},
    {"copy/piece-00007.safetensors", false},
    {"in", false}, /* what is read */
    {"in.link", false},
    {"run/weights.safetensors", true},
    {"run/journal.safetensors", true},
    {"copy/weights.safetensors", true},
    {"journal", true}, /* in no run */
    {"new", true},
    {"absent/journal", true}, /* opening refuses it */
};

static void make_a_run(void)
{
    must(rt_dir_make(in_dir("run/checkpoints/step-00000040"), 0755));
    must(rt_dir_make(in_dir("run/logs"), 0755));
    must(rt_dir_make(in_dir("copy"), 0755));
    static const char *const parts[] = {"run/journal", "run/config.yaml",
                                        "run/checkpoints/step-00000040/piece-00001.safetensors",
                                        "copy/manifest.json", "in"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        write_text(in_dir(parts[i]), "old", 0644);
    assert_int_equal(symlink("run", in_dir("to")), 0);
    assert_int_equal(symlink("to/journal", in_dir("link")), 0);
    assert_int_equal(symlink("in", in_dir("in.link")), 0);
}

static void files_of_runs_and_inputs_are_not_replaced(void **state)
{
    (void)state;
    make_a_run();
    char in[160];
    snprintf(in, sizeof in, "%s", in_dir("in"));
    const char *const inputs[] = {in, NULL};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        rt_status status = rt_output_check(in_dir(places[i].out), inputs);
        if (status != (places[i].allowed ? RT_OK : RT_E_ARG))
            fail_msg("%s: %s", places[i].out, status == RT_OK ? "allowed" : rt_error());
        rt_error_clear();
        assert_int_equal(rt_output_check("-", inputs), RT_OK);
    }
}

/* ---- devices, pipes and descriptors ---- */

static bool make_node(const char *name, mode_t type, unsigned major_number, unsigned minor_number)
{
    if (mknod(in_dir(name), type | 0666, makedev(major_number, minor_number)) == 0)
        return true;
    assert_int_equal(errno, EPERM); /* not root, or in a container that may not */
    return false;
}

static void a_device_is_written_and_stays(void **state)
{
    (void)state;
    if (!make_node("null", S_IFCHR, 1, 3))
        skip();
    assert_int_equal(symlink("null", in_dir("link")), 0);
    rt_status status = output(in_dir("null"), true);
    if (status == RT_E_ARG) /* the file system allows no devices */
        skip();
    must(status);
    must(output(in_dir("link"), true));
    must(output(in_dir("null"), false));
    assert_int_equal(type_of(in_dir("null")), S_IFCHR);
    assert_int_equal(entries(), 2);
}

static void a_full_device_is_named_and_stays(void **state)
{
    (void)state;
    assert_int_equal(output("/dev/full", true), RT_E_NOSPACE);
    assert_non_null(strstr(rt_error(), "/dev/full: cannot write: No space left"));
    assert_int_equal(type_of("/dev/full"), S_IFCHR);
}

static void a_pipe_is_written_through(void **state)
{
    (void)state;
    char text[8] = "";
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    int reader = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
    must(output(in_dir("fifo"), true));
    assert_int_equal(read(reader, text, sizeof text), 3);
    assert_string_equal(text, "new");
    assert_int_equal(type_of(in_dir("fifo")), S_IFIFO);
    assert_int_equal(entries(), 1);
    close(reader);
}

/* Earlier contents of the file behind a descriptor stay. */
static void a_descriptor_goes_on_where_it_is(void **state)
{
    static const char *const formats[] = {"/dev/fd/%d", "/proc/self/fd/%d"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        int fd = open(in_dir("log"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        assert_int_equal(write(fd, "before ", 7), 7);
        snprintf(path, sizeof path, formats[i], fd);
        must(output(path, true));
        assert_int_equal(write(fd, " after", 6), 6); /* it is still the caller's */
        close(fd);
        expect_content(in_dir("log"), "before new after");
        assert_int_equal(output(path, true), RT_E_IO);
        rt_error_clear();
    }
}

static void standard_output_is_known_by_its_names(void **state)
{
    (void)state;
    assert_ptr_equal(rt_output_remarks("-"), stderr);
    assert_ptr_equal(rt_output_remarks("/dev/stdout"), stderr);
    assert_ptr_equal(rt_output_remarks("/dev/fd/1"), stderr);
    assert_ptr_equal(rt_output_remarks("/dev/fd/11"), stdout);
    assert_ptr_equal(rt_output_remarks("./-"), stdout);
}

/* ---- refused ---- */

typedef struct refusal {
    const char *name, *path, *message; /* "@" in path: the folder */
    rt_status status;
} refusal;

static const refusal refusals[] = {
    {"no_path", "", "is not a path", RT_E_ARG},
    {"a_directory", "@/directory", "is a directory: give the name of a file", RT_E_ARG},
    {"a_link_to_a_directory", "@/to-directory", "is a directory", RT_E_ARG},
    {"a_socket", "@/socket", "is a socket", RT_E_ARG},
    {"a_disk", "@/disk", "is a disk", RT_E_ARG},
    {"a_terminal", "/dev/ptmx", "is a terminal", RT_E_ARG},
    {"links_in_a_circle", "@/circle", "symbolic links", RT_E_ARG},
    {"in_a_file", "@/file/out", "Not a directory", RT_E_ARG},
    {"in_no_folder", "@/absent/out", "No such file", RT_E_NOTFOUND},
    {"not_writable", "@/read-only", "Permission denied", RT_E_ARG},
};

static void make_all_kinds(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_dir("socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    must(rt_dir_make(in_dir("directory"), 0755));
    assert_int_equal(symlink("directory", in_dir("to-directory")), 0);
    assert_int_equal(symlink("circle", in_dir("circle")), 0);
    write_text(in_dir("file"), "old", 0644);
    write_text(in_dir("read-only"), "old", 0444);
}

static void is_refused_and_untouched(void **state)
{
    const refusal *c = *state;
    make_all_kinds();
    if (strcmp(c->name, "a_disk") == 0 && !make_node("disk", S_IFBLK, 250, 250))
        skip();
    if (strcmp(c->name, "not_writable") == 0 && geteuid() == 0)
        skip(); /* root may write anything */
    size_t before = entries();
    char path[160];
    snprintf(path, sizeof path, "%s", c->path[0] == '@' ? in_dir(c->path + 2) : c->path);
    rt_status status = output(path, true);
    if (status != c->status || !strstr(rt_error(), c->message))
        fail_msg("status %d, \"%s\", expected \"%s\"", status, rt_error(), c->message);
    assert_int_equal(entries(), before);
}

static void write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        _exit(77);
    close(fd);
}

/* In a container that maps one user only. */
static int write_as_the_only_user(void *argument)
{
    (void)argument;
    if (unshare(CLONE_NEWUSER) != 0)
        return 77;
    write_map("/proc/self/uid_map", "0 0 1\n");
    write_map("/proc/self/setgroups", "deny");
    write_map("/proc/self/gid_map", "0 0 1\n");
    if (output(in_dir("out"), true) == RT_OK)
        return 0;
    fprintf(stderr, "%s\n", rt_error());
    return 1;
}

/* There the owner of other users' files has no number that could be copied. */
static void an_owner_without_a_number_is_left_behind(void **state)
{
    (void)state;
    const char *path = in_dir("out");
    write_text(path, "old", 0666);
    if (geteuid() != 0 || chown(path, 12345, 12345) != 0)
        skip();
    int code = child_end(child_function(write_as_the_only_user, NULL));
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
    expect_content(path, "new");
}

/* ---- standard output ---- */

typedef struct printing {
    const char *path; /* what standard output is */
    int err;          /* what standard error is */
    size_t lines;
    bool flush;
    int exit_code;
} printing;

static int print_and_end(void *argument)
{
    const printing *p = argument;
    dup2(open(p->path, O_WRONLY), STDOUT_FILENO);
    dup2(p->err, STDERR_FILENO);
    for (size_t i = 0; i < p->lines; i++)
        puts("a line");
    if (p->flush)
        rt_output_flush();
    _exit(rt_output_end(p->exit_code));
}

/* Prints lines, flushes them if `flush`, then ends like main(); returns the exit code and what went to standard error. */
static int print_to(const char *path, size_t lines, bool flush, int exit_code, char *said,
                    size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    printing p = {path, ends[1], lines, flush, exit_code};
    pid_t pid = child_function(print_and_end, &p);
    close(ends[1]);
    ssize_t n = read(ends[0], said, size - 1);
    said[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    return child_end(pid);
}

static void lost_output_is_noticed_at_the_end(void **state)
{
    static const struct {
        const char *path;
        size_t lines;
        bool flush;
        int code, expected;
        const char *said;
    } rows[] = {
        {"/dev/null", 1, false, 0, 0, ""},
        {"/dev/null", 1, true, 2, 2, ""},
        {"/dev/full", 0, true, 0, 0, ""},
        {"/dev/full", 1, false, 0, 1,
         "standard output: cannot be written: No space left on device\n"},
        {"/dev/full", 1, true, 0, 1,
         "standard output: cannot be written: No space left on device\n"},
        {"/dev/full", 100000, false, 0, 1,
         "standard output: cannot be written: No space left on device\n"},
        {"/dev/full", 1, true, 2, 2, "No space left on device"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char said[200];
        int code =
            print_to(rows[i].path, rows[i].lines, rows[i].flush, rows[i].code, said, sizeof said);
        if (code != rows[i].expected || !strstr(said, rows[i].said) || (!*rows[i].said && *said))
            fail_msg("row %zu: exit code %d, \"%s\"", i, code, said);
    }
}

#define ROWS(table) (sizeof table / sizeof *table)

int main(void)
{
    struct CMUnitTest tests[64];
    size_t n = 0;
    for (size_t i = 0; i < ROWS(files); i++)
        tests[n++] = (struct CMUnitTest){files[i].name, a_file_is_replaced_whole, set_up, tear_down,
                                         (void *)&files[i]};
    for (size_t i = 0; i < ROWS(killed_cases); i++)
        tests[n++] = (struct CMUnitTest){killed_cases[i].name, a_killed_process_leaves_no_file,
                                         set_up, tear_down, (void *)&killed_cases[i]};
    for (size_t i = 0; i < ROWS(links); i++)
        tests[n++] = (struct CMUnitTest){links[i], a_link_is_followed_and_stays, set_up, tear_down,
                                         (void *)links[i]};
    for (size_t i = 0; i < ROWS(refusals); i++)
        tests[n++] = (struct CMUnitTest){refusals[i].name, is_refused_and_untouched, set_up,
                                         tear_down, (void *)&refusals[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test_setup_teardown(files_have_names_if_the_file_system_requires_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_old_file_stays_until_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_is_written_and_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_device_is_named_and_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_is_written_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_descriptor_goes_on_where_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_owner_without_a_number_is_left_behind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(files_of_runs_and_inputs_are_not_replaced, set_up,
                                        tear_down),
        cmocka_unit_test(standard_output_is_known_by_its_names),
        cmocka_unit_test(lost_output_is_noticed_at_the_end),
    };
    memcpy(tests + n, others, sizeof others);
    n += ROWS(others);
    return _cmocka_run_group_tests("output", tests, n, NULL, NULL);
}
