/* A whole generation: ranks as threads, each with its link, against a coordinator played by the test. Checks which
 * messages are sent, when and by which rank. */
#include "committed.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/state/snapshot_list.h"
#include "fixture.h"
#include "poison.h"
#include <inttypes.h>
#include <math.h>
#include <ringtorch/train.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GENERATION = 2, NOTES_MAX = 4096, ENTRIES_MAX = 80 };
static const double PATIENCE = 60;

static fixture f;

/* One received message, in order of arrival. */
typedef struct note {
    rt_msg_type type;
    int rank;
    int64_t step;
    char text[128]; /* weights_sha256, a file, a message */
    double value;   /* a loss, a code */
} note;

typedef struct play {
    /* script */
    int world;
    int64_t start_step, end_step;
    const char *checkpoint; /* to start from, or NULL */
    int64_t stop_at_report; /* order the end when this report comes; -1 for never */
    /* order a checkpoint when this report comes, and then the end; 0 for never */
    int64_t save_at_report;
    int no_checkpoint;      /* 1: with the order to end */
    const char *const *set; /* further keys of the configuration, up to NULL; may be NULL */
    int64_t generation;     /* 0: GENERATION, and what earlier plays left is removed */
    int64_t evaluate_every; /* 0: 4 */
    int64_t evaluated_step,
        best_step; /* see PLAN; of a best step the loss is 0: nothing beats it */
    void (*spoil_plan)(rt_msg_plan *plan, plan_room *room); /* NULL to leave the plan valid */
    bool from_snapshot; /* start from the snapshots that are offered */
    /* the stage */
    rt_wire_keys keys;
    rt_wire *wire;
    char endpoint[128], peers[FIXTURE_RANKS_MAX][64];
    /* what came */
    note notes[NOTES_MAX];
    int64_t saved, elements;
    char layout[1024];
    committed_piece pieces[FIXTURE_RANKS_MAX]; /* of step 3 */
    int count, greeted, finished;
    atomic_int refused; /* ranks that a spoiled plan stopped */
    char refusal[FIXTURE_RANKS_MAX][256];
    rt_msg_offer offers[ENTRIES_MAX];
    rt_msg_trace traces[ENTRIES_MAX];
    int64_t offer_count, trace_count;
} play;

/* ---- the ranks ---- */

static void session_body(fixture_rank *r)
{
    play *p = r->ctx;
    char name[32];
    rt__link *link;
    snprintf(name, sizeof name, "worker %d", r->rank);
    rt__link_args args = {p->endpoint,   &p->keys,     "r1",      name,
                          p->generation, &r->progress, &r->orders};
    if (rank_failed(r, rt__link_start(&args, &link)))
        return;
    rt__session s = {.config = r->config,
                     .run = r->run,
                     .comm = r->comm,
                     .rank = r->rank,
                     .world = r->world,
                     .local_rank = r->rank,
                     .local_world = r->world,
                     .run_id = "r1",
                     .generation = p->generation,
                     .dir = f.dir,
                     .link = link,
                     .progress = &r->progress,
                     .orders = &r->orders};
    const rt_status status = rt__session_run(&s);
    if (p->spoil_plan && status == RT_E_PROTOCOL) {
        snprintf(p->refusal[r->rank], sizeof p->refusal[r->rank], "%s", rt_error());
        atomic_fetch_add(&p->refused, 1);
    } else {
        rank_failed(r, status);
    }
    rt__link_end(link, 2);
}

/* ---- the coordinator ---- */

/* Takes the offers of a step in order until all elements are covered; the ranks are named as holders in turn. */
static int64_t pieces_of(const play *p, rt_msg_piece pieces[ENTRIES_MAX])
{
    int64_t at = 0, n = 0;
    for (int64_t i = 0; i < p->offer_count; i++) {
        const rt_msg_offer *x = &p->offers[i];
        if (x->step != p->start_step || x->begin != at || n == ENTRIES_MAX)
            continue;
        pieces[n] = (rt_msg_piece){.begin = at,
                                   .end = x->end,
                                   .generation = x->generation,
                                   .rank = x->rank,
                                   .holder = n % p->world};
        n++;
        at = x->end;
        i = -1; /* the next one may be anywhere */
    }
    return n;
}

static void send_plan(play *p)
{
    rt_msg_piece pieces[ENTRIES_MAX];
    plan_room room;
    char best[64];
    snprintf(best, sizeof best, "{\"step\":%" PRId64 "%s}", p->best_step,
             p->best_step ? ",\"loss\":0.0" : "");
    rt_msg_plan plan = {.start_step = p->start_step,
                        .end_step = p->end_step,
                        .source = p->from_snapshot ? RT_SOURCE_SNAPSHOT
                                  : p->checkpoint  ? RT_SOURCE_CHECKPOINT
                                                   : RT_SOURCE_FRESH,
                        .checkpoint = p->checkpoint,
                        .pieces = pieces,
                        .pieces_count = p->from_snapshot ? pieces_of(p, pieces) : 0,
                        .one_host = p->generation % 2,
                        .report_every = 2,
                        .checkpoint_every = p->save_at_report ? 0 : 3,
                        .checkpoint_final = 1,
                        .evaluate_every = p->evaluate_every ? p->evaluate_every : 4,
                        .evaluated_step = p->evaluated_step,
                        .best = best,
                        .evaluate_final = 1};
    plan_deal(&plan, &room, p->world, 4, p->elements + RT_BLOCK_SCALARS);
    if (p->spoil_plan)
        p->spoil_plan(&plan, &room);
    for (int r = 0; r < p->world; r++)
        rt_wire_send(p->wire, p->peers[r], RT_MSG_PLAN, &plan);
}

static void send_stop(play *p, int64_t after_step)
{
    rt_msg_stop m = {.after_step = after_step, .checkpoint = !p->no_checkpoint, .reason = "test"};
    for (int r = 0; r < (after_step < 0 ? p->world : 1); r++)
        rt_wire_send(p->wire, p->peers[r], RT_MSG_STOP, &m);
}

static double samples_of(const char *evaluation)
{
    rt_evaluated e;
    int64_t generation;
    must(rt_evaluated_parse(evaluation, &generation, &e));
    return (double)e.count;
}

static note note_of(const rt_frame *frame)
{
    note n = {.type = frame->type, .rank = -1};
    const rt_msg_body *b = &frame->body;
    const char *text = "";
    sscanf(frame->sender, "worker %d", &n.rank);
    switch (frame->type) {
    case RT_MSG_HELLO:
        text = b->hello.snapshot_trouble;
        break;
    case RT_MSG_SNAPSHOT_TROUBLE:
        text = b->snapshot_trouble.reason;
        break;
    case RT_MSG_REPORT:
        n.step = b->report.step;
        n.value = b->report.loss;
        break;
    case RT_MSG_EVALUATED:
        n.step = b->evaluated.step;
        n.value = samples_of(b->evaluated.evaluation);
        break;
    case RT_MSG_PIECE_DONE:
        n.step = b->piece_done.step;
        text = b->piece_done.file;
        break;
    case RT_MSG_PIECE_FAILED:
        n.step = b->piece_failed.step;
        n.value = (double)b->piece_failed.code;
        text = b->piece_failed.reason;
        break;
    case RT_MSG_CHECKSUM:
        n.step = b->checksum.step;
        snprintf(n.text, sizeof n.text, "%lld", (long long)b->checksum.sum);
        return n;
    case RT_MSG_SKIPPED:
        n.step = b->skipped.step;
        n.value = b->skipped.loss;
        break;
    case RT_MSG_FINISHED:
        n.step = b->finished.step;
        text = b->finished.weights_sha256;
        break;
    default:
        break;
    }
    snprintf(n.text, sizeof n.text, "%s", text);
    return n;
}

static void note_piece(committed_piece *to, const rt_msg_piece_done *m)
{
    snprintf(to->file, sizeof to->file, "%s", m->file);
    to->bytes = m->bytes;
    snprintf(to->checksum, sizeof to->checksum, "%s", m->checksum);
}

static void take_offers(play *p, const rt_msg_hello *m)
{
    for (int64_t i = 0; i < m->offers_count && p->offer_count < ENTRIES_MAX; i++)
        p->offers[p->offer_count++] = m->offers[i];
    for (int64_t i = 0; i < m->traces_count && p->trace_count < ENTRIES_MAX; i++)
        p->traces[p->trace_count++] = m->traces[i];
}

static void take(play *p, const rt_frame *frame)
{
    note n = note_of(frame);
    if (frame->type == RT_MSG_PROGRESS || p->count == NOTES_MAX)
        return;
    p->notes[p->count++] = n;
    if (frame->type == RT_MSG_LAYOUT)
        snprintf(p->layout, sizeof p->layout, "%s", frame->body.layout.json);
    if (frame->type == RT_MSG_PIECE_DONE && n.step == 3)
        note_piece(&p->pieces[n.rank], &frame->body.piece_done);
    if (frame->type == RT_MSG_HELLO) {
        memcpy(p->peers[frame->body.hello.rank], frame->peer, sizeof p->peers[0]);
        p->elements = frame->body.hello.elements;
        take_offers(p, &frame->body.hello);
        if (++p->greeted == p->world)
            send_plan(p);
    }
    if (frame->type == RT_MSG_REPORT && n.step == p->stop_at_report)
        send_stop(p, 0);
    if (frame->type == RT_MSG_PIECE_DONE && p->save_at_report && n.step > p->saved)
        p->saved = n.step;
    if (frame->type == RT_MSG_REPORT && p->saved && n.step > p->saved)
        send_stop(p, 0);
    if (frame->type == RT_MSG_REPORT && n.step == p->save_at_report) {
        rt_msg_checkpoint m = {.after_step = n.step + 4};
        rt_wire_send(p->wire, p->peers[0], RT_MSG_CHECKPOINT, &m);
    }
    if (frame->type == RT_MSG_FINISHED && ++p->finished == p->world)
        send_stop(p, -1);
}

/* Receives until all ranks have finished; by then they have been ordered to leave. */
static void *coordinate(void *arg)
{
    play *p = arg;
    rt_frame frame;
    for (double end = rt_clock() + PATIENCE;
         p->finished + p->refused < p->world && rt_clock() < end;) {
        if (rt_wire_receive(p->wire, 0.1, &frame) == RT_OK) {
            take(p, &frame);
            rt_frame_release(&frame);
        }
        rt_error_clear();
    }
    return NULL;
}

static void perform(play *p)
{
    pthread_t thread;
    const char *sets[16] = {"run.steps=100000"};
    for (int i = 0; p->set && p->set[i]; i++)
        sets[i + 1] = p->set[i];
    rt_config cfg = fixture_config_all(&f, sets);
    if (p->generation == 0) {
        p->generation = GENERATION;
        must(rt_snapshot_forget(f.dir, "r1", f.dir, INT64_MAX));
    }
    must(rt_wire_keys_make(&p->keys));
    rt_wire_options o = {"tcp://127.0.0.1:*", &p->keys, "r1", "coordinator", p->generation};
    must(rt_wire_listen(&o, &p->wire));
    snprintf(p->endpoint, sizeof p->endpoint, "%s", rt_wire_endpoint(p->wire));
    assert_int_equal(pthread_create(&thread, NULL, coordinate, p), 0);
    fixture_ranks(&cfg, p->world, session_body, p);
    pthread_join(thread, NULL);
    rt_wire_close(p->wire, 1);
    rt_config_release(&cfg);
    assert_int_equal(p->finished + p->refused, p->world);
}

/* ---- what is expected ---- */

/* Returns the steps of a rank's messages of one type as "1 2 4". */
static const char *steps_of(const play *p, rt_msg_type type, int rank)
{
    static char text[128];
    int used = 0;
    text[0] = '\0';
    for (int i = 0; i < p->count && used < 100; i++)
        if (p->notes[i].type == type && p->notes[i].rank == rank)
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", used ? " " : "",
                             (long long)p->notes[i].step);
    return text;
}

static const note *last_of(const play *p, rt_msg_type type, int rank)
{
    for (int i = p->count - 1; i >= 0; i--)
        if (p->notes[i].type == type && p->notes[i].rank == rank)
            return &p->notes[i];
    fail_msg("rank %d sent no %s", rank, rt_msg_name(type));
    return NULL;
}

static const note *first_of(const play *p, rt_msg_type type, int rank)
{
    for (int i = 0; i < p->count; i++)
        if (p->notes[i].type == type && p->notes[i].rank == rank)
            return &p->notes[i];
    fail_msg("rank %d sent no %s", rank, rt_msg_name(type));
    return NULL;
}

/* Returns the message's index among all messages. */
static int place_of(const play *p, rt_msg_type type, int rank, int64_t step)
{
    for (int i = 0; i < p->count; i++)
        if (p->notes[i].type == type && p->notes[i].rank == rank && p->notes[i].step == step)
            return i;
    fail_msg("rank %d sent no %s of step %lld", rank, rt_msg_name(type), (long long)step);
    return -1;
}

static void every_message_is_sent_once_and_by_the_right_rank(void **state)
{
    (void)state;
    char sha[65] = "";
    for (int world = 1; world <= 3; world++) {
        play p = {.world = world, .end_step = 7, .stop_at_report = -1};
        perform(&p);
        first_of(&p, RT_MSG_LAYOUT, 0);
        assert_string_equal(steps_of(&p, RT_MSG_REPORT, 0), "1 2 4 6 7");
        assert_string_equal(steps_of(&p, RT_MSG_EVALUATED, 0), "4 7");
        assert_true(first_of(&p, RT_MSG_EVALUATED, 0)->value == FIXTURE_TEST);
        /* the checkpoint must not wait for the evaluation */
        assert_true(place_of(&p, RT_MSG_CHECKSUM, 0, 7) < place_of(&p, RT_MSG_EVALUATED, 0, 7));
        for (int r = 0; r < world; r++) {
            char file[32];
            snprintf(file, sizeof file, "piece-%05d.safetensors", r);
            assert_string_equal(steps_of(&p, RT_MSG_PIECE_DONE, r), "3 6 7");
            assert_string_equal(first_of(&p, RT_MSG_PIECE_DONE, r)->text, file);
            assert_string_equal(steps_of(&p, RT_MSG_FINISHED, r), "7");
            assert_int_equal(strlen(first_of(&p, RT_MSG_FINISHED, r)->text), r == 0 ? 64 : 0);
        }
        for (int r = 1; r < world; r++) {
            assert_string_equal(steps_of(&p, RT_MSG_REPORT, r), "");
            assert_string_equal(steps_of(&p, RT_MSG_EVALUATED, r), "");
        }
        if (world > 1)
            assert_string_equal(first_of(&p, RT_MSG_FINISHED, 0)->text, sha);
        memcpy(sha, first_of(&p, RT_MSG_FINISHED, 0)->text, sizeof sha);
    }
}

/* Gives ranks other blocks than those that their snapshots were started for. */
static void swap_owners(rt_msg_plan *plan, plan_room *room)
{
    (void)plan;
    const rt_msg_blocks first = room->owned[0];
    room->owned[0] = room->owned[1];
    room->owned[1] = first;
}

static void add_an_axis(rt_msg_plan *plan, plan_room *room)
{
    room->axes[1] = "tensor";
    room->axis_sizes[1] = 2;
    plan->axes_count = plan->axis_sizes_count = 2;
}

static void plans_that_do_not_fit_are_refused_by_every_rank(void **state)
{
    static const struct {
        void (*spoil)(rt_msg_plan *plan, plan_room *room);
        const char *says;
    } rows[] = {
        {swap_owners, "its snapshots hold"},
        {add_an_axis, "plan: axis tensor has size 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        play p = {.world = 2, .end_step = 7, .stop_at_report = -1, .spoil_plan = rows[i].spoil};
        perform(&p);
        assert_int_equal(p.refused, p.world);
        for (int r = 0; r < p.world; r++)
            if (!strstr(p.refusal[r], rows[i].says))
                fail_msg("rank %d: \"%s\", expected \"%s\"", r, p.refusal[r], rows[i].says);
    }
}

static const char *in_checkpoints(char path[160], const char *rest)
{
    snprintf(path, 160, "%s/checkpoints%s", f.dir, rest);
    return path;
}

/* When the order arrives, ranks are at some later step; wherever they stop, they stop together and save. */
static void an_order_to_stop_ends_all_ranks_at_one_step_with_a_checkpoint(void **state)
{
    (void)state;
    play p = {.world = 3, .end_step = 100000, .stop_at_report = 2};
    perform(&p);
    int64_t last = first_of(&p, RT_MSG_FINISHED, 0)->step;
    assert_true(last >= 3 && last < 100000);
    for (int r = 0; r < p.world; r++) {
        assert_int_equal(last_of(&p, RT_MSG_PIECE_DONE, r)->step, last);
        assert_int_equal(last_of(&p, RT_MSG_CHECKSUM, r)->step, last);
        assert_int_equal(first_of(&p, RT_MSG_FINISHED, r)->step, last);
    }
    assert_int_equal(last_of(&p, RT_MSG_REPORT, 0)->step, last); /* due or not */
}

/* No checkpoint is written unless one is due anyway. */
static void an_order_to_stop_without_a_checkpoint_leaves_it_to_the_snapshot(void **state)
{
    (void)state;
    play p = {.world = 3, .end_step = 100000, .stop_at_report = 2, .no_checkpoint = 1};
    perform(&p);
    int64_t last = first_of(&p, RT_MSG_FINISHED, 0)->step;
    for (int r = 0; r < p.world; r++)
        assert_int_equal(last_of(&p, RT_MSG_PIECE_DONE, r)->step, last / 3 * 3);

    static const char *const none[] = {"snapshot.every=0", NULL};
    play q = {.world = 3, .end_step = 100000, .stop_at_report = 2, .no_checkpoint = 1, .set = none};
    perform(&q);
    last = first_of(&q, RT_MSG_FINISHED, 0)->step;
    for (int r = 0; r < q.world; r++)
        assert_int_equal(last_of(&q, RT_MSG_PIECE_DONE, r)->step, last);
}

/* The order arrives some steps earlier; all ranks carry it out after the same step, once, and send the checksum of the
 * saved state. */
static void an_order_to_checkpoint_is_carried_out_by_all_and_training_goes_on(void **state)
{
    (void)state;
    static const char *const no_hashes[] = {"run.hash_every=0", NULL};
    for (int world = 1; world <= 3; world += 2) {
        play p = {.world = world,
                  .end_step = 100000,
                  .stop_at_report = -1,
                  .save_at_report = 10,
                  .no_checkpoint = 1,
                  .set = no_hashes};
        perform(&p);
        char at[32];
        const note *saved = first_of(&p, RT_MSG_PIECE_DONE, 0);
        assert_true(saved->step >= 14);
        snprintf(at, sizeof at, "%lld", (long long)saved->step);
        for (int r = 0; r < world; r++) {
            assert_string_equal(steps_of(&p, RT_MSG_PIECE_DONE, r), at);
            assert_string_equal(steps_of(&p, RT_MSG_CHECKSUM, r), at);
            assert_true(first_of(&p, RT_MSG_FINISHED, r)->step > saved->step);
            assert_string_equal(first_of(&p, RT_MSG_CHECKSUM, r)->text,
                                first_of(&p, RT_MSG_CHECKSUM, 0)->text);
        }
    }
}

/* Checksums are sent every run.hash_every steps and where a checkpoint was made, also for the last step. */
static void checksums_of_the_parameters_are_sent_before_the_end(void **state)
{
    (void)state;
    static const char *const often[] = {"run.hash_every=5", NULL};
    char of_seven[128] = "";
    for (int world = 1; world <= 3; world++) {
        play p = {.world = world, .end_step = 7, .stop_at_report = -1, .set = often};
        perform(&p);
        for (int r = 0; r < world; r++) {
            const note *last = last_of(&p, RT_MSG_CHECKSUM, r);
            assert_string_equal(steps_of(&p, RT_MSG_CHECKSUM, r), "3 5 6 7");
            assert_true(last < first_of(&p, RT_MSG_FINISHED, r)); /* in order of arrival */
            if (*of_seven)
                assert_string_equal(last->text, of_seven); /* for any number of ranks */
            snprintf(of_seven, sizeof of_seven, "%s", last->text);
        }
    }
}

/* A checkpoint saved by two ranks is restored by three: each sends the same checksum as when it was saved. */
static void checksums_of_restored_states_are_sent(void **state)
{
    (void)state;
    char tmp[160], final[160], told[128];
    play p = {.world = 2, .end_step = 7, .stop_at_report = -1};
    must(rt_remove_tree(in_checkpoints(tmp, "")));
    perform(&p);
    in_checkpoints(tmp, "/.step-00000003.g2.tmp");
    in_checkpoints(final, "/step-00000003");
    commit_checkpoint(&f, tmp, final, &(committed){3, 4, 1, p.layout, p.pieces, p.world});
    assert_string_equal(steps_of(&p, RT_MSG_CHECKSUM, 0), "3 6 7");
    memcpy(told, first_of(&p, RT_MSG_CHECKSUM, 0)->text, sizeof told);
    play q = {.world = 3, .start_step = 3, .end_step = 7, .checkpoint = final};
    q.stop_at_report = -1;
    perform(&q);
    for (int r = 0; r < 3; r++) {
        assert_string_equal(steps_of(&q, RT_MSG_CHECKSUM, r), "3 6 7");
        assert_string_equal(first_of(&q, RT_MSG_CHECKSUM, r)->text, told);
    }
    assert_string_equal(first_of(&q, RT_MSG_FINISHED, 0)->text,
                        first_of(&p, RT_MSG_FINISHED, 0)->text);
}

/* A run that compares its evaluations must not miss the one that was due at the checkpoint from which it resumes; the
 * best is saved when found; and all ranks end when run.patience runs out. */
static void evaluations_are_compared(void **state)
{
    (void)state;
    char tmp[160], final[160];
    static const struct {
        int64_t evaluated, best;
        const char *patience, *evaluations, *pieces;
        int64_t finished;
    } rows[] = {
        {0, 0, "run.patience=0", "3 6 7", "3 6 7", 7}, /* the first is the best, and saved */
        {3, 3, "run.patience=0", "6 7", "6 7", 7},
        {3, 3, "run.patience=1", "6", "6", 6},
        {0, 3, "run.patience=1", "3 6", "6", 6},
    };
    play p = {.world = 2, .end_step = 7, .stop_at_report = -1};
    must(rt_remove_tree(in_checkpoints(tmp, "")));
    perform(&p);
    in_checkpoints(tmp, "/.step-00000003.g2.tmp");
    in_checkpoints(final, "/step-00000003");
    commit_checkpoint(&f, tmp, final, &(committed){3, 4, 1, p.layout, p.pieces, p.world});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *set[] = {"checkpoint.best=loss", "evaluate.every=3", rows[i].patience, NULL};
        play q = {.world = 3,
                  .start_step = 3,
                  .end_step = 7,
                  .checkpoint = final,
                  .stop_at_report = -1,
                  .set = set,
                  .evaluate_every = 3,
                  .evaluated_step = rows[i].evaluated,
                  .best_step = rows[i].best};
        perform(&q);
        assert_string_equal(steps_of(&q, RT_MSG_EVALUATED, 0), rows[i].evaluations);
        for (int r = 0; r < 3; r++) {
            assert_string_equal(steps_of(&q, RT_MSG_PIECE_DONE, r), rows[i].pieces);
            assert_int_equal(first_of(&q, RT_MSG_FINISHED, r)->step, rows[i].finished);
        }
    }
}

/* The mean is over the steps since the last report without skipped ones; the trainer gives the expected values. */
static void skipped_steps_are_reported_by_rank_0_and_left_out_of_the_mean(void **state)
{
    (void)state;
    enum { STEPS = 30 };
    double mean[STEPS + 1], sum = 0;
    char skipped[128] = "";
    rt_scope scope = rt_scope_begin();
    rt_trainer *t = rt_trainer_open(f.config, .set = overflowing);
    for (int i = 0, n = 0, used = 0; i < STEPS; i++) {
        must(rt_trainer_step(t));
        double loss = rt_trainer_loss(t);
        if (isfinite(loss)) {
            sum += loss;
            n++;
        } else {
            used +=
                snprintf(skipped + used, sizeof skipped - (size_t)used, "%s%d", used ? " " : "", i);
        }
        mean[i + 1] = n > 0 ? sum / n : NAN;
        if (i == 0 || i % 2 == 1)
            sum = n = 0;
    }
    rt_scope_end(scope);
    assert_true(strlen(skipped) > 3);
    play p = {.world = 3, .end_step = STEPS, .stop_at_report = -1, .set = overflowing};
    perform(&p);
    assert_string_equal(steps_of(&p, RT_MSG_SKIPPED, 0), skipped);
    assert_string_equal(steps_of(&p, RT_MSG_SKIPPED, 1), "");
    assert_false(isfinite(first_of(&p, RT_MSG_SKIPPED, 0)->value));
    for (int i = 0; i < p.count; i++) {
        const note *n = &p.notes[i];
        if (n->type == RT_MSG_REPORT)
            assert_true(n->value == mean[n->step] || (isnan(n->value) && isnan(mean[n->step])));
    }
}

/* A link to /dev/full is in the place of a piece, so writing fails as on a full disk. */
static void a_full_disk_is_reported_and_training_goes_on(void **state)
{
    (void)state;
    char path[160];
    rt_names left;
    must(rt_remove_tree(in_checkpoints(path, "")));
    must(rt_dir_make(in_checkpoints(path, "/.step-00000003.g2.tmp"), 0755));
    assert_int_equal(symlink("/dev/full", in_checkpoints(path, "/.step-00000003.g2.tmp/"
                                                               "piece-00001.safetensors")),
                     0);
    play p = {.world = 2, .end_step = 7, .stop_at_report = -1};
    perform(&p);
    assert_string_equal(steps_of(&p, RT_MSG_PIECE_DONE, 0), "3 6 7");
    assert_string_equal(steps_of(&p, RT_MSG_PIECE_DONE, 1), "6 7");
    const note *failed = first_of(&p, RT_MSG_PIECE_FAILED, 1);
    assert_int_equal(failed->step, 3);
    assert_int_equal((int)failed->value, RT_E_NOSPACE);
    assert_non_null(strstr(failed->text, "No space left"));
    assert_string_equal(steps_of(&p, RT_MSG_FINISHED, 1), "7");
    must(rt_dir_list(in_checkpoints(path, "/.step-00000003.g2.tmp"), &left));
    assert_int_equal(left.count, 2); /* rank 0's piece and the link: nothing half written */
    rt_names_release(&left);
}

static void a_disk_that_cannot_be_written_is_reported_and_training_goes_on(void **state)
{
    (void)state;
    char path[160];
    must(rt_remove_tree(in_checkpoints(path, "")));
    must(rt_file_replace(path, "in the way", 10));
    play p = {.world = 2, .end_step = 7, .stop_at_report = -1};
    perform(&p);
    must(rt_remove_tree(path));
    for (int r = 0; r < p.world; r++) {
        assert_string_equal(steps_of(&p, RT_MSG_PIECE_FAILED, r), "3 6 7");
        assert_non_null(strstr(first_of(&p, RT_MSG_PIECE_FAILED, r)->text, path));
        assert_string_equal(steps_of(&p, RT_MSG_FINISHED, r), "7");
    }
}

static void a_run_that_is_already_done_makes_no_step(void **state)
{
    (void)state;
    play p = {.world = 2, .end_step = 0, .stop_at_report = -1};
    perform(&p);
    assert_string_equal(steps_of(&p, RT_MSG_REPORT, 0), "");
    assert_string_equal(steps_of(&p, RT_MSG_EVALUATED, 0), "0");
    assert_string_equal(steps_of(&p, RT_MSG_PIECE_DONE, 0), "");
    assert_string_equal(steps_of(&p, RT_MSG_FINISHED, 1), "0");
}

static void a_generation_goes_on_from_the_snapshots_of_the_one_before(void **state)
{
    (void)state;
    play whole = {.world = 2, .end_step = 7, .stop_at_report = -1};
    perform(&whole);
    assert_int_equal(whole.offer_count + whole.trace_count, 0);
    const char *sha = first_of(&whole, RT_MSG_FINISHED, 0)->text;
    for (int world = 1; world <= 3; world++) {
        play begun = {.world = 3, .end_step = 4, .stop_at_report = -1};
        perform(&begun);
        play resumed = {.world = world,
                        .start_step = 4,
                        .end_step = 7,
                        .stop_at_report = -1,
                        .generation = GENERATION + world,
                        .from_snapshot = true};
        perform(&resumed);
        assert_int_equal(resumed.offer_count, 3 * 2); /* by one rank only */
        assert_int_equal(resumed.trace_count, 3);
        for (int i = 0; i < 3; i++) {
            const rt_msg_trace expected = {.generation = GENERATION,
                                           .rank = 2 - i,
                                           .step = 4,
                                           .slice = -1,
                                           .phase = RT_PHASE_FINISH};
            assert_memory_equal(&resumed.traces[i], &expected, sizeof expected);
        }
        for (int r = 0; r < world; r++)
            assert_string_equal(first_of(&resumed, RT_MSG_HELLO, r)->text, "");
        assert_string_equal(first_of(&resumed, RT_MSG_FINISHED, 0)->text, sha);
    }
}

static void snapshots_that_cannot_be_kept_are_reported_and_training_goes_on(void **state)
{
    (void)state;
    const char *nowhere[] = {"snapshot.dir=/tmp/there is no such directory", NULL};
    play p = {.world = 2, .end_step = 3, .stop_at_report = -1, .set = nowhere};
    perform(&p);
    for (int r = 0; r < 2; r++)
        assert_non_null(
            strstr(first_of(&p, RT_MSG_HELLO, r)->text, "no such directory/ringtorch-r1"));
    assert_int_equal(first_of(&p, RT_MSG_FINISHED, 0)->step, 3);

    char small[128], set[160];
    const char *too_small[] = {set, NULL};
    snprintf(small, sizeof small, "%s/small", f.dir);
    snprintf(set, sizeof set, "snapshot.dir=%s", small);
    assert_int_equal(mkdir(small, 0700), 0);
    if (mount("tmpfs", small, "tmpfs", 0, "size=1m") != 0) {
        print_message("a small file system cannot be mounted here: not tried\n");
        return;
    }
    play late = {.world = 2, .end_step = 3, .stop_at_report = -1, .set = too_small};
    perform(&late);
    assert_int_equal(umount(small), 0);
    for (int r = 0; r < 2; r++) {
        assert_string_equal(first_of(&late, RT_MSG_HELLO, r)->text, "");
        assert_non_null(strstr(first_of(&late, RT_MSG_SNAPSHOT_TROUBLE, r)->text, small));
        assert_int_equal(first_of(&late, RT_MSG_FINISHED, r)->step, 3);
    }
}

static void without_snapshots_nothing_is_written_or_looked_for(void **state)
{
    (void)state;
    const char *never[] = {"snapshot.every=0", NULL};
    play with = {.world = 2, .end_step = 2, .stop_at_report = -1};
    perform(&with);
    play p = {.world = 2,
              .end_step = 2,
              .stop_at_report = -1,
              .set = never,
              .generation = GENERATION + 1};
    perform(&p);
    rt_snapshot_list l;
    must(rt_snapshot_list_read(f.dir, "r1", &l));
    assert_int_equal(l.count, 2); /* of the previous play */
    for (int i = 0; i < 2; i++)
        assert_int_equal(l.item[i].name.generation, GENERATION);
    rt_snapshot_list_release(&l);
    assert_int_equal(p.offer_count + p.trace_count, 0);
}

static int set_up(void **state)
{
    (void)state;
    fixture_make(&f, 11);
    rt_log_set_level(RT_LOG_WARN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char small[128];
    snprintf(small, sizeof small, "%s/small", f.dir);
    umount2(small, MNT_DETACH); /* only there if a test has failed */
    fixture_remove(&f);
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_sent_once_and_by_the_right_rank),
        cmocka_unit_test(plans_that_do_not_fit_are_refused_by_every_rank),
        cmocka_unit_test(an_order_to_stop_ends_all_ranks_at_one_step_with_a_checkpoint),
        cmocka_unit_test(an_order_to_stop_without_a_checkpoint_leaves_it_to_the_snapshot),
        cmocka_unit_test(an_order_to_checkpoint_is_carried_out_by_all_and_training_goes_on),
        cmocka_unit_test(checksums_of_the_parameters_are_sent_before_the_end),
        cmocka_unit_test(checksums_of_restored_states_are_sent),
        cmocka_unit_test(evaluations_are_compared),
        cmocka_unit_test(skipped_steps_are_reported_by_rank_0_and_left_out_of_the_mean),
        cmocka_unit_test(a_full_disk_is_reported_and_training_goes_on),
        cmocka_unit_test(a_disk_that_cannot_be_written_is_reported_and_training_goes_on),
        cmocka_unit_test(a_run_that_is_already_done_makes_no_step),
        cmocka_unit_test(a_generation_goes_on_from_the_snapshots_of_the_one_before),
        cmocka_unit_test(snapshots_that_cannot_be_kept_are_reported_and_training_goes_on),
        cmocka_unit_test(without_snapshots_nothing_is_written_or_looked_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
