/* Disturbs a real run at random and proves that its results do not change. See --help. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "chaos.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "figures.h"
#include "moments.h"
#include "tests/system/runs.h"
#include "tests/system/small_disk.h"

enum { BEGUN_AGAIN_MAX = 5, LAST_STEPS = 30 };

typedef struct options {
    const char *config;
    plan_wishes wishes;
    bool seeded, keep, json, verbose;
    bool own_disks;     /* some of the kinds need them */
    bool some_left_out; /* because they are not possible here */
    double seconds;
    char command[1024]; /* repeats this test, except for the seed */
} options;

static void help(void)
{
    puts("usage: tools/chaos [options]\n"
         "\n"
         "Runs a real training, injects faults at random, and compares its weights, its metrics "
         "and\n"
         "what it leaves behind with an undisturbed run of another size.\n"
         "\n"
         "  --faults-n N      how many faults (20)\n"
         "  --faults LIST     which kinds, with commas between; -NAME leaves one out (all)\n"
         "  --seed S          draws the faults; the same seed gives the same faults (random)\n"
         "  --workers A..B    smallest and largest number of workers, or one number (1..6)\n"
         "  --seconds S       no further faults after so long\n"
         "  --config FILE     what to train (a small net on generated pictures); it needs\n"
         "                    parallel.slices >= B\n"
         "  --keep            leaves the run directory even if all is well\n"
         "  --json            one object at the end, on standard output\n"
         "  --verbose         what commands print when they fail\n"
         "\n"
         "Kinds:");
    for (int k = 0; k < KINDS; k++)
        printf("  %-18s %s\n", kind_name((kind)k), kind_help((kind)k));
    puts("\n"
         "Exit codes: 0 all holds, 1 something does not (the run directory stays), 2 wrong usage.");
}

/* ---- the user ---- */

static volatile sig_atomic_t enough;

static void on_signal(int signal)
{
    (void)signal;
    enough = 1;
}

bool chaos_over(const chaos *c)
{
    return enough || c->begun_again > BEGUN_AGAIN_MAX;
}

void chaos_fail(chaos *c, const injected *x, const char *fmt, ...)
{
    char text[2048], whole[2304];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text[strcspn(text, "\n")] = '\0'; /* the first line says what went wrong */
    if (x)
        snprintf(whole, sizeof whole, "fault %d, %s %s: %s", x->number, kind_name(x->fault->kind),
                 moment_name(x->moment), text);
    else
        snprintf(whole, sizeof whole, "%s", text);
    fprintf(stderr, "chaos: %s\n", whole);
    json_array_append_new(c->failures, json_string(whole));
}

static void tell(const chaos *c, const injected *x)
{
    char hit[128] = "", after[32] = "";
    size_t used = 0;
    if (c->quiet)
        return;
    for (int i = 0; i < x->hits && x->hit[i].rank >= 0 && used < sizeof hit - 16; i++)
        used += (size_t)snprintf(hit + used, sizeof hit - used, "%s%d", i ? ", " : " of rank ",
                                 x->hit[i].rank);
    if (x->outage >= 0)
        snprintf(after, sizeof after, ", steps after %.2f s", x->outage);
    printf("%3d/%d %s%s, %s, step %" PRId64 ", generation %" PRId64 "%s%s%s\n", x->number,
           c->plan.count, kind_name(x->fault->kind), hit, moment_name(x->moment), x->step,
           x->generation, after, x->followed[0] ? ": " : "", x->followed);
    fflush(stdout);
}

/* ---- options ---- */

__attribute__((format(printf, 1, 2))) static bool usage(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("chaos: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputs(": see tools/chaos --help\n", stderr);
    va_end(ap);
    return false;
}

static bool parse_kinds(char *list, unsigned *kinds)
{
    bool only = false;
    char *rest = NULL;
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        bool without = name[0] == '-';
        kind k = kind_find(name + without);
        if (k == KINDS)
            return usage("--faults: there is no kind '%s'", name + without);
        if (!without && !only)
            *kinds = 0;
        only = only || !without;
        *kinds = without ? *kinds & ~(1u << k) : *kinds | 1u << k;
    }
    return *kinds != 0 || usage("--faults: no kinds are left");
}

static bool parse_number(const char *text, const char *name, int64_t least, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return (end != text && *end == '\0' && *out >= least) || usage("%s: expected a number", name);
}

static bool parse_workers(char *text, plan_wishes *w)
{
    char *dots = strstr(text, "..");
    if (dots)
        *dots = '\0';
    return parse_number(text, "--workers", 1, &w->least) &&
           parse_number(dots ? dots + 2 : text, "--workers", w->least, &w->most);
}

static bool parse(int argc, char **argv, options *o)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"faults-n", required_argument, NULL, 'n'},
                                          {"faults", required_argument, NULL, 'f'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"workers", required_argument, NULL, 'w'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    *o = (options){.wishes = {.count = 20, .kinds = (1u << KINDS) - 1, .least = 1, .most = 6},
                   .seconds = 1e9};
    size_t used = (size_t)snprintf(o->command, sizeof o->command, "tools/chaos");
    for (int i = 1; i < argc && used < sizeof o->command; i++)
        if (strncmp(argv[i], "--seed", 6) != 0 && (i == 1 || strcmp(argv[i - 1], "--seed") != 0))
            used += (size_t)snprintf(o->command + used, sizeof o->command - used, " %s", argv[i]);
    int64_t number = 0;
    bool good = true;
    for (int c; good && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'c')
            o->config = optarg;
        else if (c == 'n' && (good = parse_number(optarg, "--faults-n", 1, &number)))
            o->wishes.count = (int)number;
        else if (c == 'f')
            good = parse_kinds(optarg, &o->wishes.kinds);
        else if (c == 's' && (good = parse_number(optarg, "--seed", 0, &number))) {
            o->wishes.seed = (uint64_t)number;
            o->seeded = true;
        } else if (c == 'w')
            good = parse_workers(optarg, &o->wishes);
        else if (c == 't' && (good = parse_number(optarg, "--seconds", 1, &number)))
            o->seconds = (double)number;
        else if (c == 'h') {
            help();
            exit(0);
        }
        o->keep |= c == 'k';
        o->json |= c == 'j';
        o->verbose |= c == 'v';
        good = good && c != '?';
    }
    return good && (optind == argc || usage("'%s' is not an option", argv[optind]));
}

/* Leaves out kinds that are not possible here. */
static bool settle_options(options *o)
{
    enum { SLICES = 8 }; /* of the default configuration */
    plan_wishes *w = &o->wishes;
    unsigned need_disks = 0;
    if (!o->config && w->most > SLICES)
        return usage("--workers: at most %d without --config", SLICES);
    if (!o->seeded) {
        uint32_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return usage("no random numbers: give --seed");
        w->seed = random;
    }
    for (int k = 0; k < KINDS; k++)
        if (kind_needs_disks((kind)k))
            need_disks |= 1u << k & w->kinds;
    o->own_disks = need_disks && own_mounts();
    o->some_left_out = need_disks && !o->own_disks;
    if (o->some_left_out)
        w->kinds &= ~need_disks;
    return w->kinds != 0 || usage("these kinds of faults need root");
}

/* ---- the disturbed run ---- */

/* Injects all faults and returns how many. A fault during the recovery from the previous one is settled together with it. */
static int disturb(chaos *c, injected *list, double seconds)
{
    double end = rt_clock() + seconds;
    int done = 0, unsettled = 0;
    for (int i = 0; i < c->plan.count && rt_clock() < end && !chaos_over(c); i++) {
        const fault *f = &c->plan.faults[i];
        bool first = i == 0 && f->moment != AT_START;
        if (first && !await_metrics(&c->run.records, (size_t)f->gap, 120))
            chaos_fail(c, NULL, "no steps 120 s after the start");
        inject(c, f, i + 1, i > 0 ? &list[i - 1] : NULL, &list[i]);
        done++;
        unsettled++;
        const fault *next = i + 1 < c->plan.count ? f + 1 : NULL;
        if (next && (next->moment == AT_START || next->moment == AT_RECOVERY))
            continue;
        settle(c, &list[done - unsettled], unsettled, next ? next->gap : 5);
        for (; unsettled > 0; unsettled--)
            tell(c, &list[done - unsettled]);
    }
    return done;
}

/* Injects one more fault at the very end: a worker dies while the last checkpoint is being written. */
static void disturb_the_end(chaos *c, int64_t steps)
{
    checkpoint_watch w;
    victim v[VICTIMS_MAX];
    if (checkpoint_watch_begin(&w, c->run.run_dir) &&
        checkpoint_watch_await(&w, steps, false, 60)) {
        int count = subject_workers(&c->run, v, 0);
        if (count > 0)
            victim_signal(&v[c->plan.count % count], SIGKILL);
        victims_release(v, count);
    }
    checkpoint_watch_end(&w);
}

/* Waits for the end of a command; Ctrl-C ends it. */
static result await_result(subject *s, double seconds)
{
    for (double end = rt_clock() + seconds; subject_lives(s) && !enough && rt_clock() < end;)
        rt_clock_sleep(0.01);
    return subject_finish(s, 0.1);
}

static int64_t stopped_at(const chaos *c)
{
    json_t *stopped = last_event(&c->run.records, "stopped");
    return stopped ? event_int(stopped, "step", 0) : 0;
}

/* After all faults, stops the run, which reports how far it has come, and lets it end a few steps later. So its length fits the faults,
 * however fast the machine is. */
static void bring_to_an_end(chaos *c, outcome *o)
{
    kill(c->run.launcher.pid, SIGTERM);
    result r = await_result(&c->run, 120);
    if (r.exit_code != 128 + SIGTERM)
        chaos_fail(c, NULL, "exit code %d after the last SIGTERM: %s", r.exit_code, r.err);
    result_release(&r);
    records_read(&c->run.records);
    o->steps = stopped_at(c) + LAST_STEPS;
    subject_start(&c->run, c->plan.workers, o->steps);
    disturb_the_end(c, o->steps);
    r = await_result(&c->run, 180);
    o->exit_code = r.exit_code;
    if (r.exit_code != 0)
        fprintf(stderr, "chaos: %s", r.err);
    result_release(&r);
    o->outlived = all_ended(&c->run.scratch, 5) ? 0 : count_processes(&c->run.scratch, NULL);
    if (o->exit_code == 0)
        summary_text(c->run.run_dir, "weights_sha256", o->weights, sizeof o->weights);
}

/* ---- the undisturbed run ---- */

static void run_undisturbed(chaos *c, outcome *o)
{
    subject quiet = c->run; /* the same folder and configuration, another run directory */
    snprintf(quiet.run_dir, sizeof quiet.run_dir, "%s", in_scratch(&c->run.scratch, "undisturbed"));
    quiet.legs = 0;
    records_open(&o->reference, quiet.run_dir);
    subject_start(&quiet, c->plan.other_workers, o->steps);
    result r = await_result(&quiet, 300 + 0.5 * (double)o->steps);
    if (r.exit_code == 0)
        summary_text(quiet.run_dir, "weights_sha256", o->undisturbed, sizeof o->undisturbed);
    else
        chaos_fail(c, NULL, "the undisturbed run: exit code %d: %s", r.exit_code, r.err);
    result_release(&r);
}

/* ---- the report ---- */

static int64_t count_of(const chaos *c, const char *event)
{
    int64_t count = 0;
    size_t at = 0;
    for (; find_event(&c->run.records, at, event, &at); at++)
        count++;
    return count;
}

static void print_report(const chaos *c, const outcome *o)
{
    figures deaths, standstills;
    figures_make(&deaths, c->run.records.events, AFTER_A_DEATH);
    figures_make(&standstills, c->run.records.events, AFTER_A_STANDSTILL);
    figures_print(&deaths, "after a death", stdout);
    figures_print(&standstills, "after a standstill", stdout);
    printf("\n%d faults in %" PRId64 " steps: %" PRId64 " generations, %" PRId64 " losses, %" PRId64
           " further coordinators, %d starts of the command\n",
           o->count, o->steps, count_of(c, "generation"), count_of(c, "worker_lost"),
           count_of(c, "coordinator_restarted"), c->run.legs);
    printf("most steps lost in a recovery: %" PRId64 "; reports lost: %" PRId64 "\n",
           o->lost_steps_most, o->reports_lost);
    printf("weights_sha256            %s\n", o->weights);
    printf("  undisturbed, %lld workers %s\n", (long long)c->plan.other_workers, o->undisturbed);
    size_t failures = json_array_size(c->failures);
    printf("%s\n", failures ? "" : "all holds");
    for (size_t i = 0; i < failures; i++)
        printf("does not hold: %s\n", json_string_value(json_array_get(c->failures, i)));
}

static json_t *fault_json(const injected *x)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:b, s:o}", "kind", kind_name(x->fault->kind), "moment",
                     moment_name(x->moment), "step", (json_int_t)x->step, "generation",
                     (json_int_t)x->generation, "told", x->told && !x->cut_short,
                     "seconds_until_steps", x->outage >= 0 ? json_real(x->outage) : json_null());
}

static json_t *recoveries(const chaos *c, figures_of what)
{
    figures f;
    figures_make(&f, c->run.records.events, what);
    return figures_json(&f);
}

static void print_json(const chaos *c, const options *opt, const outcome *o)
{
    json_t *faults = json_array();
    for (int i = 0; i < o->count; i++)
        json_array_append_new(faults, fault_json(&o->faults[i]));
    json_t *j = json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:s, s:s, s:O, s:s}",
        "ok", json_array_size(c->failures) == 0, "seed", (json_int_t)opt->wishes.seed, "injected",
        (json_int_t)o->count, "steps", (json_int_t)o->steps, "generations",
        (json_int_t)count_of(c, "generation"), "losses", (json_int_t)count_of(c, "worker_lost"),
        "coordinators", (json_int_t)count_of(c, "coordinator_restarted"), "starts",
        (json_int_t)c->run.legs, "faults", faults, "after_a_death", recoveries(c, AFTER_A_DEATH),
        "after_a_standstill", recoveries(c, AFTER_A_STANDSTILL), "lost_steps_most",
        (json_int_t)o->lost_steps_most, "reports_lost", (json_int_t)o->reports_lost,
        "weights_sha256", o->weights, "undisturbed_sha256", o->undisturbed, "failures", c->failures,
        "directory", c->run.scratch.path);
    char *text = rt_json_text(j);
    if (text)
        puts(text);
    rt_mem_free(text);
    json_decref(j);
}

/* ---- the whole ---- */

static chaos all;

static const options *in_use; /* NULL: not yet, or no longer */

static void print_how_to_repeat(void)
{
    fprintf(stderr, "chaos: the run is in %s/run\n", all.run.scratch.path);
    fprintf(stderr, "chaos: again: %s --seed %" PRIu64 "\n", in_use->command, in_use->wishes.seed);
}

/* Kills all our processes if a helper exits in the middle. */
static void leave_nothing(void)
{
    if (!in_use)
        return;
    subject_close(&all.run, true);
    print_how_to_repeat();
}

/* Disturbs the run, lets it end, and judges it. */
static void put_through(chaos *c, outcome *o, injected *list, double seconds)
{
    subject_start(&c->run, c->plan.workers, 0);
    o->faults = list;
    o->count = disturb(c, list, seconds);
    if (enough)
        return;
    if (chaos_over(c)) {
        chaos_fail(c, NULL, "given up after %d faults: the run had to be resumed %d times",
                   o->count, c->begun_again);
        return;
    }
    bring_to_an_end(c, o);
    run_undisturbed(c, o);
    if (!enough)
        judge(c, o);
}

static int chaos_run(const options *opt)
{
    chaos *c = &all;
    outcome o = {0};
    *c = (chaos){.least = opt->wishes.least,
                 .most = opt->wishes.most,
                 .failures = json_array(),
                 .quiet = opt->json};
    plan_make(&c->plan, &opt->wishes);
    injected *list = rt_calloc((size_t)c->plan.count, sizeof *list);
    subject_wishes wishes = {opt->config, opt->own_disks, opt->verbose};
    in_use = opt;
    if (!list || !subject_open(&c->run, &wishes))
        return 2;
    if (!c->quiet)
        printf("chaos: seed %" PRIu64 ", %d faults, %" PRId64 " to %" PRId64 " workers%s\n",
               opt->wishes.seed, c->plan.count, c->least, c->most,
               opt->some_left_out ? "; what needs root is left out" : "");
    put_through(c, &o, list, opt->seconds);
    bool failed = json_array_size(c->failures) > 0 && !enough;
    if (opt->json)
        print_json(c, opt, &o);
    else if (!enough)
        print_report(c, &o);
    subject_close(&c->run, failed || opt->keep);
    if (failed || opt->keep)
        print_how_to_repeat();
    in_use = NULL;
    if (o.reference.events)
        records_close(&o.reference);
    plan_release(&c->plan);
    json_decref(c->failures);
    rt_mem_free(list);
    return enough ? 130 : failed;
}

int main(int argc, char **argv)
{
    options o;
    if (!parse(argc, argv, &o) || !settle_options(&o))
        return 2;
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    atexit(leave_nothing);
    return chaos_run(&o);
}
