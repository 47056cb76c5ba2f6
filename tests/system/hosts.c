#include "hosts.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/child.h"

enum { ARGUMENTS_MAX = 32, SECONDS = 20 };

/* ---- commands ---- */

/* Runs a shell command that must succeed. */
__attribute__((format(printf, 2, 3))) static void sh(const hosts *h, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    result r = run(h->scratch, SECONDS, "sh", "-c", line, NULL);
    if (r.exit_code != 0)
        fail_msg("%s: exit code %d\n%s%s", line, r.exit_code, r.out, r.err);
    result_release(&r);
}

static void write_text(const char *path, const char *text)
{
    if (rt_file_replace(path, text, strlen(text)) != RT_OK)
        fail_msg("%s", rt_error());
}

static int make_namespaces(void *argument)
{
    (void)argument;
    return unshare(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : 1;
}

bool hosts_possible(void)
{
    static const char *const programs[] = {"ip", "iptables", "nsenter"};
    char line[64];
    if (geteuid() != 0) {
        fprintf(stderr, "hosts need root: skipped\n");
        return false;
    }
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin:/sbin command -v %s >/dev/null",
                 programs[i]);
        if (child_end(child_program((const char *const[]){"sh", "-c", line, NULL}, NULL, NULL)) !=
            0) {
            fprintf(stderr, "hosts need %s: skipped\n", programs[i]);
            return false;
        }
    }
    if (child_end(child_function(make_namespaces, NULL)) != 0) {
        fprintf(stderr, "hosts need leave to make namespaces: skipped\n");
        return false;
    }
    return true;
}

/* ---- processes that keep namespaces ---- */

/* Stays alive and reaps the orphans that the first process of a host inherits. */
__attribute__((noreturn)) static void stay(void)
{
    for (;;)
        if (wait(NULL) < 0)
            pause();
}

static void say_ready(int fd, pid_t who)
{
    if (write(fd, &who, sizeof who) != sizeof who)
        _exit(1);
    close(fd);
}

/* Runs in a process that already has the namespaces of a host. */
static void furnish(const host *x, bool own_processes)
{
    if (sethostname(x->name, strlen(x->name)) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") != 0 ||
        (own_processes && mount("proc", "/proc", "proc", 0, NULL) != 0))
        _exit(1);
}

/* A process that keeps the namespaces of a host alive. */
typedef struct keeping {
    const host *host;   /* NULL: of the switch */
    bool own_processes; /* the host has process numbers of its own */
    int ready[2];       /* a pipe through which it reports that they are made, and a pid in them */
} keeping;

/* The first process of a host with process numbers of its own. */
static int be_first_process(void *argument)
{
    keeping *k = argument;
    furnish(k->host, true);
    close(k->ready[0]);
    say_ready(k->ready[1], 1);
    stay();
}

/* Starts that process. Its parent stays, because only the parent knows its pid outside of the namespace. */
static void keep_first_process(const host *x, int ready)
{
    keeping k = {.host = x, .own_processes = true};
    pid_t done, first = pipe2(k.ready, O_CLOEXEC) == 0 ? child_function(be_first_process, &k) : -1;
    if (first < 0)
        _exit(1);
    close(k.ready[1]);
    if (read(k.ready[0], &done, sizeof done) != sizeof done)
        _exit(1);
    say_ready(ready, first);
    stay();
}

static int keep(void *argument)
{
    keeping *k = argument;
    int spaces = k->host ? CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS : CLONE_NEWNET;
    close(k->ready[0]);
    signal(SIGINT, SIG_IGN);
    if (unshare(spaces | (k->own_processes ? CLONE_NEWPID : 0)) != 0)
        return 1;
    if (k->own_processes)
        keep_first_process(k->host, k->ready[1]);
    if (k->host)
        furnish(k->host, false);
    say_ready(k->ready[1], getpid());
    stay();
}

static void make_keeper(const host *x, bool own_processes, pid_t *keeper, pid_t *inside)
{
    keeping k = {.host = x, .own_processes = own_processes};
    assert_int_equal(pipe(k.ready), 0);
    *keeper = child_function(keep, &k);
    close(k.ready[1]);
    assert_true(*keeper > 0);
    assert_int_equal(read(k.ready[0], inside, sizeof *inside), sizeof *inside);
    close(k.ready[0]);
}

static void end_keeper(pid_t *keeper)
{
    if (*keeper > 0) {
        kill(*keeper, SIGKILL);
        waitpid(*keeper, NULL, 0);
    }
    *keeper = 0;
}

/* ---- the network ---- */

/* Connects the host to the switch. The port of a killed host may still exist for a moment, so each port gets a new
 * number. */
static void plug_in(hosts *h, const host *x)
{
    int in = (int)x->inside, sw = (int)h->network, port = h->ports++;
    sh(h,
       "PATH=$PATH:/usr/sbin:/sbin; set -e\n"
       "ip link add eth0 netns %d type veth peer name p%d netns %d\n"
       "nsenter -t %d --net ip link set p%d master br0 up\n"
       "nsenter -t %d --net ip addr add %s/24 dev eth0\n"
       "nsenter -t %d --net ip link set eth0 up\n"
       "nsenter -t %d --net ip link set lo up",
       in, port, sw, sw, port, in, x->address, in, in);
}

/* Writes the file by which the remote shell finds a host that is up. */
static void publish(const hosts *h, const host *x)
{
    char text[32];
    snprintf(text, sizeof text, "%d\n", (int)x->inside);
    write_text(in_scratch(h->scratch, "%s.up", x->name), text);
}

void hosts_boot(hosts *h, int i)
{
    host *x = &h->host[i];
    make_keeper(x, i > 0, &x->keeper, &x->inside);
    plug_in(h, x);
    publish(h, x);
}

void hosts_kill(hosts *h, int i)
{
    host *x = &h->host[i];
    unlink(in_scratch(h->scratch, "%s.up", x->name));
    kill(x->inside, SIGKILL); /* the first process takes all others of the host along */
    end_keeper(&x->keeper);
    x->inside = 0;
}

void hosts_cut_off(hosts *h, int i)
{
    write_text(in_scratch(h->scratch, "%s.cut", h->host[i].name), "");
    sh(h,
       "PATH=$PATH:/usr/sbin:/sbin; nsenter -t %d --net sh -c "
       "'iptables -A INPUT -i eth0 -j DROP && iptables -A OUTPUT -o eth0 -j DROP'",
       (int)h->host[i].inside);
}

void hosts_reconnect(hosts *h, int i)
{
    unlink(in_scratch(h->scratch, "%s.cut", h->host[i].name));
    sh(h, "PATH=$PATH:/usr/sbin:/sbin; nsenter -t %d --net iptables -F", (int)h->host[i].inside);
}

/* ---- the remote shell ---- */

/* A substitute for ssh, as far as mpirun and ringtorch use it: options, a host, a command. Temporary files that a killed
 * daemon leaves are removed with the scratch folder. */
static const char agent_text[] =
    "#!/bin/sh\n"
    "while :; do case $1 in -*) shift ;; *) break ;; esac; done\n"
    "here=$(dirname \"$0\") host=$1\n"
    "shift\n"
    "fail() { echo \"ssh: connect to host $host port 22: $1\" >&2; exit 255; }\n"
    "[ -e \"$here/$host.cut\" ] && { sleep 2; fail 'Connection timed out'; }\n"
    "read -r pid <\"$here/$host.up\" || fail 'No route to host'\n"
    "mkdir -p \"$here/tmp.$host\"\n"
    "exec env -i TMPDIR=\"$here/tmp.$host\" PATH=\"$PATH\" HOME=\"$HOME\" "
    "RINGTORCH_TEST=\"$RINGTORCH_TEST\" \\\n"
    "    ASAN_OPTIONS=\"$ASAN_OPTIONS\" LSAN_OPTIONS=\"$LSAN_OPTIONS\" \\\n"
    "    UBSAN_OPTIONS=\"$UBSAN_OPTIONS\" TSAN_OPTIONS=\"$TSAN_OPTIONS\" \\\n"
    "    nsenter -t \"$pid\" --net --uts --mount --pid sh -c \"$*\"\n";

/* ---- all of it ---- */

void hosts_make(hosts *h, const scratch *s, int count)
{
    *h = (hosts){.scratch = s, .count = count};
    assert_true(count <= HOSTS_MAX);
    snprintf(h->agent, sizeof h->agent, "%s", in_scratch(s, "agent"));
    write_text(h->agent, agent_text);
    sh(h, "chmod +x %s", h->agent);
    setenv("OMPI_MCA_plm_rsh_agent", h->agent, 1);
    pid_t inside;
    make_keeper(NULL, false, &h->network, &inside);
    sh(h,
       "PATH=$PATH:/usr/sbin:/sbin; nsenter -t %d --net sh -c "
       "'ip link add br0 type bridge && ip link set br0 up'",
       (int)h->network);
    for (int i = 0; i < count; i++) {
        host *x = &h->host[i];
        snprintf(x->name, sizeof x->name, "h%d-%d", i, (int)getpid());
        snprintf(x->address, sizeof x->address, "10.77.0.%d", i + 1);
        hosts_boot(h, i);
    }
    snprintf(h->bind, sizeof h->bind, "control.bind=%s", h->host[0].address);
}

void hosts_remove(hosts *h)
{
    for (int i = 0; i < h->count; i++)
        if (h->host[i].inside > 0)
            hosts_kill(h, i);
    end_keeper(&h->network);
    unsetenv("OMPI_MCA_plm_rsh_agent");
}

const char *host_file(const hosts *h, const int *slots)
{
    char text[512] = "";
    size_t used = 0;
    for (int i = 0; i < h->count; i++)
        if (slots[i] > 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s slots=%d\n",
                                     h->host[i].name, slots[i]);
    const char *path = in_scratch(h->scratch, "hosts.txt");
    write_text(path, text);
    return path;
}

command start_on_host(const hosts *h, const char *program, ...)
{
    char pid[16], path[512];
    snprintf(pid, sizeof pid, "%d", (int)h->host[0].inside);
    snprintf(path, sizeof path, RT_TEST_BINARY_DIR "/bin/%s", program);
    char folder[512];
    snprintf(folder, sizeof folder, "TMPDIR=%s", in_scratch(h->scratch, "tmp.%s", h->host[0].name));
    if (rt_dir_make(strchr(folder, '/'), 0755) != RT_OK)
        fail_msg("%s", rt_error());
    const char *list[ARGUMENTS_MAX] = {"-t",     pid,   "--net", "--uts", "--mount",
                                       "--wd=/", "env", folder,  path};
    int n = 9;
    va_list ap;
    va_start(ap, program);
    while ((list[n] = va_arg(ap, const char *)))
        assert_true(++n < ARGUMENTS_MAX);
    va_end(ap);
    return start_list(h->scratch, "nsenter", list); /* which becomes the program */
}

result run_on_host(const hosts *h, int i, const char *line)
{
    return run(h->scratch, SECONDS, h->agent, h->host[i].name, line, NULL);
}
