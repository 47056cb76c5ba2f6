/* A router that is killed and comes back on the same port, over real sockets: nothing is lost, nothing arrives twice,
 * the order is kept. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/control/wire.h"
#include "tests/unit/common/proxy.h"
#include "tests/unit/common/random.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const double PATIENCE = 20;
enum { DEALERS = 4, SENT_MOST = 100000 };

static uint64_t rng;
static rt_wire_keys keys;

typedef struct dealer {
    rt_wire *wire;
    int64_t sent, hellos; /* PROGRESS 1, 2, ..., sent; HELLOs sent */
    bool delivered[SENT_MOST];
    int64_t heard; /* last COMMITTED that came */
    /* What the present router has received. */
    bool known;
    int64_t last, told;
    char peer[64];
} dealer;

typedef struct stage {
    rt_wire *router; /* NULL: down */
    char endpoint[64];
    int64_t instance;
    double up_since;
    proxy proxy; /* the last dealer connects through it */
    dealer dealer[DEALERS];
} stage;

static stage s;

static void router_up(void)
{
    rt_wire_options o = {.endpoint = s.endpoint, .keys = &keys, .run = "r", .name = "coordinator"};
    rt_status status;
    double end = rt_clock() + PATIENCE; /* the system may be slow to give the port back */
    while ((status = rt_wire_listen(&o, &s.router)) == RT_E_EXISTS && rt_clock() < end) {
        rt_error_clear();
        rt_clock_sleep(0.01);
    }
    assert_int_equal(status, RT_OK);
    snprintf(s.endpoint, sizeof s.endpoint, "%s", rt_wire_endpoint(s.router));
    s.instance++;
    s.up_since = rt_clock();
    for (int i = 0; i < DEALERS; i++) {
        s.dealer[i].known = false;
        s.dealer[i].last = s.dealer[i].told = 0;
    }
}

static void router_down(void)
{
    rt_wire_close(s.router, 0);
    s.router = NULL;
}

static void send_hello(void *ctx)
{
    dealer *d = ctx;
    rt_msg_hello m = {.rank = d - s.dealer, .step = ++d->hellos};
    assert_int_equal(rt_wire_send(d->wire, NULL, RT_MSG_HELLO, &m), RT_OK);
}

static void dealers_start(void)
{
    proxy_start(&s.proxy, s.endpoint);
    for (int i = 0; i < DEALERS; i++) {
        dealer *d = &s.dealer[i];
        char name[32];
        snprintf(name, sizeof name, "worker %d", i);
        rt_wire_options o = {.endpoint = i == DEALERS - 1 ? s.proxy.endpoint : s.endpoint,
                             .keys = &keys,
                             .run = "r",
                             .name = name};
        assert_int_equal(rt_wire_connect(&o, &d->wire), RT_OK);
        rt_wire_on_reset(d->wire, send_hello, d);
        send_hello(d);
    }
}

static void stage_end(void)
{
    for (int i = 0; i < DEALERS; i++)
        rt_wire_close(s.dealer[i].wire, 0);
    rt_wire_close(s.router, 0);
    proxy_stop(&s.proxy);
}

/* ---- turns ---- */

static void router_gets(const rt_frame *f)
{
    int rank = 0;
    assert_int_equal(sscanf(f->sender, "worker %d", &rank), 1);
    dealer *d = &s.dealer[rank];
    if (f->type == RT_MSG_HELLO) { /* once per router, and first */
        assert_false(d->known);
        d->known = true;
        memcpy(d->peer, f->peer, sizeof d->peer);
        return;
    }
    assert_true(d->known);
    int64_t step = f->body.progress.step;
    assert_true(d->last == 0 || step == d->last + 1);
    d->last = step;
    d->delivered[step] = true;
}

static void router_turn(void)
{
    rt_frame f;
    while (s.router && rt_wire_receive(s.router, 0, &f) == RT_OK) {
        router_gets(&f);
        rt_frame_release(&f);
    }
}

static void dealer_turn(dealer *d)
{
    rt_frame f;
    while (rt_wire_receive(d->wire, 0, &f) == RT_OK) {
        int64_t step = f.body.committed.step;
        assert_int_equal(f.type, RT_MSG_COMMITTED);
        assert_true(step > d->heard);
        assert_true(step == d->heard + 1 || step % 100000 == 1);
        d->heard = step;
        rt_frame_release(&f);
    }
    assert_false(rt_failed());
}

static void all_turn(void)
{
    router_turn();
    for (int i = 0; i < DEALERS; i++)
        dealer_turn(&s.dealer[i]);
}

static void somebody_sends(void)
{
    dealer *d = &s.dealer[random_below(&rng, DEALERS)];
    rt_msg_progress up = {.step = d->sent + 1};
    rt_msg_committed down = {.step = s.instance * 100000 + d->told + 1};
    if (d->sent + 1 < SENT_MOST && rt_wire_send(d->wire, NULL, RT_MSG_PROGRESS, &up) == RT_OK)
        d->sent++;
    if (s.router && d->known && rt_wire_send(s.router, d->peer, RT_MSG_COMMITTED, &down) == RT_OK)
        d->told++;
    rt_error_clear(); /* full: too many unconfirmed */
}

static bool at_rest(void)
{
    for (int i = 0; i < DEALERS; i++) {
        const dealer *d = &s.dealer[i];
        if (rt_wire_unconfirmed_seconds(d->wire) > 0 || !d->known ||
            (d->told > 0 && d->heard != s.instance * 100000 + d->told))
            return false;
    }
    return true;
}

static void turns_until_rest(void)
{
    double end = rt_clock() + PATIENCE;
    while (!at_rest() && rt_clock() < end) {
        all_turn();
        rt_clock_sleep(0.001);
    }
    assert_true(at_rest());
}

/* ---- tests ---- */

static void nothing_is_lost_over_many_restarts(void **state)
{
    (void)state;
    enum { RESTARTS = 16 };
    snprintf(s.endpoint, sizeof s.endpoint, "tcp://127.0.0.1:*");
    router_up();
    dealers_start();
    for (int restarts = 0; restarts < RESTARTS;) {
        for (int64_t k = random_below(&rng, 10); k > 0; k--)
            somebody_sends();
        all_turn();
        rt_clock_sleep(0.001);
        int64_t chance = random_below(&rng, 100);
        if (chance < 2)
            proxy_cut(&s.proxy);
        if (chance < 1)
            proxy_swallow(&s.proxy); /* until the next cut */
        if (s.router && chance >= 98 && random_below(&rng, 3) == 0)
            router_down();
        else if (!s.router && chance >= 95) {
            router_up();
            restarts++;
        }
    }
    proxy_cut(&s.proxy);
    turns_until_rest();
    int64_t sent = 0;
    for (int i = 0; i < DEALERS; i++) {
        for (int64_t k = 1; k <= s.dealer[i].sent; k++)
            assert_true(s.dealer[i].delivered[k]);
        sent += s.dealer[i].sent;
    }
    printf("%" PRId64 " messages over %d restarts\n", sent, RESTARTS);
    stage_end();
}

/* The time is printed but not checked: no test depends on the machine's speed. */
static void a_router_that_is_back_is_found_soon(void **state)
{
    (void)state;
    enum { TIMES = 3 };
    double worst = 0, sum = 0;
    memset(&s, 0, sizeof s);
    snprintf(s.endpoint, sizeof s.endpoint, "tcp://127.0.0.1:*");
    router_up();
    dealers_start();
    turns_until_rest();
    for (int i = 0; i < TIMES; i++) {
        router_down();
        for (double end = rt_clock() + 0.5 + 0.01 * (double)random_below(&rng, 10);
             rt_clock() < end;) {
            all_turn();
            rt_clock_sleep(0.002);
        }
        router_up();
        double end = rt_clock() + PATIENCE;
        while (!s.dealer[0].known && rt_clock() < end)
            all_turn();
        assert_true(s.dealer[0].known);
        double took = rt_clock() - s.up_since;
        sum += took;
        worst = took > worst ? took : worst;
    }
    printf("from listening to a dealer's first message: %.0f ms on average, %.0f at worst\n",
           1e3 * sum / TIMES, 1e3 * worst);
    stage_end();
}

int main(void)
{
    rng = random_seed("test_wire_restart");
    rt_log_set_level(RT_LOG_ERROR + 1);
    if (rt_wire_keys_make(&keys) != RT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_over_many_restarts),
        cmocka_unit_test(a_router_that_is_back_is_found_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
