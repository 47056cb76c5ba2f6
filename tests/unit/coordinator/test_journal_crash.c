/* The journal and power failures: creating, appending and compacting are interrupted at every system call, and every disk that this may
 * leave is opened. The calls that change files are replaced by ours, on top of a model of a disk: the contents at a file's last fsync are
 * durable, and what was written since is there completely, partly or not at all; likewise for names, with the fsync of their directory.
 * */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/control/journal.h"
#include "tests/support/folder.h"

enum { INODES_MAX = 8, MOMENTS_MAX = 16, CONTENT_MAX = 4096, NEVER = 1000 };

static char folder[FOLDER_MAX], path[80], next_path[88], disk_path[96], disk_folder[80];

/* ---- the model ---- */

typedef struct content {
    size_t len;
    uint8_t bytes[CONTENT_MAX];
} content;

typedef struct inode {
    ino_t number;
    content now, durable;
} inode;

/* The files that the two names stand for; 0: no such name. */
typedef struct names {
    ino_t journal, next;
} names;

static struct {
    bool watching, off; /* off: the power has failed, so every call fails */
    bool recovers;      /* only one call fails */
    bool halfway;       /* the last write writes half of its bytes */
    int calls, last_call;
    inode inode[INODES_MAX];
    int inodes;
    names moment[MOMENTS_MAX]; /* 0: durable, then one for each change since */
    int moments;
} disk;

static inode *inode_of(ino_t number)
{
    for (int i = 0; i < disk.inodes; i++)
        if (disk.inode[i].number == number)
            return &disk.inode[i];
    assert_true(disk.inodes < INODES_MAX);
    disk.inode[disk.inodes] = (inode){.number = number};
    return &disk.inode[disk.inodes++];
}

static inode *note_content(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    inode *i = inode_of(st.st_ino);
    ssize_t n = pread(fd, i->now.bytes, CONTENT_MAX, 0);
    assert_true(n >= 0 && n < CONTENT_MAX);
    i->now.len = (size_t)n;
    return i;
}

static names names_now(void)
{
    struct stat st;
    names n = {0};
    if (stat(path, &st) == 0)
        n.journal = st.st_ino;
    if (stat(next_path, &st) == 0)
        n.next = st.st_ino;
    return n;
}

static void note_names(void)
{
    assert_true(disk.moments < MOMENTS_MAX);
    disk.moment[disk.moments++] = names_now();
}

/* Returns whether a call succeeds. */
static bool passes(void)
{
    if (!disk.watching)
        return true;
    bool last = ++disk.calls == disk.last_call;
    disk.off |= last && !disk.recovers;
    if (!last && !disk.off)
        return true;
    errno = EIO;
    return false;
}

/* ---- the system calls ---- */

int open(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    bool makes = disk.watching && flags & O_CREAT;
    if (makes && !passes())
        return -1;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
    if (makes && fd >= 0) {
        note_content(fd);
        note_names();
    }
    return fd;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    bool good = passes();
    if (!good && !disk.halfway)
        return -1;
    ssize_t n = syscall(SYS_pwrite64, fd, data, good ? len : len / 2, at);
    if (disk.watching)
        note_content(fd);
    errno = EIO;
    return good ? n : -1;
}

int ftruncate(int fd, off_t len)
{
    if (!passes())
        return -1;
    int result = (int)syscall(SYS_ftruncate, fd, len);
    if (disk.watching)
        note_content(fd);
    return result;
}

int fsync(int fd)
{
    struct stat st;
    if (!passes())
        return -1;
    if (!disk.watching)
        return 0;
    assert_int_equal(fstat(fd, &st), 0);
    if (S_ISDIR(st.st_mode)) {
        disk.moment[0] = disk.moment[disk.moments - 1];
        disk.moments = 1;
    } else {
        inode *i = note_content(fd);
        i->durable = i->now;
    }
    return 0;
}

int rename(const char *from, const char *to)
{
    if (!passes())
        return -1;
    int result = (int)syscall(SYS_rename, from, to);
    if (disk.watching)
        note_names();
    return result;
}

int unlink(const char *name)
{
    if (!passes())
        return -1;
    int result = (int)syscall(SYS_unlink, name);
    if (disk.watching)
        note_names();
    return result;
}

/* ---- journals ---- */

static rt_status collect(void *ctx, const json_t *record)
{
    char *text = ctx;
    size_t used = strlen(text);
    snprintf(text + used, 64 - used, "%lld ",
             (long long)json_integer_value(json_object_get(record, "n")));
    return RT_OK;
}

/* Records are longer than a sector, so that parts of one can be missing; half of record 5 is longer than the others. */
static json_t *make_record(int n)
{
    char filler[2001] = "";
    memset(filler, 'x', n == 5 ? 2000 : 700);
    return json_pack("{s:i, s:s}", "n", n, "filler", filler);
}

static rt_status append(rt__journal *j, int n)
{
    json_t *record = make_record(n);
    rt_status status = rt__journal_append(j, record);
    json_decref(record);
    return status;
}

static rt_status compact(rt__journal *j)
{
    json_t *records[] = {make_record(7), make_record(8)};
    rt_status status = rt__journal_compact(j, records, 2);
    json_decref(records[0]);
    json_decref(records[1]);
    return status;
}

static rt_status append_one(rt__journal *j)
{
    return append(j, 4);
}

static rt__journal *open_or_fail(const char *where, char seen[64])
{
    rt__journal *j = NULL;
    seen[0] = '\0';
    if (rt__journal_open(where, collect, seen, &j) != RT_OK)
        fail_msg("call %d%s: %s", disk.last_call, disk.halfway ? ", halfway" : "", rt_error());
    return j;
}

static void set_paths(void)
{
    snprintf(path, sizeof path, "%s/journal", folder);
    snprintf(next_path, sizeof next_path, "%s/journal.next", folder);
    snprintf(disk_folder, sizeof disk_folder, "%s/disk", folder);
    snprintf(disk_path, sizeof disk_path, "%s/journal", disk_folder);
}

static void begin(void)
{
    assert_true(folder_make(folder, "crash"));
    set_paths();
}

static void end(void)
{
    rt_error_clear();
    assert_int_equal(rt_remove_tree(folder), RT_OK);
}

static void watch(int last_call, bool halfway, bool recovers)
{
    disk.calls = 0;
    disk.off = false;
    disk.last_call = last_call;
    disk.halfway = halfway;
    disk.recovers = recovers;
    disk.inodes = 0;
    disk.moments = 0;
    note_names();
    if (disk.moment[0].journal) {
        int fd = open(path, O_RDONLY);
        inode *i = note_content(fd);
        i->durable = i->now;
        close(fd);
    }
    disk.watching = true;
}

/* ---- what is left ---- */

typedef enum loss { NOTHING_LOST, ALL_LOST, END_LOST, BEGINNING_LOST, END_CUT, LOSSES } loss;

/* Makes the contents that are left of a file, given which of the unsynced bytes are lost. */
static content left_of(const inode *i, loss lost)
{
    content c = i->now;
    size_t from = i->durable.len < c.len ? i->durable.len : c.len;
    size_t middle = from + (c.len - from) / 2;
    middle -= middle % 512 > from ? 0 : middle % 512; /* sectors are written as a whole */
    middle = middle > from ? middle : from;
    if (lost == ALL_LOST)
        return i->durable;
    if (lost == END_LOST)
        memset(c.bytes + middle, 0, c.len - middle);
    if (lost == BEGINNING_LOST)
        memset(c.bytes + from, 0, middle - from);
    if (lost == END_CUT)
        c.len = middle;
    return c;
}

static void put(const char *where, ino_t number, loss lost)
{
    if (number == 0)
        return;
    content c = left_of(inode_of(number), lost);
    assert_int_equal(rt_file_replace(where, c.bytes, c.len), RT_OK);
}

/* Opens one of the disks that a crash may have left: the journal must hold the records from before or after the change, and must be
 * usable. */
static void check_disk(const names *n, loss lost, const char *before, const char *after, bool done)
{
    char seen[64], expected[72], beside[104];
    assert_int_equal(rt_dir_make(disk_folder, 0755), RT_OK);
    snprintf(beside, sizeof beside, "%s.next", disk_path);
    put(disk_path, n->journal, lost);
    put(beside, n->next, lost);
    rt__journal *j = open_or_fail(disk_path, seen);
    bool is_before = strcmp(seen, before) == 0, is_after = strcmp(seen, after) == 0;
    if (!is_after && (done || !is_before))
        fail_msg("call %d, loss %d: \"%s\", expected \"%s\" or \"%s\"", disk.last_call, lost, seen,
                 before, after);
    snprintf(expected, sizeof expected, "%s9 ", seen);
    assert_int_equal(append(j, 9), RT_OK);
    rt__journal_close(j);
    assert_false(rt_path_exists(beside));
    rt__journal_close(open_or_fail(disk_path, seen));
    assert_string_equal(seen, expected);
    assert_int_equal(rt_remove_tree(disk_folder), RT_OK);
}

static void check_all_disks(const char *before, const char *after, bool done)
{
    for (int m = 0; m < disk.moments; m++)
        for (loss lost = 0; lost < LOSSES; lost++)
            check_disk(&disk.moment[m], lost, before, after, done);
}

/* Changes a journal of "1 2 3 " and lets the power fail at that call. Returns false if the change was complete before. */
static bool crash_at(int call, bool halfway, rt_status (*change)(rt__journal *), const char *after)
{
    char seen[64];
    begin();
    rt__journal *j = open_or_fail(path, seen);
    for (int n = 1; n <= 3; n++)
        assert_int_equal(append(j, n), RT_OK);
    watch(call, halfway, false);
    bool done = change(j) == RT_OK, crashed = disk.off;
    disk.watching = false;
    rt_error_clear();
    rt__journal_close(j);
    check_all_disks("1 2 3 ", after, done);
    end();
    return crashed;
}

static void crash_everywhere(rt_status (*change)(rt__journal *), const char *after, int least)
{
    int call = 1;
    while (crash_at(call, false, change, after)) {
        crash_at(call, true, change, after);
        call++;
    }
    assert_true(call > least); /* the calls were intercepted */
}

static void an_append_is_there_or_not(void **state)
{
    (void)state;
    crash_everywhere(append_one, "1 2 3 4 ", 2);
}

static void compaction_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    crash_everywhere(compact, "7 8 ", 6); /* create, 3 writes, sync, rename, sync */
}

static rt_status compact_and_append(rt__journal *j)
{
    rt_status status = compact(j);
    return status == RT_OK ? append(j, 9) : status;
}

/* An append after a compaction is as durable as any other. */
static void an_append_after_compaction_is_kept(void **state)
{
    (void)state;
    char seen[64];
    begin();
    rt__journal *j = open_or_fail(path, seen);
    watch(NEVER, false, false);
    assert_int_equal(compact_and_append(j), RT_OK);
    disk.watching = false;
    assert_int_equal(rt__journal_count(j), 3);
    rt__journal_close(j);
    check_all_disks("7 8 9 ", "7 8 9 ", true);
    end();
}

static void creation_can_be_repeated(void **state)
{
    (void)state;
    bool crashed = true;
    int call = 1;
    for (; crashed; call++) {
        char seen[64] = "";
        rt__journal *j = NULL;
        begin();
        watch(call, true, false);
        bool done = rt__journal_open(path, collect, seen, &j) == RT_OK;
        crashed = disk.off;
        disk.watching = false;
        rt_error_clear();
        if (done)
            rt__journal_close(j);
        check_all_disks("", "", done);
        end();
    }
    assert_true(call > 5);
}

/* A call that fails once (a full disk, a bad sector) leaves a usable journal, even if it is the sync of the directory: the next append
 * makes up for it. */
static void any_call_may_fail_once(void **state)
{
    (void)state;
    int call = 1, failures = 0;
    for (bool failed = true; failed; call++) {
        char seen[64];
        begin();
        rt__journal *j = open_or_fail(path, seen);
        assert_int_equal(append(j, 1), RT_OK);
        watch(call, true, true);
        failed = compact(j) != RT_OK;
        failures += failed;
        rt_error_clear();
        disk.last_call = 0;
        assert_int_equal(append(j, 9), RT_OK);
        disk.watching = false;
        rt__journal_close(j);
        check_all_disks("1 9 ", "7 8 9 ", false);
        end();
    }
    assert_true(failures >= 6);
}

static void a_failed_append_is_taken_back(void **state)
{
    (void)state;
    char seen[64];
    for (int call = 1; call <= 2; call++) { /* the write, the sync */
        begin();
        rt__journal *j = open_or_fail(path, seen);
        assert_int_equal(append(j, 1), RT_OK);
        watch(call, true, true);
        assert_int_not_equal(append(j, 5), RT_OK);
        rt_error_clear();
        assert_int_equal(append(j, 2), RT_OK);
        disk.watching = false;
        rt__journal_close(j);
        check_all_disks("1 2 ", "1 2 ", true);
        end();
    }
}

/* A write fails halfway, and removing that half fails, too: the journal refuses appends until the half is removed. */
static void no_append_follows_half_a_record(void **state)
{
    (void)state;
    char seen[64];
    begin();
    rt__journal *j = open_or_fail(path, seen);
    assert_int_equal(append(j, 1), RT_OK);
    watch(1, true, false); /* the write fails, and all calls after it */
    assert_int_not_equal(append(j, 5), RT_OK);
    rt_error_clear();
    assert_int_not_equal(append(j, 6), RT_OK);
    rt_error_clear();
    disk.watching = false;
    assert_int_equal(append(j, 2), RT_OK);
    rt__journal_close(j);
    rt__journal_close(open_or_fail(path, seen));
    assert_string_equal(seen, "1 2 ");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_is_there_or_not),
        cmocka_unit_test(compaction_leaves_the_old_or_the_new),
        cmocka_unit_test(an_append_after_compaction_is_kept),
        cmocka_unit_test(creation_can_be_repeated),
        cmocka_unit_test(any_call_may_fail_once),
        cmocka_unit_test(a_failed_append_is_taken_back),
        cmocka_unit_test(no_append_follows_half_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
