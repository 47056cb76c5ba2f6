/* Snapshot files: they are read back as written, and every deviation is refused by name. */
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include "random.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define RUN_DIR "/srv/runs/x"

enum { KINDS = 3, BEGIN = 100, END = 20101, STEP = 41 };

static char dir[FOLDER_MAX];
static uint64_t rng;

/* ---- making files ---- */

static rt_snapshot_about about_of(const char *run, int64_t generation, int64_t rank)
{
    rt_snapshot_about a = {.generation = generation,
                           .rank = rank,
                           .begin = BEGIN,
                           .end = END,
                           .count = 30000,
                           .kinds = KINDS,
                           .run_dir = RUN_DIR,
                           .kind = {"param", "exp_avg", "exp_avg_sq"},
                           .layout_hash = "0123456789abcdef",
                           .config_hash = "c0ffee"};
    snprintf(a.run, sizeof a.run, "%s", run);
    return a;
}

static char *path_of(const char *run, rt_snapshot_what what, int64_t generation, int64_t rank)
{
    static char path[256];
    rt_snapshot_name n = {.what = what, .generation = generation, .rank = rank};
    snprintf(n.run, sizeof n.run, "%s", run);
    char *made = rt_snapshot_path(dir, &n);
    assert_non_null(made);
    snprintf(path, sizeof path, "%s", made);
    rt_mem_free(made);
    return path;
}

static void write_at(const char *path, const void *data, size_t len, size_t at)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, len, (off_t)at), len);
    close(fd);
}

static rt_snapshot_header *read_header(const char *path)
{
    rt_snapshot_header *h = rt_malloc_aligned(64, sizeof *h);
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, h, sizeof *h, 0), sizeof *h);
    close(fd);
    return h;
}

static float value_at(int64_t step, int kind, int64_t element)
{
    return (float)(step * 7 + kind) + (float)element / 32768;
}

/* Fills slot step % 2 as a rank does, and commits it as step `committed` (-1: not committed). */
static void fill_and_commit(const char *path, int64_t step, int64_t committed)
{
    int slot = (int)(step % 2);
    rt_snapshot_header *h = read_header(path);
    size_t bytes = rt_snapshot_kind_bytes(&h->about);
    float *data = rt_malloc(bytes);
    for (int k = 0; k < KINDS; k++) {
        uint64_t sum = 0;
        for (int64_t i = h->about.begin; i < h->about.end; i++)
            data[i - h->about.begin] = value_at(step, k, i);
        write_at(path, data, bytes, rt_snapshot_offset(&h->about, slot, k));
        for (size_t at = 0; at < bytes; at += RT_SNAPSHOT_PIECE)
            sum = rt_snapshot_checksum(sum, (char *)data + at,
                                       bytes - at < RT_SNAPSHOT_PIECE ? bytes - at
                                                                      : RT_SNAPSHOT_PIECE);
        atomic_store(&h->slot[slot].checksum[k], sum);
    }
    atomic_store(&h->slot[slot].commit, committed + 1);
    write_at(path, &h->slot[slot], sizeof h->slot[slot],
             offsetof(rt_snapshot_header, slot) + (size_t)slot * sizeof h->slot[slot]);
    rt_mem_free(data);
    rt_mem_free(h);
}

static void fill(const char *path, int64_t step)
{
    fill_and_commit(path, step, step);
}

/* Makes a file of generation 2, rank 5 with steps STEP - 1 and STEP; returns its path. */
static char *make(const char *run)
{
    int fd;
    rt_snapshot_about a = about_of(run, 2, 5);
    char *path = path_of(run, RT_SNAPSHOT_OWN, 2, 5);
    unlink(path);
    must(rt_snapshot_create(path, &a, &fd));
    close(fd);
    fill(path, STEP - 1);
    fill(path, STEP);
    return path;
}

/* Opening must fail with this status and name the file and what is wrong with it. */
static void expect_refused(const char *path, rt_status status, const char *field)
{
    rt_snapshot s;
    rt_status got = rt_snapshot_open(path, &s);
    if (got != status || !strstr(rt_error(), path) || !strstr(rt_error(), field))
        fail_msg("status %d, expected %d; \"%s\" should name %s and \"%s\"", got, status,
                 rt_error(), path, field);
    assert_int_equal(s.fd, -1);
    rt_error_clear();
}

/* ---- tests ---- */

static void snapshots_are_read_back(void **state)
{
    (void)state;
    rt_snapshot s;
    char *path = make("r1");
    must(rt_snapshot_open(path, &s));
    rt_snapshot_about expected = about_of("r1", 2, 5);
    assert_memory_equal(&s.about, &expected, sizeof expected);
    assert_int_equal(rt_snapshot_newest(&s), STEP % 2);
    assert_int_equal(rt_snapshot_slot_at(&s, STEP - 2), -1);
    assert_int_equal(s.mark.step, 0);
    assert_int_equal(s.mark.slice, -1);
    for (int64_t step = STEP - 1; step <= STEP; step++) {
        int slot = rt_snapshot_slot_at(&s, step);
        must(rt_snapshot_verify(&s, slot));
        for (int i = 0; i < 50; i++) {
            int kind = (int)random_below(&rng, KINDS);
            int64_t begin = BEGIN + random_below(&rng, END - BEGIN);
            int64_t end = begin + random_below(&rng, END - begin + 1);
            float *got = rt_calloc((size_t)(end - begin) + 1, sizeof *got);
            must(rt_snapshot_read(&s, slot, kind, begin, end, got));
            for (int64_t e = begin; e < end; e++)
                assert_true(got[e - begin] == value_at(step, kind, e));
            assert_true(got[end - begin] == 0); /* no byte too many */
            rt_mem_free(got);
        }
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    rt_snapshot_close(&s);
}

static rt_evaluated evaluation_of(int64_t step)
{
    rt_evaluated e = {.step = step, .count = 100, .seconds = 0.5, .best.step = step / 2};
    rt_metrics_add(&e.metrics, "loss", 1.0 / (double)step);
    rt_metrics_add(&e.metrics, "accuracy", (double)(step % 101) / 100);
    rt_metrics_add(&e.best.metrics, "loss", 0.25);
    return e;
}

static void put_evaluation(rt_snapshot_header *h, int64_t step)
{
    rt_evaluated e = evaluation_of(step);
    rt_snapshot_put_evaluation(h, &e);
}

/* The last evaluations are kept; partial or impossible ones do not count. */
static void the_last_evaluations_are_read_back(void **state)
{
    (void)state;
    char *path = make("r1");
    rt_snapshot s;
    must(rt_snapshot_open(path, &s));
    assert_int_equal(s.evaluations, 0);
    rt_snapshot_close(&s);
    rt_snapshot_header *h = read_header(path);
    const int64_t first = 7, last = first + RT_SNAPSHOT_EVALUATIONS + 2;
    for (int64_t step = first; step <= last; step++)
        put_evaluation(h, step);
    for (int spoilt = 0; spoilt < 3; spoilt++) {
        rt_snapshot_evaluation *e = &h->evaluation[spoilt];
        if (spoilt == 1)
            e->figures.metrics.metric[0].value += 1;
        if (spoilt == 2) {
            e->figures.metrics.count = RT_METRICS_MAX + 1;
            e->checksum = rt_hash64(&e->figures, sizeof e->figures);
        }
        write_at(path, h, sizeof *h, 0);
        must(rt_snapshot_open(path, &s));
        assert_int_equal(s.evaluations, RT_SNAPSHOT_EVALUATIONS - spoilt);
        for (int i = 0; i < s.evaluations; i++) {
            rt_evaluated expected = evaluation_of(s.evaluation[i].step);
            assert_true(s.evaluation[i].step >= last - RT_SNAPSHOT_EVALUATIONS + 1);
            assert_memory_equal(&s.evaluation[i], &expected, sizeof expected);
        }
        rt_snapshot_close(&s);
    }
    rt_mem_free(h);
}

static void elements_outside_a_snapshot_are_refused(void **state)
{
    (void)state;
    rt_snapshot s;
    float x[4];
    must(rt_snapshot_open(make("r1"), &s));
    const struct {
        int slot, kind;
        int64_t begin, end;
    } bad[] = {{1, 0, BEGIN - 1, BEGIN},  {1, 0, END, END + 1},     {1, KINDS, BEGIN, BEGIN + 1},
               {1, -1, BEGIN, BEGIN + 1}, {1, 0, BEGIN + 2, BEGIN}, {2, 0, BEGIN, BEGIN + 1},
               {-1, 0, BEGIN, BEGIN + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(
            rt_snapshot_read(&s, bad[i].slot, bad[i].kind, bad[i].begin, bad[i].end, x),
            RT_E_CORRUPT);
        assert_non_null(strstr(rt_error(), s.path));
        rt_error_clear();
    }
    rt_snapshot_close(&s);
}

static void every_altered_byte_of_the_header_is_noticed(void **state)
{
    (void)state;
    char *path = make("r1");
    rt_snapshot_header *h = read_header(path);
    const size_t constant = offsetof(rt_snapshot_header, checksum) + sizeof h->checksum;
    for (int i = 0; i < 400; i++) {
        size_t at = i < 300 ? (size_t)i : (size_t)random_below(&rng, (int64_t)constant);
        char byte = ((char *)h)[at], other = (char)(byte ^ (1 << random_below(&rng, 8)));
        rt_snapshot s;
        write_at(path, &other, 1, at);
        rt_status got = rt_snapshot_open(path, &s);
        if (got != RT_E_CORRUPT && got != RT_E_MISMATCH)
            fail_msg("byte %zu altered: status %d", at, got);
        assert_non_null(strstr(rt_error(), path));
        rt_error_clear();
        write_at(path, &byte, 1, at);
    }
    rt_snapshot s;
    must(rt_snapshot_open(path, &s)); /* everything is restored */
    rt_snapshot_close(&s);
    rt_mem_free(h);
}

/* A header with a valid checksum but one wrong field must be refused, naming the field. */
static void expect_field_refused(const char *path, const rt_snapshot_header *good, size_t at,
                                 const void *value, size_t len, rt_status status, const char *field)
{
    rt_snapshot_header *h = rt_malloc_aligned(64, sizeof *h);
    memcpy(h, good, sizeof *h);
    memcpy((char *)h + at, value, len);
    h->checksum = rt_hash64(h, offsetof(rt_snapshot_header, checksum));
    write_at(path, h, sizeof *h, 0);
    expect_refused(path, status, field);
    write_at(path, good, sizeof *good, 0);
    rt_mem_free(h);
}

static void invalid_fields_are_named(void **state)
{
    (void)state;
    char *path = make("r1"), full[4096];
    rt_snapshot_header *h = read_header(path);
    memset(full, 'x', sizeof full);
#define REFUSED(member, type, wrong, status, field)                                                \
    expect_field_refused(path, h, offsetof(rt_snapshot_header, member), &(type){wrong},            \
                         sizeof(type), status, field)
#define TOO_LONG(member, field)                                                                    \
    expect_field_refused(path, h, offsetof(rt_snapshot_header, member), full, sizeof h->member,    \
                         RT_E_CORRUPT, field)
    REFUSED(version, int64_t, 1, RT_E_MISMATCH, "format version 1, this program reads version 2");
    REFUSED(file_bytes, int64_t, 8192, RT_E_CORRUPT, "size of the file");
    REFUSED(about.begin, int64_t, -1, RT_E_CORRUPT, "range");
    REFUSED(about.begin, int64_t, END + 1, RT_E_CORRUPT, "range");
    REFUSED(about.end, int64_t, 30001, RT_E_CORRUPT, "range");
    REFUSED(about.count, int64_t, INT64_MAX, RT_E_CORRUPT, "count");
    REFUSED(about.kinds, int64_t, 0, RT_E_CORRUPT, "kinds");
    REFUSED(about.kinds, int64_t, RT_SNAPSHOT_KINDS_MAX + 1, RT_E_CORRUPT, "kinds");
    REFUSED(about.generation, int64_t, -1, RT_E_CORRUPT, "generation");
    REFUSED(about.rank, int64_t, -1, RT_E_CORRUPT, "rank");
    REFUSED(about.rank, int64_t, 4, RT_E_MISMATCH, "name");
    REFUSED(about.generation, int64_t, 3, RT_E_MISMATCH, "name");
    REFUSED(about.run[0], char, 'R', RT_E_MISMATCH, "name");
    REFUSED(about.run[0], char, 0, RT_E_CORRUPT, "run");
    REFUSED(about.run_dir[0], char, 's', RT_E_CORRUPT, "run directory");
    TOO_LONG(about.run, "run");
    TOO_LONG(about.run_dir, "run directory");
    TOO_LONG(about.kind[1], "kind");
    TOO_LONG(about.layout_hash, "layout hash");
    TOO_LONG(about.config_hash, "configuration hash");
#undef REFUSED
#undef TOO_LONG
    rt_mem_free(h);
}

static void files_of_another_length_are_refused(void **state)
{
    (void)state;
    char *path = make("r1");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    off_t lengths[] = {0,
                       1,
                       100,
                       RT_SNAPSHOT_DATA - 1,
                       RT_SNAPSHOT_DATA,
                       st.st_size - 1,
                       st.st_size + 1,
                       random_below(&rng, st.st_size)};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        path = make("r1");
        assert_int_equal(truncate(path, lengths[i]), 0);
        expect_refused(path, RT_E_CORRUPT, "size is");
    }
}

static void only_plain_files_of_ours_are_opened(void **state)
{
    (void)state;
    char other[256], *path = make("r1");
    snprintf(other, sizeof other, "%s/elsewhere", dir);
    assert_int_equal(chmod(path, 0644), 0);
    expect_refused(path, RT_E_ARG, "mode is 644");
    assert_int_equal(chmod(path, 0600), 0);
    if (chown(path, 12345, (gid_t)-1) == 0) {
        expect_refused(path, RT_E_ARG, "owner is user 12345");
        assert_int_equal(chown(path, geteuid(), (gid_t)-1), 0);
    } else {
        print_message("not root: foreign owners are not tried\n");
    }
    assert_int_equal(rename(path, other), 0);
    expect_refused(other, RT_E_MISMATCH, "name does not fit");
    assert_int_equal(symlink(other, path), 0);
    expect_refused(path, RT_E_ARG, "cannot open");
    assert_int_equal(unlink(path), 0);
    expect_refused(path, RT_E_NOTFOUND, "cannot open");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refused(path, RT_E_ARG, "not a plain file"); /* and nobody waits for a writer */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refused(path, RT_E_ARG, "not a plain file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(unlink(other), 0);
}

static void altered_data_are_noticed(void **state)
{
    (void)state;
    rt_snapshot s;
    float x;
    char *path = make("r1");
    must(rt_snapshot_open(path, &s));
    size_t bytes = rt_snapshot_kind_bytes(&s.about), first = rt_snapshot_offset(&s.about, 1, 0),
           last = rt_snapshot_offset(&s.about, 1, KINDS - 1) + bytes - 1,
           places[] = {first, last, first + bytes - 1, first + RT_SNAPSHOT_PIECE,
                       rt_snapshot_offset(&s.about, 1, 1) +
                           (size_t)random_below(&rng, (int64_t)bytes)};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char byte, other;
        size_t at = places[i];
        assert_int_equal(pread(s.fd, &byte, 1, (off_t)at), 1);
        other = (char)(byte ^ 4);
        write_at(path, &other, 1, at);
        assert_int_equal(rt_snapshot_verify(&s, STEP % 2), RT_E_CORRUPT);
        assert_non_null(strstr(rt_error(), path));
        assert_non_null(strstr(rt_error(), "step 41"));
        rt_error_clear();
        must(rt_snapshot_verify(&s, (STEP - 1) % 2)); /* the other one is not affected */
        write_at(path, &byte, 1, at);
        must(rt_snapshot_verify(&s, STEP % 2));
    }
    assert_int_equal(truncate(path, (off_t)first), 0);
    assert_int_equal(rt_snapshot_verify(&s, 1), RT_E_CORRUPT);
    rt_error_clear();
    assert_int_equal(rt_snapshot_read(&s, 1, 0, BEGIN, BEGIN + 1, &x), RT_E_CORRUPT);
    assert_non_null(strstr(rt_error(), path));
    rt_error_clear();
    rt_snapshot_close(&s);
}

static void slots_that_are_not_committed_hold_nothing(void **state)
{
    (void)state;
    rt_snapshot s;
    char *path = make("r1");
    fill_and_commit(path, STEP + 1, -1);
    must(rt_snapshot_open(path, &s));
    assert_int_equal(rt_snapshot_newest(&s), STEP % 2);
    assert_int_equal(rt_snapshot_slot_at(&s, STEP + 1), -1);
    assert_int_equal(rt_snapshot_slot_at(&s, -1), -1);
    assert_int_equal(rt_snapshot_verify(&s, (STEP + 1) % 2), RT_E_CORRUPT);
    rt_error_clear();
    rt_snapshot_close(&s);

    fill_and_commit(path, STEP, INT64_MIN + 7); /* no word of ours */
    must(rt_snapshot_open(path, &s));
    assert_int_equal(rt_snapshot_newest(&s), -1);
    rt_snapshot_close(&s);
}

static void a_slot_that_is_written_while_it_is_read_is_refused(void **state)
{
    (void)state;
    rt_snapshot s;
    float x;
    char *path = make("r1");
    must(rt_snapshot_open(path, &s));
    must(rt_snapshot_read(&s, STEP % 2, 0, BEGIN, BEGIN + 1, &x));
    fill(path, STEP + 2);
    assert_int_equal(rt_snapshot_read(&s, STEP % 2, 0, BEGIN, BEGIN + 1, &x), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "step 41"));
    rt_error_clear();
    assert_int_equal(rt_snapshot_verify(&s, STEP % 2), RT_E_NOTFOUND);
    rt_error_clear();
    rt_snapshot_close(&s);
}

static void names_are_parsed_and_others_ignored(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        rt_snapshot_name n = {.what = (rt_snapshot_what)random_below(&rng, 4),
                              .generation = random_below(&rng, i % 2 ? 10 : INT64_MAX),
                              .rank = random_below(&rng, 100)},
                         got;
        static const char letters[] = "abr-g0123456789";
        size_t len = (size_t)(1 + random_below(&rng, sizeof n.run - 1));
        for (size_t c = 0; c < len; c++)
            n.run[c] = letters[random_below(&rng, sizeof letters - 1)];
        if (n.what >= RT_SNAPSHOT_MPI)
            n.rank = -1;
        if (i % 3 > 0)
            must(rt_snapshot_tag_make(n.tag));
        char *path = rt_snapshot_path("/dev/shm", &n);
        assert_non_null(path);
        assert_true(rt_snapshot_name_parse(path + strlen("/dev/shm/"), &got));
        assert_int_equal(got.what, n.what);
        assert_string_equal(got.run, n.run);
        assert_int_equal(got.generation, n.generation);
        assert_int_equal(got.rank, n.rank);
        assert_string_equal(got.tag, n.tag);
        rt_mem_free(path);
    }
    static const char *const others[] = {"",
                                         "ringtorch-",
                                         "ringtorch-x",
                                         "ringtorch-x-g1",
                                         "ringtorch-x-g1-r",
                                         "ringtorch-x-g1-r1-copy-copy",
                                         "ringtorch-x-g1-r1-mpi",
                                         "ringtorch-x-g01-r1",
                                         "ringtorch-x-g1-r+1",
                                         "ringtorch-x-g1-r-1",
                                         "ringtorch-x-g1-r1 ",
                                         "ringtorch-x-g1-r1.tmp",
                                         "ringtorch-x-g1-0badcafe",
                                         "ringtorch-x-g1-r1-0badcaf",
                                         "ringtorch-x-g1-r1-0BADCAFE",
                                         "ringtorch-x-g1-r1-0badcafe-copy",
                                         "ringtorch--g1-r1",
                                         "ringtorch-x-g99999999999999999999-r1",
                                         "xringtorch-x-g1-r1",
                                         "sem.ringtorch-x-g1-r1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        rt_snapshot_name n;
        if (rt_snapshot_name_parse(others[i], &n))
            fail_msg("\"%s\" was taken for a name of ours", others[i]);
    }
}

/* Files of another user are not taken for ours, however well their names fit: they are not found, opened or removed. */
static void others_files_are_left_alone(void **state)
{
    (void)state;
    const rt_snapshot_name name = {.run = "x", .generation = 1, .rank = 0};
    char theirs[512], ours[512];
    bool in_use;
    if (geteuid() != 0) {
        print_message("only root can make files of another user: not tried\n");
        return;
    }
    snprintf(theirs, sizeof theirs, "%s/ringtorch-x-g1-r0-00000000", dir);
    snprintf(ours, sizeof ours, "%s/ringtorch-x-g1-r0-ffffffff", dir);
    must(rt_file_replace(theirs, "x", 1));
    assert_int_equal(chown(theirs, 12345, 12345), 0);
    assert_null(rt_snapshot_find(dir, &name, NULL));
    assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
    rt_error_clear();
    must(rt_file_replace(ours, "x", 1));
    char *found = rt_snapshot_find(dir, &name, NULL);
    assert_string_equal(found, ours);
    rt_mem_free(found);
    rt_snapshot_list l;
    must(rt_snapshot_list_read(dir, "x", &l));
    assert_int_equal(l.count, 2);
    for (int64_t i = 0; i < 2; i++)
        assert_int_equal(l.item[i].foreign, strcmp(l.item[i].path, theirs) == 0);
    rt_snapshot_list_release(&l);
    must(rt_snapshot_forget(dir, "x", RUN_DIR, INT64_MAX));
    assert_true(rt_path_exists(theirs));
    assert_false(rt_path_exists(ours));
    assert_int_equal(rt_snapshot_remove(theirs, &in_use), RT_E_ARG);
    rt_error_clear();
    assert_true(rt_path_exists(theirs));
    assert_int_equal(unlink(theirs), 0);
}

static void empty_directory(void)
{
    rt_names n;
    must(rt_dir_list(dir, &n));
    for (size_t i = 0; i < n.count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, n.name[i]);
        must(rt_remove_tree(path));
    }
    rt_names_release(&n);
}

/* Makes the file or directory with that name; *fd holds its lock. */
static void make_named(const char *run, rt_snapshot_what what, int64_t generation, int64_t rank,
                       int *fd)
{
    char inside[300], *path = path_of(run, what, generation, rank);
    rt_snapshot_about a = about_of(run, generation, rank);
    if (what != RT_SNAPSHOT_MPI) {
        must(rt_snapshot_create(path, &a, fd));
        return;
    }
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(inside, sizeof inside, "%s/segment", path);
    must(rt_file_replace(inside, "x", 1));
    *fd = -1;
}

static void a_directory_is_listed_with_what_cannot_be_used_and_why(void **state)
{
    (void)state;
    int fd[4];
    rt_snapshot_list l;
    empty_directory();
    make_named("b", RT_SNAPSHOT_OWN, 10, 0, &fd[0]);
    make_named("b", RT_SNAPSHOT_OWN, 9, 1, &fd[1]);
    make_named("b", RT_SNAPSHOT_COPY, 9, 1, &fd[2]);
    make_named("b", RT_SNAPSHOT_MPI, 9, -1, &fd[3]);
    close(fd[1]);
    must(rt_file_replace(path_of("a", RT_SNAPSHOT_OWN, 1, 0), "nonsense", 8));
    must(rt_file_replace(path_of("b", RT_SNAPSHOT_OWN, 9, 0), "x", 1));
    char other[256];
    snprintf(other, sizeof other, "%s/something else", dir);
    must(rt_file_replace(other, "x", 1));

    must(rt_snapshot_list_read(dir, NULL, &l));
    static const struct {
        const char *run;
        int64_t generation, rank;
        rt_snapshot_what what;
        bool usable, in_use;
    } expected[] = {
        {"a", 1, 0, RT_SNAPSHOT_OWN, false, false}, {"b", 9, -1, RT_SNAPSHOT_MPI, false, false},
        {"b", 9, 0, RT_SNAPSHOT_OWN, false, false}, {"b", 9, 1, RT_SNAPSHOT_OWN, true, false},
        {"b", 9, 1, RT_SNAPSHOT_COPY, true, true},  {"b", 10, 0, RT_SNAPSHOT_OWN, true, true}};
    assert_int_equal(l.count, 6);
    for (int i = 0; i < 6; i++) {
        const rt_snapshot_entry *e = &l.item[i];
        assert_string_equal(e->name.run, expected[i].run);
        assert_int_equal(e->name.generation, expected[i].generation);
        assert_int_equal(e->name.rank, expected[i].rank);
        assert_int_equal(e->name.what, expected[i].what);
        assert_int_equal(e->snapshot != NULL, expected[i].usable);
        assert_int_equal(e->in_use, expected[i].in_use);
        bool bad = !expected[i].usable && e->name.what != RT_SNAPSHOT_MPI;
        assert_int_equal(e->status != RT_OK, bad);
        assert_int_equal(strstr(e->reason, e->path) != NULL, bad);
    }
    assert_string_equal(l.item[5].snapshot->about.run_dir, "/srv/runs/x");
    rt_snapshot_list_release(&l);

    must(rt_snapshot_list_read(dir, "a", &l));
    assert_int_equal(l.count, 1);
    rt_snapshot_list_release(&l);
    must(rt_snapshot_list_read("/tmp/there is no such directory", NULL, &l));
    assert_int_equal(l.count, 0);
    close(fd[0]);
    close(fd[2]);
}

static void listing_survives_any_lack_of_memory(void **state)
{
    (void)state;
    int64_t live = rt_mem_live(), failures = 0;
    for (int64_t n = 0;; n++) { /* uses the files of the previous test */
        rt_snapshot_list l;
        rt_mem_fail_after(n);
        rt_status status = rt_snapshot_list_read(dir, NULL, &l);
        rt_mem_fail_after(-1);
        if (status == RT_OK) {
            assert_int_equal(l.count, 6);
            rt_snapshot_list_release(&l);
            break;
        }
        assert_int_equal(status, RT_E_NOMEM);
        rt_error_clear();
        assert_int_equal(rt_mem_live(), live);
        failures++;
    }
    assert_true(failures > 20);
    assert_int_equal(rt_mem_live(), live);
}

static void files_in_use_are_not_removed(void **state)
{
    (void)state;
    int fd;
    bool in_use;
    empty_directory();
    make_named("b", RT_SNAPSHOT_OWN, 1, 0, &fd);
    char *path = path_of("b", RT_SNAPSHOT_OWN, 1, 0);
    assert_true(rt_snapshot_in_use(path));
    must(rt_snapshot_remove(path, &in_use));
    assert_true(in_use && rt_path_exists(path));
    close(fd);
    assert_false(rt_snapshot_in_use(path));
    must(rt_snapshot_remove(path, &in_use));
    assert_true(!in_use && !rt_path_exists(path));
    must(rt_snapshot_remove(path, &in_use)); /* gone already */

    make_named("b", RT_SNAPSHOT_MPI, 1, -1, &fd);
    path = path_of("b", RT_SNAPSHOT_MPI, 1, -1);
    must(rt_snapshot_remove(path, &in_use));
    assert_true(!in_use && !rt_path_exists(path));
}

static void forgetting_takes_older_generations_of_this_run_only(void **state)
{
    (void)state;
    empty_directory();
    for (int64_t generation = 1; generation <= 3; generation++)
        for (rt_snapshot_what what = RT_SNAPSHOT_OWN; what <= RT_SNAPSHOT_MPI; what++) {
            int fd;
            make_named("b", what, generation, what == RT_SNAPSHOT_MPI ? -1 : 0, &fd);
            if (fd >= 0 && generation > 1) /* those of 1 are still locked: of no avail */
                close(fd);
            make_named("b-g1", what, generation, what == RT_SNAPSHOT_MPI ? -1 : 0, &fd);
            if (fd >= 0)
                close(fd);
        }
    int in_use = open(path_of("b", RT_SNAPSHOT_MPI, 2, -1), O_RDONLY);
    assert_int_equal(flock(in_use, LOCK_SH), 0);
    must(rt_snapshot_forget(dir, "b", RUN_DIR, 3));
    assert_true(rt_path_exists(path_of("b", RT_SNAPSHOT_MPI, 2, -1)));
    close(in_use);
    must(rt_snapshot_forget(dir, "b", RUN_DIR, 3));
    for (int64_t generation = 1; generation <= 3; generation++)
        for (rt_snapshot_what what = RT_SNAPSHOT_OWN; what <= RT_SNAPSHOT_MPI; what++) {
            int64_t rank = what == RT_SNAPSHOT_MPI ? -1 : 0;
            assert_int_equal(rt_path_exists(path_of("b", what, generation, rank)), generation == 3);
            assert_true(rt_path_exists(path_of("b-g1", what, generation, rank)));
        }
    must(rt_snapshot_forget(dir, "b", RUN_DIR, INT64_MAX));
    assert_false(rt_path_exists(path_of("b", RT_SNAPSHOT_OWN, 3, 0)));
    must(rt_snapshot_forget("/tmp/there is no such directory", "b", RUN_DIR, 3));
    empty_directory();
}

static void a_name_that_is_taken_is_an_error(void **state)
{
    (void)state;
    int fd;
    rt_snapshot_about a = about_of("r1", 2, 5);
    char *path = make("r1");
    assert_int_equal(rt_snapshot_create(path, &a, &fd), RT_E_EXISTS);
    rt_error_clear();
    assert_int_equal(fd, -1);
    assert_true(rt_path_exists(path)); /* it is not ours to remove */
}

/* Leaves no byte free in a directory. */
static void fill_up(const char *full)
{
    char path[300], page[4096] = {1};
    snprintf(path, sizeof path, "%s/filler", full);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, page, sizeof page) > 0)
        ;
    close(fd);
}

static void a_full_file_system_is_an_error(void **state)
{
    (void)state;
    int fd;
    rt_snapshot s;
    rt_snapshot_about a = about_of("r1", 1, 0);
    char full[256], path[300];
    snprintf(full, sizeof full, "%s/full", dir);
    assert_int_equal(mkdir(full, 0700), 0);
    if (mount("tmpfs", full, "tmpfs", 0, "size=256k") != 0) {
        print_message("a small file system cannot be mounted here (%s): not tried\n",
                      strerror(errno));
        return;
    }
    snprintf(path, sizeof path, "%s/ringtorch-r1-g1-r0", full);
    must(rt_snapshot_create(path, &a, &fd));
    assert_int_equal(rt_snapshot_allocate(fd, path, &a), RT_E_NOSPACE);
    assert_non_null(strstr(rt_error(), path));
    rt_error_clear();
    must(rt_snapshot_open(path, &s)); /* the header is intact, but the file holds no step */
    assert_int_equal(rt_snapshot_newest(&s), -1);
    rt_snapshot_close(&s);
    close(fd);
    unlink(path);

    a.end = a.begin + 1000; /* this one fits */
    must(rt_snapshot_create(path, &a, &fd));
    must(rt_snapshot_allocate(fd, path, &a));
    close(fd);
    fill_up(full);
    path[strlen(path) - 1] = '1';
    a.rank = 1;
    assert_int_equal(rt_snapshot_create(path, &a, &fd), RT_E_NOSPACE); /* not even the header */
    rt_error_clear();
    assert_int_equal(fd, -1);
    assert_false(rt_path_exists(path));
    assert_int_equal(umount(full), 0);
}

static int set_up(void **state)
{
    (void)state;
    rng = random_seed("test_snapshot_header");
    return folder_make(dir, "snapshot") ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char full[256];
    snprintf(full, sizeof full, "%s/full", dir);
    umount2(full, MNT_DETACH); /* only there if a test has failed */
    return rt_remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_are_read_back),
        cmocka_unit_test(the_last_evaluations_are_read_back),
        cmocka_unit_test(elements_outside_a_snapshot_are_refused),
        cmocka_unit_test(every_altered_byte_of_the_header_is_noticed),
        cmocka_unit_test(invalid_fields_are_named),
        cmocka_unit_test(files_of_another_length_are_refused),
        cmocka_unit_test(only_plain_files_of_ours_are_opened),
        cmocka_unit_test(altered_data_are_noticed),
        cmocka_unit_test(slots_that_are_not_committed_hold_nothing),
        cmocka_unit_test(a_slot_that_is_written_while_it_is_read_is_refused),
        cmocka_unit_test(names_are_parsed_and_others_ignored),
        cmocka_unit_test(others_files_are_left_alone),
        cmocka_unit_test(a_directory_is_listed_with_what_cannot_be_used_and_why),
        cmocka_unit_test(listing_survives_any_lack_of_memory),
        cmocka_unit_test(files_in_use_are_not_removed),
        cmocka_unit_test(forgetting_takes_older_generations_of_this_run_only),
        cmocka_unit_test(a_name_that_is_taken_is_an_error),
        cmocka_unit_test(a_full_file_system_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
