/* A whole generation: ranks as threads, each with its link, against a coordinator played by the test. What is sent,
 * when, and by whom. */
#include "fixture.h"
#include "common/clock.h"
#include "common/snapshot_list.h"

enum { GENERATION = 2, NOTES_MAX = 256 };
static const double PATIENCE = 60;

static fixture f;

/* One message that came, in order of arrival. */
typedef struct note {
    rt_msg_type type;
    int rank;
    int64_t step;
    char text[128]; /* weights_sha256, a file, a message */
    double value;   /* a loss */
} note;

typedef struct play {
    /* script */
    int world;
    int64_t start_step, end_step,
        stop_at_report; /* stop_at_report: order the end when this report comes; -1 */
    const char *checkpoint;
    /* the stage */
    rt_wire_keys keys;
    rt_wire *wire;
    char endpoint[128], peers[FIXTURE_RANKS_MAX][64];
    /* what came */
    note notes[NOTES_MAX];
    int count, greeted, finished;
} play;

/* ---- the ranks ---- */

static void session_body(fixture_rank *r)
{
    play *p = r->ctx;
    char name[32];
    rt__link *link;
    snprintf(name, sizeof name, "worker %d", r->rank);
    rt__link_args args = {p->endpoint, &p->keys, "r1", name, GENERATION, &r->progress, &r->orders};
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
                     .generation = GENERATION,
                     .dir = f.dir,
                     .link = link,
                     .progress = &r->progress,
                     .orders = &r->orders};
    rank_failed(r, rt__session_run(&s));
    rt__link_end(link, 2);
}

/* ---- the coordinator ---- */

static void send_plan(play *p)
{
    int64_t begin[FIXTURE_RANKS_MAX + 1];
    for (int r = 0; r < p->world; r++)
        begin[r] = rt_slices_of_rank(4, p->world, r).begin;
    begin[p->world] = 4;
    rt_msg_plan plan = {.world = p->world,
                        .slices = 4,
                        .slice_begin = begin,
                        .slice_begin_count = p->world + 1,
                        .start_step = p->start_step,
                        .end_step = p->end_step,
                        .source = p->checkpoint != NULL,
                        .checkpoint = p->checkpoint,
                        .report_every = 2,
                        .checkpoint_every = 3,
                        .checkpoint_final = 1,
                        .evaluate_every = 4,
                        .evaluate_final = 1};
    for (int r = 0; r < p->world; r++)
        rt_wire_send(p->wire, p->peers[r], RT_MSG_PLAN, &plan);
}

static void send_stop(play *p, int64_t after_step)
{
    rt_msg_stop m = {.after_step = after_step, .checkpoint = 1, .reason = "test"};
    for (int r = 0; r < (after_step < 0 ? p->world : 1); r++)
        rt_wire_send(p->wire, p->peers[r], RT_MSG_STOP, &m);
}

static note note_of(const rt_frame *frame)
{
    note n = {.type = frame->type, .rank = -1};
    const rt_msg_body *b = &frame->body;
    const char *text = "";
    sscanf(frame->sender, "worker %d", &n.rank);
    switch (frame->type) {
    case RT_MSG_REPORT:
        n.step = b->report.step;
        n.value = b->report.loss;
        break;
    case RT_MSG_EVALUATED:
        n.step = b->evaluated.step;
        n.value = (double)b->evaluated.count;
        break;
    case RT_MSG_PIECE_DONE:
        n.step = b->piece_done.step;
        text = b->piece_done.file;
        break;
    case RT_MSG_PIECE_FAILED:
        n.step = b->piece_failed.step;
        text = b->piece_failed.reason;
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

static void take(play *p, const rt_frame *frame)
{
    note n = note_of(frame);
    if (frame->type == RT_MSG_PROGRESS || p->count == NOTES_MAX)
        return;
    p->notes[p->count++] = n;
    if (frame->type == RT_MSG_HELLO) {
        memcpy(p->peers[frame->body.hello.rank], frame->peer, sizeof p->peers[0]);
        if (++p->greeted == p->world)
            send_plan(p);
    }
    if (frame->type == RT_MSG_REPORT && n.step == p->stop_at_report)
        send_stop(p, 0);
    if (frame->type == RT_MSG_FINISHED && ++p->finished == p->world)
        send_stop(p, -1);
}

/* Listens until all have finished; then the ranks have been sent home. */
static void *coordinate(void *arg)
{
    play *p = arg;
    rt_frame frame;
    for (double end = rt_clock() + PATIENCE; p->finished < p->world && rt_clock() < end;) {
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
    rt_config cfg = fixture_config(&f, "run.steps=100000");
    must(rt_snapshot_forget(f.dir, "r1", INT64_MAX)); /* those of the play before */
    must(rt_wire_keys_make(&p->keys));
    rt_wire_options o = {"tcp://127.0.0.1:*", &p->keys, "r1", "coordinator", GENERATION};
    must(rt_wire_listen(&o, &p->wire));
    snprintf(p->endpoint, sizeof p->endpoint, "%s", rt_wire_endpoint(p->wire));
    assert_int_equal(pthread_create(&thread, NULL, coordinate, p), 0);
    fixture_ranks(&cfg, p->world, session_body, p);
    pthread_join(thread, NULL);
    rt_wire_close(p->wire, 1);
    rt_config_release(&cfg);
    assert_int_equal(p->finished, p->world);
}

/* ---- what is expected ---- */

/* Writes the steps of a rank's messages of one type as "1 2 4". */
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

static const note *first_of(const play *p, rt_msg_type type, int rank)
{
    for (int i = 0; i < p->count; i++)
        if (p->notes[i].type == type && p->notes[i].rank == rank)
            return &p->notes[i];
    fail_msg("rank %d sent no %s", rank, rt_msg_name(type));
    return NULL;
}

static void everything_is_told_once_and_by_the_right_rank(void **state)
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

/* When the order comes, ranks are at some later step; wherever they stop, they stop together, and save. */
static void an_order_to_stop_ends_all_ranks_at_one_step_with_a_checkpoint(void **state)
{
    (void)state;
    play p = {.world = 3, .end_step = 100000, .stop_at_report = 2};
    perform(&p);
    int64_t last = first_of(&p, RT_MSG_FINISHED, 0)->step;
    assert_true(last >= 3 && last < 100000);
    for (int r = 0; r < p.world; r++) {
        const note *saved = NULL;
        for (int i = 0; i < p.count; i++)
            if (p.notes[i].type == RT_MSG_PIECE_DONE && p.notes[i].rank == r)
                saved = &p.notes[i];
        assert_non_null(saved);
        assert_int_equal(saved->step, last);
        assert_int_equal(first_of(&p, RT_MSG_FINISHED, r)->step, last);
    }
    const note *report = NULL;
    for (int i = 0; i < p.count; i++)
        if (p.notes[i].type == RT_MSG_REPORT)
            report = &p.notes[i];
    assert_int_equal(report->step, last); /* due or not */
}

static void a_disk_that_cannot_be_written_is_told_and_training_goes_on(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/checkpoints", f.dir);
    must(rt_remove_tree(path));
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

static int set_up(void **state)
{
    (void)state;
    fixture_make(&f, 11);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&f);
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_told_once_and_by_the_right_rank),
        cmocka_unit_test(an_order_to_stop_ends_all_ranks_at_one_step_with_a_checkpoint),
        cmocka_unit_test(a_disk_that_cannot_be_written_is_told_and_training_goes_on),
        cmocka_unit_test(a_run_that_is_already_done_makes_no_step),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
