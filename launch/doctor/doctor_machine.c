#include "launch/doctor/doctor_machine.h"
#include "common/base/clock.h"
#include "common/base/container.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/base/text.h"
#include "common/control/words.h"
#include "launch/remains/remains.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const double MIB = 1 << 20, GIB = 1 << 30;

/* Reads a small file of /proc or /sys; "" if it does not exist. */
static const char *read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* Returns the number at the beginning of a small file, or -1 if there is none ("max"). */
static double read_number(const char *path)
{
    char text[64], *end;
    double n = strtod(read_small(path, text, sizeof text), &end);
    return end == text ? -1 : n;
}

/* ---- processors ---- */

/* Returns how many processors the control group may use at a time, or 0 if it has no quota. */
static double processor_quota(void)
{
    char text[64];
    double quota, period;
    if (sscanf(read_small("/sys/fs/cgroup/cpu.max", text, sizeof text), "%lf %lf", &quota,
               &period) != 2) {
        quota = read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
        period = read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

static void processor_name(char *out, size_t size)
{
    static char text[1 << 14];
    const char *line = strstr(read_small("/proc/cpuinfo", text, sizeof text), "model name"), *colon;
    snprintf(out, size, "%s", "unknown");
    if (line && (colon = strchr(line, ':')))
        snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
}

void rt__check_processors(rt__doctor *d)
{
    char name[96];
    double load = 0, quota = processor_quota();
    int64_t online = sysconf(_SC_NPROCESSORS_ONLN), n = rt_os_processors();
    processor_name(name, sizeof name);
    rt__doctor_report(d, RT__FINE, "processors", NULL,
                      "%" PRId64 ", %s: enough for as many workers of one thread each", n, name);
    if (n < online)
        rt__doctor_report(d, RT__WARNING, "processors",
                          "start from a shell that may use all (taskset -p shows which it may)",
                          "this process may use only %" PRId64 " of %" PRId64, n, online);
    if (quota > 0 && quota < (double)n)
        rt__doctor_report(d, RT__WARNING, "processors",
                          "use fewer workers than the quota, or have it raised",
                          "the control group allows the time of only %.1f of them", quota);
    if (getloadavg(&load, 1) == 1 && load > 0.8 * (double)n)
        rt__doctor_report(d, RT__WARNING, "load",
                          "other programs use the processors: wait for them, or runs are slow and "
                          "measurements wrong",
                          "%.1f in the last minute, on %" PRId64 " processor%s", load, n,
                          rt_plural(n));
    else
        rt__doctor_report(d, RT__FINE, "load", NULL, "%.1f in the last minute", load);
}

/* ---- memory ---- */

/* Returns the bytes that a line of /proc/meminfo gives, or -1 if there is no such line. */
static double memory_line(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    return line ? strtod(line + strlen(name), NULL) * 1024 : -1;
}

/* Returns how many bytes the control group may still use, or -1 if it has no limit. */
static double memory_quota(void)
{
    double limit = read_number("/sys/fs/cgroup/memory.max");
    double used = read_number("/sys/fs/cgroup/memory.current");
    if (limit < 0) {
        limit = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
        used = read_number("/sys/fs/cgroup/memory/memory.usage_in_bytes");
    }
    return limit > 0 && limit < 1e15 && used >= 0 ? limit - used : -1;
}

void rt__check_memory(rt__doctor *d)
{
    char text[4096], a[RT__WORDS], b[RT__WORDS];
    read_small("/proc/meminfo", text, sizeof text);
    double all = memory_line(text, "MemTotal:"), free = memory_line(text, "MemAvailable:");
    double quota = memory_quota();
    bool limited = quota >= 0 && quota < free;
    free = limited ? quota : free;
    rt__verdict v = free < 256 * MIB ? RT__PROBLEM : free < GIB ? RT__WARNING : RT__FINE;
    rt__doctor_report(d, v, "memory",
                      v == RT__FINE ? NULL
                      : limited     ? "have the control group's limit raised"
                                    : "end other programs: a worker needs 100 MiB plus its model",
                      "%s free of %s%s", rt__words_bytes(free, a), rt__words_bytes(all, b),
                      limited ? ", as the control group allows" : "");
}

/* ---- shared memory ---- */

/* Under adamw the state of a parameter is its value and two moments, 4 bytes each. A snapshot holds two states, and when
 * one generation replaces another, the snapshots of both exist for a while. */
enum { STATE_BYTES = 12, SNAPSHOT_STATES = 4 };
static const double ENOUGH = 256 << 20, LITTLE = 16 << 20;

rt__verdict rt__judge_shared(double free)
{
    return free < LITTLE ? RT__PROBLEM : free < ENOUGH ? RT__WARNING : RT__FINE;
}

/* Advises on a size that leaves enough free beside what is used already. */
static void advise_size(double used, char advice[200])
{
    char in_container[RT_CONTAINER_ADVICE], size[RT_CONTAINER_SIZE];
    if (rt_container_shm_advice("", used + ENOUGH, in_container))
        snprintf(advice, 200, "%s, or set snapshot.dir", in_container);
    else
        snprintf(advice, 200,
                 "make it larger (mount -o remount,size=%s /dev/shm), or set snapshot.dir",
                 rt_container_size(used + ENOUGH, size));
}

void rt__check_shared_memory(rt__doctor *d)
{
    static const char dir[] = "/dev/shm";
    struct statvfs fs;
    char a[RT__WORDS], b[RT__WORDS], c[RT__WORDS];
    if (statvfs(dir, &fs) != 0 || access(dir, W_OK | X_OK) != 0) {
        rt__doctor_report(d, RT__PROBLEM, "shared memory",
                          "mount a tmpfs there, or set snapshot.dir to a directory in memory",
                          "%s: %s", dir, strerror(errno));
        return;
    }
    double free = (double)fs.f_bavail * (double)fs.f_frsize;
    double all = (double)fs.f_blocks * (double)fs.f_frsize;
    char advice[200];
    advise_size(all - free, advice);
    rt__verdict v = rt__judge_shared(free);
    rt__doctor_report(d, v, "shared memory", v == RT__FINE ? NULL : advice,
                      "%s free of %s: snapshots of up to %s parameters", rt__words_bytes(free, a),
                      rt__words_bytes(all, b),
                      rt__words_number(free / (STATE_BYTES * SNAPSHOT_STATES), c));
}

void rt__check_remains(rt__doctor *d)
{
    rt__remains l;
    int64_t dead = 0, alive = 0;
    double bytes = 0;
    char text[RT__WORDS];
    if (rt__remains_find(NULL, &l) != RT_OK) {
        rt__doctor_report_error(d, "leftovers", "check the permissions of that directory");
        return;
    }
    for (int64_t i = 0; i < l.count; i++) {
        dead += l.run[i].state == RT__RUN_DEAD;
        alive += l.run[i].state == RT__RUN_ALIVE;
        bytes += l.run[i].state == RT__RUN_DEAD ? l.run[i].bytes : 0;
    }
    rt__remains_release(&l);
    if (dead > 0)
        rt__doctor_report(d, RT__WARNING, "leftovers",
                          "ringtorch clean --dry-run shows them, ringtorch clean removes them",
                          "%" PRId64 " dead run%s hold%s %s of shared memory", dead,
                          rt_plural(dead), dead == 1 ? "s" : "", rt__words_bytes(bytes, text));
    else
        rt__doctor_report(d, RT__FINE, "leftovers", NULL, "none; %" PRId64 " run%s alive here",
                          alive, rt_plural(alive));
}

/* ---- limits ---- */

static double soft_limit(int which)
{
    struct rlimit r;
    return getrlimit(which, &r) != 0 || r.rlim_cur == RLIM_INFINITY ? -1 : (double)r.rlim_cur;
}

static const char *limit_text(double limit, bool bytes, char text[RT__WORDS])
{
    if (limit < 0)
        return "unlimited";
    return bytes ? rt__words_bytes(limit, text) : rt__words_number(limit, text);
}

void rt__check_limits(rt__doctor *d)
{
    static const struct {
        int which;
        const char *name;
        bool bytes;
        double needed;
        const char *advice;
    } rows[] = {
        {RLIMIT_NOFILE, "open files", false, 1024, "ulimit -n 4096"},
        {RLIMIT_NPROC, "processes and threads", false, 512, "ulimit -u 4096"},
        {RLIMIT_FSIZE, "size of a file", true, 1e300, "ulimit -f unlimited: checkpoints are files"},
        {RLIMIT_AS, "address space", true, 1e300,
         "ulimit -v unlimited: libraries reserve much more than they use"},
    };
    char text[4][RT__WORDS];
    double core = soft_limit(RLIMIT_CORE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double limit = soft_limit(rows[i].which);
        if (limit >= 0 && limit < rows[i].needed)
            rt__doctor_report(d, RT__WARNING, "limits", rows[i].advice, "%s: only %s", rows[i].name,
                              limit_text(limit, rows[i].bytes, text[0]));
    }
    rt__doctor_report(d, RT__FINE, "limits", NULL,
                      "open files %s, processes %s, locked memory %s, core files %s",
                      limit_text(soft_limit(RLIMIT_NOFILE), false, text[0]),
                      limit_text(soft_limit(RLIMIT_NPROC), false, text[1]),
                      limit_text(soft_limit(RLIMIT_MEMLOCK), true, text[2]),
                      core == 0 ? "off" : limit_text(core, true, text[3]));
}

/* ---- files ---- */

static double free_bytes(const char *dir)
{
    struct statvfs fs;
    return statvfs(dir, &fs) == 0 ? (double)fs.f_bavail * (double)fs.f_frsize : 0;
}

/* Creates a file and removes its name. Returns -1 with errno set on failure. */
static int open_nameless(const char *dir)
{
    char *path = rt_strdup_printf("%s/ringtorch-doctor-XXXXXX", dir);
    int fd = path ? mkostemp(path, O_CLOEXEC) : -1, error = errno;
    if (fd >= 0)
        unlink(path);
    rt_mem_free(path);
    rt_error_clear();
    errno = error;
    return fd;
}

void rt__check_temporary(rt__doctor *d)
{
    enum {
        LONGEST = 60
    }; /* mpirun makes sockets deep below it, whose paths may have at most 107 bytes */
    const char *set = getenv("TMPDIR"), *dir = set && *set ? set : "/tmp";
    char text[RT__WORDS];
    int fd = open_nameless(dir);
    if (fd < 0) {
        rt__doctor_report(d, RT__PROBLEM, "temporary dir",
                          "set TMPDIR to a directory that you may write to", "%s: %s", dir,
                          strerror(errno));
        return;
    }
    close(fd);
    if (strlen(dir) > LONGEST)
        rt__doctor_report(
            d, RT__WARNING, "temporary dir", "set TMPDIR to a shorter path",
            "%s: longer than %d bytes: mpirun's sockets in it may get paths that are too long", dir,
            LONGEST);
    else if (free_bytes(dir) < 100 * MIB)
        rt__doctor_report(d, RT__WARNING, "temporary dir", "free some space there, or set TMPDIR",
                          "%s: only %s free", dir, rt__words_bytes(free_bytes(dir), text));
    else
        rt__doctor_report(d, RT__FINE, "temporary dir", NULL, "%s, %s free", dir,
                          rt__words_bytes(free_bytes(dir), text));
}

/* Writes *bytes and syncs. Returns the seconds that took, or < 0 with errno set on failure. Stops writing after `patience`
 * seconds; *bytes is then what was written. */
static double time_writing(int fd, size_t piece, double *bytes, double patience)
{
    char *data = rt_calloc(1, piece);
    double began = rt_clock(), done = 0;
    bool good = data != NULL;
    while (good && done < *bytes && rt_clock() - began < patience) {
        good = write(fd, data, piece) == (ssize_t)piece;
        done += (double)piece;
    }
    good = good && fsync(fd) == 0;
    int error = errno;
    rt_mem_free(data);
    *bytes = done;
    errno = error;
    return good ? rt_clock() - began : -1;
}

void rt__check_disk(rt__doctor *d)
{
    static const double PATIENCE = 1, SLOW_SYNC = 0.1;
    char speed[RT__WORDS], space[RT__WORDS];
    double bytes = 32 * MIB, little = 4096, sync = -1;
    int fd = open_nameless(".");
    double seconds = fd >= 0 ? time_writing(fd, 1 << 20, &bytes, PATIENCE) : -1;
    if (seconds >= 0)
        sync = time_writing(fd, 4096, &little, PATIENCE);
    if (sync < 0) {
        rt__doctor_report(d, RT__PROBLEM, "disk",
                          "run in a directory that you may write to and that has space: run "
                          "directories are created there",
                          "the current directory: %s", strerror(errno));
    } else if (free_bytes(".") < GIB) {
        rt__doctor_report(d, RT__WARNING, "disk", "free some space: checkpoints need it",
                          "only %s free in the current directory",
                          rt__words_bytes(free_bytes("."), space));
    } else {
        rt__doctor_report(
            d, sync > SLOW_SYNC ? RT__WARNING : RT__FINE, "disk",
            sync > SLOW_SYNC ? "put --run-dir on a faster disk: the coordinator syncs each decision"
                             : NULL,
            "%s/s with fsync, a small fsync %.1f ms, %s free",
            rt__words_bytes(bytes / seconds, speed), 1000 * sync,
            rt__words_bytes(free_bytes("."), space));
    }
    if (fd >= 0)
        close(fd);
}
