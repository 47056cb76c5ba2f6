/* Other users of the machine: a run never uses files that they created beforehand, and does not listen to the network. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "records.h"
#include "tests/support/child.h"
#include "tiny.h"

/* Each test stops its run at the end, with a checkpoint. */
static void stop_run(command c)
{
    kill(c.pid, SIGTERM);
    result r = finish(c, LONG);
    expect_exit(&r, 128 + SIGTERM);
    result_release(&r);
}

/* ---- names in /tmp and /dev/shm ---- */

enum { NEIGHBOUR = 12345 /* a user id that nobody has */ };

static void run_id(char out[64])
{
    char path[256];
    json_t *control = NULL;
    snprintf(path, sizeof path, "%s/control.json", run_dir);
    assert_int_equal(rt_json_load(path, 1 << 16, &control), RT_OK);
    snprintf(out, 64, "%s", json_string_value(json_object_get(control, "run")));
    json_decref(control);
}

static char keys[4][64]; /* of the run under test */
static int key_count, files_of_others;

static void read_keys(void)
{
    char path[256];
    json_t *control = NULL;
    snprintf(path, sizeof path, "%s/control.json", run_dir);
    assert_int_equal(rt_json_load(path, 1 << 16, &control), RT_OK);
    key_count = sscanf(json_string_value(json_object_get(control, "keys")), "%63s %63s %63s",
                       keys[0], keys[1], keys[2]);
    assert_int_equal(key_count, 3);
    json_decref(control);
}

static int expect_no_key(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)where;
    rt_bytes all;
    if (kind != FTW_F || (st->st_mode & 077) == 0)
        return 0;
    assert_int_equal(rt_file_read(path, 64 << 20, &all), RT_OK);
    for (int i = 0; i < key_count; i++)
        if (memmem(all.data, all.len, keys[i], strlen(keys[i])))
            fail_msg("%s: mode %04o, and holds a key", path, st->st_mode & 07777);
    rt_bytes_release(&all);
    files_of_others++;
    return 0;
}

static int expect_private(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)kind;
    if (where->level == 1 && strncmp(path + where->base, "ringtorch-", 10) == 0 &&
        (st->st_mode & 077) != 0)
        fail_msg("%s: mode %04o", path, st->st_mode & 07777);
    return 0;
}

/* The umask decides who may read a run directory. */
static void secret_files_are_readable_only_by_the_owner(void **state)
{
    (void)state;
    command c = start_endless(60);
    struct stat st;
    char path[256];
    snprintf(path, sizeof path, "%s/control.json", run_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    read_keys();
    files_of_others = 0;
    assert_int_equal(nftw(run_dir, expect_no_key, 16, FTW_PHYS), 0);
    assert_true(files_of_others > 3); /* config.yaml, events.jsonl, metrics.jsonl, logs */
    assert_int_equal(nftw("/dev/shm", expect_private, 16, FTW_PHYS), 0);
    stop_run(c);
}

/* Creates, as that user, the files that the run might create next. */
static int make_as_neighbour(void *id)
{
    char path[160];
    if (setgid(NEIGHBOUR) != 0 || setuid(NEIGHBOUR) != 0)
        return 1;
    umask(0);
    for (int g = 1; g <= 3; g++) {
        snprintf(path, sizeof path, "/tmp/ringtorch-%s-g%d-orte", (char *)id, g);
        mkdir(path, 0777);
        snprintf(path, sizeof path, "/dev/shm/ringtorch-%s-g%d-mpi", (char *)id, g);
        mkdir(path, 0777);
        for (int r = 0; r < 2; r++) {
            snprintf(path, sizeof path, "/dev/shm/ringtorch-%s-g%d-r%d", (char *)id, g, r);
            close(open(path, O_CREAT | O_WRONLY, 0666));
        }
    }
    return 0;
}

/* Returns how many of the neighbour's files for that run exist and are still empty. Removes them. */
static int count_untouched(const char *id)
{
    static const char *const places[] = {"/tmp", "/dev/shm"};
    int count = 0;
    char prefix[96];
    snprintf(prefix, sizeof prefix, "ringtorch-%s-", id);
    for (int i = 0; i < 2; i++) {
        rt_names names, inside;
        assert_int_equal(rt_dir_list(places[i], &names), RT_OK);
        for (size_t k = 0; k < names.count; k++) {
            char path[512];
            struct stat st;
            snprintf(path, sizeof path, "%s/%s", places[i], names.name[k]);
            if (strncmp(names.name[k], prefix, strlen(prefix)) != 0 || lstat(path, &st) != 0)
                continue;
            assert_int_equal(st.st_uid, NEIGHBOUR); /* ours are gone by now */
            if (S_ISDIR(st.st_mode)) {
                assert_int_equal(rt_dir_list(path, &inside), RT_OK);
                count += inside.count == 0;
                rt_names_release(&inside);
            } else {
                count += st.st_size == 0;
            }
            assert_int_equal(rt_remove_tree(path), RT_OK);
        }
        rt_names_release(&names);
    }
    return count;
}

/* The second generation finds every name that it could guess taken, and goes on as if they were not there. */
static void files_of_a_neighbour_are_not_used(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("only root can act as another user: not tried\n");
        return;
    }
    char id[64];
    records r;
    command c = start_endless(60);
    run_id(id);
    assert_int_equal(child_end(child_function(make_as_neighbour, id)), 0);
    records_open(&r, run_dir);
    for (int i = 0; i < 2; i++) {
        size_t before = records_events(&r);
        signal_worker(&s, 1, SIGKILL);
        json_t *back = await_event(&r, before, "recovered", LONG);
        assert_non_null(back);
        assert_in_range(event_int(back, "lost_steps", 99), 0, 1); /* from memory, both times */
    }
    stop_run(c);
    records_read(&r);
    assert_null(last_event(&r, "snapshot_trouble"));
    records_close(&r);
    assert_int_equal(count_untouched(id), 12);
}

/* ---- the network ---- */

enum { SOCKETS_MAX = 1024 };

/* The inodes of sockets that listen on another address than loopback. */
typedef struct listeners {
    unsigned long inode[SOCKETS_MAX];
    int count, seen; /* seen: also those on loopback, that belong to a process of the run */
    char who[256];
    unsigned long local[SOCKETS_MAX];
    unsigned port[SOCKETS_MAX]; /* of local; 0: IPv6 */
    int locals;
    unsigned mpirun[8]; /* its ports */
    int mpirun_count;
} listeners;

static void read_listeners(const char *path, listeners *l)
{
    enum { LISTENS = 0x0a };
    static const char *const loopback[] = {"0100007F", "00000000000000000000000001000000"};
    char line[512], address[40];
    unsigned state, port;
    unsigned long inode;
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%*d: %39[0-9A-F]:%x %*s %x %*s %*s %*s %*u %*d %lu", address, &port,
                   &state, &inode) != 4 ||
            state != LISTENS || l->count == SOCKETS_MAX || l->locals == SOCKETS_MAX)
            continue;
        if (strcmp(address, loopback[0]) == 0 || strcmp(address, loopback[1]) == 0) {
            l->port[l->locals] = strcmp(address, loopback[0]) == 0 ? port : 0;
            l->local[l->locals++] = inode;
        } else
            l->inode[l->count++] = inode;
    }
    if (f)
        fclose(f);
}

/* Returns where a number is in a list; -1: it is not. */
static int find(unsigned long inode, const unsigned long *list, int count)
{
    for (int i = 0; i < count; i++)
        if (list[i] == inode)
            return i;
    return -1;
}

static bool is_mpirun(const process *p)
{
    return strcmp(p->program, "mpirun") == 0 || strcmp(p->program, "orterun") == 0;
}

static bool note_listening(const process *p, void *context)
{
    listeners *l = context;
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)p->pid);
    DIR *fds = opendir(path);
    for (struct dirent *e; fds && (e = readdir(fds));) {
        unsigned long inode;
        ssize_t n = readlinkat(dirfd(fds), e->d_name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        if (sscanf(target, "socket:[%lu]", &inode) != 1)
            continue;
        int local = find(inode, l->local, l->locals);
        l->seen += local >= 0;
        if (local >= 0 && l->port[local] > 0 && is_mpirun(p) && l->mpirun_count < 8)
            l->mpirun[l->mpirun_count++] = l->port[local];
        if (find(inode, l->inode, l->count) >= 0)
            snprintf(l->who, sizeof l->who, "%s (pid %d)", p->program, (int)p->pid);
    }
    if (fds)
        closedir(fds);
    return true;
}

static void nothing_listens_beyond_loopback(void **state)
{
    (void)state;
    static listeners l;
    command c = start_endless(60);
    read_listeners("/proc/net/tcp", &l);
    read_listeners("/proc/net/tcp6", &l);
    each_process(&s, NULL, note_listening, &l);
    assert_string_equal(l.who, "");
    assert_true(l.seen >= 2); /* the coordinator and mpirun: it was looked in the right places */
    stop_run(c);
}

/* Sends to a port what no program of ours would send. */
static void talk_rubbish(unsigned port)
{
    static const char rubbish[200] = "GET / HTTP/1.0\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        assert_true(send(fd, rubbish, sizeof rubbish, MSG_NOSIGNAL) != 0);
    close(fd);
}

/* mpirun logs a line for each of them. */
static void strangers_cannot_fill_a_log(void **state)
{
    (void)state;
    static listeners l;
    char path[160];
    struct stat st = {0};
    off_t most = 0;
    l = (listeners){0};
    command c = start_endless(60);
    read_listeners("/proc/net/tcp", &l);
    each_process(&s, NULL, note_listening, &l);
    assert_in_range(l.mpirun_count, 1, 7);
    snprintf(path, sizeof path, "%s/logs/mpirun.g1.log", run_dir);
    for (int i = 0; i < 10000; i++) {
        for (int k = 0; k < l.mpirun_count; k++)
            talk_rubbish(l.mpirun[k]);
        assert_int_equal(stat(path, &st), 0);
        most = st.st_size > most ? st.st_size : most;
    }
    assert_true(most > 1 << 18); /* mpirun logged them */
    for (double end = rt_clock() + LONG; st.st_size > 1 << 19 && rt_clock() < end;) {
        rt_clock_sleep(0.05);
        assert_int_equal(stat(path, &st), 0);
    }
    assert_in_range(st.st_size, 1, 1 << 19);
    stop_run(c);
    snprintf(path, sizeof path, "%s/logs/mpirun.g2.log", run_dir);
    assert_false(rt_path_exists(path)); /* they did no harm */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_of_a_neighbour_are_not_used, tiny_begin, tiny_end),
        cmocka_unit_test_setup_teardown(secret_files_are_readable_only_by_the_owner, tiny_begin,
                                        tiny_end),
        cmocka_unit_test_setup_teardown(nothing_listens_beyond_loopback, tiny_begin, tiny_end),
        cmocka_unit_test_setup_teardown(strangers_cannot_fill_a_log, tiny_begin, tiny_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
