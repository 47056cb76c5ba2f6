/* A coordinator that follows a script, so that tests see only the launcher. It obeys the lines that are appended to
 * <run dir>/orders (after a restart, only those appended since) and writes the messages that it receives to
 * <run dir>/heard, one per line, after "STARTED <run id> <endpoint>" or "STARTED AGAIN ...".
 *     start GENERATION WORLD [HOST SLOTS]...   START_GENERATION
 *     end GENERATION                           END_GENERATION
 *     probe HOST                               PROBE
 *     show JSON                                SHOW
 *     over EXIT_CODE MESSAGE                   RUN_ENDED, then exits
 *     exit CODE                                exits without RUN_ENDED
 * Its run id is the end of the name of the test's folder (RINGTORCH_TEST), so that tests can run side by side.
 * SCRIPT_AGAIN=exit CODE: when restarted, prints "no room for a second one" and exits with that code; =die: when restarted,
 * dies of SIGKILL. SCRIPT_READS: reports that it is reading before it listens. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/wire.h"
#include "tests/support/message_text.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 8 };

static rt_wire *wire;
static char launcher[64]; /* the launcher's address; "": it has not connected */
static FILE *heard, *orders;

static void must(rt_status status)
{
    if (status != RT_OK) {
        fprintf(stderr, "scripted coordinator: %s\n", rt_error());
        exit(4);
    }
}

static void say(rt_msg_type type, const void *body)
{
    must(rt_wire_send(wire, launcher, type, body));
}

static FILE *open_in(const char *dir, const char *name)
{
    char *path = rt_strdup_printf("%s/%s", dir, name);
    FILE *f = path ? fopen(path, "a+") : NULL;
    rt_mem_free(path);
    if (!f)
        exit(4);
    return f;
}

static void open_wire(bool again)
{
    rt_wire_keys keys;
    const char *endpoint = getenv("RINGTORCH_ENDPOINT"), *run = getenv("RINGTORCH_RUN");
    const char *folder = getenv("RINGTORCH_TEST");
    if (!folder || !strrchr(folder, '-'))
        exit(4);
    if (!again)
        run = strrchr(folder, '-') + 1;
    must(rt_wire_keys_from_env(&keys));
    must(rt_wire_listen(&(rt_wire_options){.endpoint = again ? endpoint : "tcp://127.0.0.1:*",
                                           .keys = &keys,
                                           .run = run,
                                           .name = "coordinator"},
                        &wire));
    fprintf(heard, "STARTED %s%s %s\n", again ? "AGAIN " : "", run, rt_wire_endpoint(wire));
    fflush(heard);
    if (getenv("SCRIPT_READS"))
        printf("reading metrics.jsonl 40\nreading metrics.jsonl 80\n");
    printf("%s %s\n", rt_wire_endpoint(wire), run);
    fflush(stdout);
}

static void order_start(char *rest)
{
    const char *hosts[HOSTS_MAX];
    int64_t slots[HOSTS_MAX];
    rt_msg_start_generation m = {.hosts = hosts, .slots = slots};
    m.job_generation = strtoll(strtok_r(NULL, " ", &rest), NULL, 10);
    m.world = strtoll(strtok_r(NULL, " ", &rest), NULL, 10);
    for (char *host; m.hosts_count < HOSTS_MAX && (host = strtok_r(NULL, " ", &rest));) {
        hosts[m.hosts_count++] = host;
        slots[m.slots_count++] = strtoll(strtok_r(NULL, " ", &rest), NULL, 10);
    }
    say(RT_MSG_START_GENERATION, &m);
}

static void obey(char *line)
{
    char *rest = NULL, *order = strtok_r(line, " ", &rest);
    if (strcmp(order, "start") == 0) {
        order_start(rest);
    } else if (strcmp(order, "end") == 0) {
        say(RT_MSG_END_GENERATION,
            &(rt_msg_end_generation){.job_generation = strtoll(rest, NULL, 10), .reason = "told"});
    } else if (strcmp(order, "probe") == 0) {
        say(RT_MSG_PROBE, &(rt_msg_probe){.host = rest});
    } else if (strcmp(order, "show") == 0) {
        say(RT_MSG_SHOW, &(rt_msg_show){.json = rest});
    } else if (strcmp(order, "over") == 0) {
        int64_t code = strtoll(rest, &rest, 10);
        say(RT_MSG_RUN_ENDED, &(rt_msg_run_ended){.exit_code = code, .message = rest + 1});
        rt_wire_close(wire, 1);
        exit(0);
    } else if (strcmp(order, "exit") == 0) {
        exit((int)strtol(rest, NULL, 10));
    }
}

/* Orders are for the launcher, so they wait until it has connected. */
static void obey_all(void)
{
    static char line[4096];
    while (launcher[0] && fgets(line, sizeof line, orders)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            obey(line);
    }
    clearerr(orders); /* more may be appended */
}

static void listen_once(void)
{
    rt_frame f;
    while (rt_wire_receive(wire, 0.005, &f) == RT_OK) {
        if (f.type == RT_MSG_LAUNCHER)
            snprintf(launcher, sizeof launcher, "%s", f.peer);
        if (strcmp(f.sender, "launcher") == 0) {
            write_message(heard, f.type, &f.body);
            fputc('\n', heard);
            fflush(heard);
        }
        rt_frame_release(&f);
    }
    rt_error_clear();
}

int main(int argc, char **argv)
{
    bool again = getenv("RINGTORCH_ENDPOINT") != NULL;
    const char *how = getenv("SCRIPT_AGAIN");
    if (argc < 2 || strcmp(argv[argc - 2], "--") != 0)
        return 4;
    int code;
    if (again && how && sscanf(how, "exit %d", &code) == 1) {
        fprintf(stderr, "ringtorch: no room for a second one\n");
        return code;
    }
    if (again && how && strcmp(how, "die") == 0)
        raise(SIGKILL);
    heard = open_in(argv[argc - 1], "heard");
    orders = open_in(argv[argc - 1], "orders");
    fseek(orders, 0, again ? SEEK_END : SEEK_SET);
    open_wire(again);
    for (;;) {
        listen_once();
        obey_all();
    }
}
