/* A worker without an engine. It speaks the whole protocol of messages.def, so that tests reach every path of launcher and
 * coordinator in milliseconds. Its "weights" are the number of steps made. Ranks stay in step through a file that all of
 * them map.
 *
 * FAKE_ACTION="ACTION RANK STEP GENERATION" makes one rank misbehave after that step:
 *     kill  dies of SIGKILL                 exit   exits with code 3
 *     io    FAULT of the machine            user   FAULT of the input
 *     piece reports PIECE_FAILED for its next piece, once
 *     hello (not after a step) claims another instruction set than the other ranks
 * FAKE_STEP_SECONDS: how long a step takes (0.002). */
#include "../checkpoint_files.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/config/best.h"
#include "common/config/config.h"
#include "common/control/wire.h"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { RANKS_MAX = 16, PIECES_MAX = 64, PARAMETERS = 10 };

/* A piece that was reported and has not been answered yet. */
typedef struct piece {
    int64_t step, bytes; /* step 0: none */
    char file[40], sum[17];
} piece;

typedef struct shared {
    _Atomic int64_t done[RANKS_MAX]; /* steps finished */
    _Atomic int64_t last_step;       /* rank 0's decision to stop; 0: none */
} shared;

typedef struct worker {
    rt_wire *wire;
    rt_config cfg;
    const char *dir;
    int64_t rank, world, generation, step;
    rt_msg_plan plan;
    rt_frame plan_frame; /* owns the plan */
    shared *all;
    char action[16];
    int64_t action_rank, action_step, action_generation;
    double step_seconds, next_progress;
    piece pieces[PIECES_MAX];
    bool finished, leave;
} worker;

static void die(void)
{
    fprintf(stderr, "fake worker: %s\n", rt_error());
    exit(4);
}

static void must(rt_status status)
{
    if (status != RT_OK)
        die();
}

static const char *variable(const char *name, const char *standard)
{
    const char *value = getenv(name);
    if (!value && !standard) {
        fprintf(stderr, "fake worker: %s is not set\n", name);
        exit(4);
    }
    return value ? value : standard;
}

static bool acts(const worker *w, const char *action)
{
    return strcmp(w->action, action) == 0 && w->rank == w->action_rank &&
           w->generation == w->action_generation &&
           (w->step == w->action_step || strcmp(action, "hello") == 0);
}

/* ---- messages ---- */

static void say(worker *w, rt_msg_type type, const void *body)
{
    must(rt_wire_send(w->wire, NULL, type, body));
}

static void say_progress(worker *w)
{
    if (!w->plan.world || rt_clock() < w->next_progress)
        return;
    w->next_progress = rt_clock() + 0.5;
    say(w, RT_MSG_PROGRESS,
        &(rt_msg_progress){.step = w->step,
                           .what = "step",
                           .peer = -1,
                           .snapshot_step = -1,
                           .rss_bytes = 1 << 20});
}

static void piece_answered(worker *w, int64_t step)
{
    for (int i = 0; i < PIECES_MAX; i++)
        if (w->pieces[i].step == step)
            w->pieces[i].step = 0;
}

/* Handles messages of the coordinator. Waits at most `seconds` for the first one. */
static void listen(worker *w, double seconds)
{
    rt_frame f;
    say_progress(w);
    while (rt_wire_receive(w->wire, seconds, &f) == RT_OK) {
        seconds = 0;
        if (f.type == RT_MSG_PLAN && !w->plan.world) {
            w->plan_frame = f;
            w->plan = f.body.plan;
            continue;
        }
        if (f.type == RT_MSG_STOP && f.body.stop.after_step < 0)
            w->leave = true;
        else if (f.type == RT_MSG_STOP && w->rank == 0) /* a step that no rank has begun */
            w->all->last_step = w->step + 1;
        else if (f.type == RT_MSG_COMMITTED || f.type == RT_MSG_ABORTED)
            piece_answered(w, f.body.committed.step); /* the first field of both */
        else if (f.type == RT_MSG_REFUSED)
            exit(5);
        rt_frame_release(&f);
    }
    rt_error_clear();
}

static const char layout[] = "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10]}]";

static void layout_hash(char hex[17])
{
    snprintf(hex, 17, "%016" PRIx64, rt_hash64(layout, strlen(layout)));
}

static void hello(worker *w)
{
    char hash[65];
    must(rt_config_hash(&w->cfg, hash));
    char host[256] = "", device[] = "cpu", isa[] = "avx2", other[] = "avx512", blas[] = "none",
         hash_of_layout[17];
    layout_hash(hash_of_layout);
    gethostname(host, sizeof host - 1);
    say(w, RT_MSG_HELLO,
        &(rt_msg_hello){.host = host,
                        .pid = getpid(),
                        .rank = w->rank,
                        .world = w->world,
                        .device = device,
                        .isa = acts(w, "hello") ? other : isa,
                        .blas = blas,
                        .threads = 1,
                        .config_hash = hash,
                        .layout_hash = hash_of_layout,
                        .parameters = PARAMETERS,
                        .elements = PARAMETERS,
                        .samples = 6400,
                        .task = "classification",
                        .step = w->step,
                        .plan_hash = w->plan.plan_hash,
                        .local_rank = w->rank});
}

static void say_layout(worker *w)
{
    if (w->rank == 0)
        say(w, RT_MSG_LAYOUT, &(rt_msg_layout){.json = (char *)layout});
}

static void say_piece(worker *w, const piece *p)
{
    say(w, RT_MSG_PIECE_DONE,
        &(rt_msg_piece_done){
            .step = p->step, .file = p->file, .bytes = p->bytes, .checksum = p->sum});
}

static void say_finished(worker *w)
{
    char sha[65], text[32];
    rt_sha256 h;
    snprintf(text, sizeof text, "%" PRId64, w->step);
    must(rt_sha256_init(&h));
    rt_sha256_update(&h, text, strlen(text));
    rt_sha256_hex(&h, sha);
    say(w, RT_MSG_FINISHED,
        &(rt_msg_finished){
            .step = w->step, .weights_sha256 = sha, .rss_bytes = 2 << 20, .snapshot_step = -1});
}

/* Sends again what a restarted coordinator must know. */
static void say_again(void *ctx)
{
    worker *w = ctx;
    hello(w);
    if (w->plan.world)
        say_layout(w);
    for (int i = 0; i < PIECES_MAX; i++)
        if (w->pieces[i].step > 0)
            say_piece(w, &w->pieces[i]);
    if (w->finished)
        say_finished(w);
}

static void fault(worker *w, rt_status code, const char *message)
{
    say(w, RT_MSG_FAULT,
        &(rt_msg_fault){.code = code, .message = (char *)message, .step = w->step, .slice = -1});
    while (!w->leave)
        listen(w, 0.05);
}

/* ---- work ---- */

static void keep_in_step(worker *w)
{
    w->all->done[w->rank] = w->step;
    for (int64_t r = 0; r < w->world; r++)
        while (w->all->done[r] < w->step && !w->leave)
            listen(w, 0.001);
}

/* Makes this rank's elements of each state of AdamW. Their values are not weights. */
static rt_bytes make_piece(const worker *w)
{
    static const char *const kinds[] = {"param", "exp_avg", "exp_avg_sq"};
    int64_t begin = PARAMETERS * w->rank / w->world, end = PARAMETERS * (w->rank + 1) / w->world;
    int64_t at = 0;
    rt_text header = {0};
    rt_text_add(&header, "{");
    for (int i = 0; i < 3 && begin < end; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/w@%" PRId64, kinds[i], begin);
        add_entry(&header, name, end - begin, &at);
    }
    rt_text_add(&header, "}");
    return safetensors_of(rt_text_take(&header), at, (int)(w->step % 64));
}

static void save_piece(worker *w)
{
    char dir[600], path[700];
    piece *p = w->pieces;
    static bool failed;
    if (strcmp(w->action, "piece") == 0 && w->rank == w->action_rank && w->step >= w->action_step &&
        !failed) {
        failed = true;
        char reason[] = "piece-00000.safetensors: no space left on device";
        say(w, RT_MSG_PIECE_FAILED,
            &(rt_msg_piece_failed){.step = w->step, .code = RT_E_NOSPACE, .reason = reason});
        return;
    }
    snprintf(dir, sizeof dir, "%s/checkpoints/.step-%08" PRId64 ".g%" PRId64 ".tmp", w->dir,
             w->step, w->generation);
    while (p->step > 0)
        p++;
    p->step = w->step;
    snprintf(p->file, sizeof p->file, "piece-%05" PRId64 ".safetensors", w->rank);
    snprintf(path, sizeof path, "%s/%s", dir, p->file);
    rt_bytes b = make_piece(w);
    must(rt_dir_make(dir, 0755));
    must(rt_file_replace(path, b.data, b.len));
    p->bytes = (int64_t)b.len;
    snprintf(p->sum, sizeof p->sum, "%016" PRIx64, rt_hash64(b.data, b.len));
    rt_bytes_release(&b);
    say_piece(w, p);
}

static void report(worker *w, double began)
{
    double seconds = rt_clock() - began;
    say(w, RT_MSG_REPORT,
        &(rt_msg_report){.step = w->step,
                         .loss = 1.0 / (double)w->step,
                         .lr = 0.001,
                         .grad_norm = 1,
                         .samples_per_second =
                             (double)(64 * (w->step - w->plan.start_step)) / seconds,
                         .seconds = seconds,
                         .rss_bytes = 1 << 20});
}

static void evaluate(worker *w)
{
    rt_evaluated e = {.step = w->step, .count = 100, .seconds = 0.001};
    rt_metrics_add(&e.metrics, "loss", 0.25);
    rt_metrics_add(&e.metrics, "accuracy", 0.93);
    char *text = rt_evaluated_text(&e, w->generation);
    say(w, RT_MSG_EVALUATED, &(rt_msg_evaluated){.step = w->step, .evaluation = text});
    rt_mem_free(text);
}

static void misbehave(worker *w)
{
    if (acts(w, "kill"))
        raise(SIGKILL);
    if (acts(w, "exit"))
        exit(3);
    if (acts(w, "io"))
        fault(w, RT_E_IO, "the disk is on fire");
    if (acts(w, "user"))
        fault(w, RT_E_CORRUPT, "labels: 11 is out of range: expected 0 to 9");
}

static bool due(int64_t every, bool final, const worker *w, bool last)
{
    return (every > 0 && w->step % every == 0) || (last && final);
}

/* Makes all steps. Returns after the last one. */
static void train(worker *w)
{
    double began = rt_clock();
    const rt_msg_plan *p = &w->plan;
    bool last = w->step == p->end_step;
    while (!last && !w->leave) {
        rt_clock_sleep(w->step_seconds);
        w->step++;
        misbehave(w);
        keep_in_step(w);
        listen(w, 0);
        if (w->leave)
            return;
        bool stopped = w->all->last_step > 0 && w->step >= w->all->last_step;
        last = w->step == p->end_step || stopped;
        if (w->rank == 0 &&
            (w->step % p->report_every == 0 || w->step == p->start_step + 1 || last))
            report(w, began);
        if (due(p->checkpoint_every, p->checkpoint_final || stopped, w, last))
            save_piece(w);
        if (w->rank == 0 && due(p->evaluate_every, p->evaluate_final && !stopped, w, last))
            evaluate(w);
    }
}

static void finish(worker *w)
{
    w->finished = true;
    say_finished(w);
    while (!w->leave)
        listen(w, 0.05);
}

static void map_shared(worker *w)
{
    char path[600];
    snprintf(path, sizeof path, "%s/logs/fake.g%" PRId64, w->dir, w->generation);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *w->all) != 0)
        exit(4);
    w->all = mmap(NULL, sizeof *w->all, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (w->all == MAP_FAILED)
        exit(4);
}

static void join(worker *w)
{
    rt_wire_keys keys;
    char name[32], path[600];
    w->dir = variable("RINGTORCH_RUN_DIR", NULL);
    w->rank = atoll(variable("OMPI_COMM_WORLD_RANK", NULL));
    w->world = atoll(variable("OMPI_COMM_WORLD_SIZE", NULL));
    w->generation = atoll(variable("RINGTORCH_GENERATION", NULL));
    w->step_seconds = atof(variable("FAKE_STEP_SECONDS", "0.002"));
    if (sscanf(variable("FAKE_ACTION", ""), "%15s %" SCNd64 " %" SCNd64 " %" SCNd64, w->action,
               &w->action_rank, &w->action_step, &w->action_generation) != 4)
        w->action[0] = '\0';
    snprintf(name, sizeof name, "worker %" PRId64, w->rank);
    snprintf(path, sizeof path, "%s/config.yaml", w->dir);
    must(rt_config_load_run(path, &w->cfg));
    must(rt_wire_keys_from_env(&keys));
    must(rt_wire_connect(&(rt_wire_options){.endpoint = variable("RINGTORCH_ENDPOINT", NULL),
                                            .keys = &keys,
                                            .run = variable("RINGTORCH_RUN", NULL),
                                            .name = name,
                                            .generation = w->generation},
                         &w->wire));
    rt_wire_on_reset(w->wire, say_again, w);
    map_shared(w);
}

int main(void)
{
    worker w = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* like the real one, since mpirun may be killed */
    join(&w);
    hello(&w);
    while (!w.plan.world && !w.leave)
        listen(&w, 0.1);
    w.step = w.plan.start_step;
    say_layout(&w);
    train(&w);
    if (!w.leave && w.plan.start_step == w.plan.end_step && w.rank == 0 && w.plan.evaluate_final)
        evaluate(&w);
    if (!w.leave)
        finish(&w);
    rt_wire_close(w.wire, 1);
    rt_frame_release(&w.plan_frame);
    rt_config_release(&w.cfg);
    return 0;
}
