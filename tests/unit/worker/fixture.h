/* A small data set and configuration for the worker's tests, and ranks as threads.
 *
 *     fixture f;
 *     fixture_make(&f, 1);                         // fails the test if it cannot
 *     rt_config cfg = fixture_config(&f, "optimizer.clip_norm=0.5");
 *     fixture_ranks(&cfg, 3, body, ctx);           // body(rank) on three threads
 *     rt_config_release(&cfg);
 *     fixture_remove(&f);
 *
 * 96 training and 40 test images of 28x28 made from a seed, and a net of 5 blocks of parameters
 * with dropout, so that ownership, chunks and random numbers all take part. */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_FIXTURE_H
#define RINGTORCH_TESTS_UNIT_WORKER_FIXTURE_H

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/config/config.h"
#include "plans.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "worker/commthread.h"
#include "worker/session.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A net with running statistics, behind several blocks of parameters. */
#define FIXTURE_STATISTICS                                                                         \
    "model.layers=[{\"conv2d\":{\"out\":4,\"kernel\":3,\"stride\":2}},batch_norm2d,relu,flatten,"  \
    "{\"linear\":300},{\"linear\":10}]"

/* Nets whose slices exchange values: with planes and with features alone, with random numbers, and layers within groups. */
#define FIXTURE_EXCHANGES                                                                          \
    "model.layers=[{\"conv2d\":{\"out\":4,\"kernel\":3,\"stride\":2}},sync_batch_norm,relu,"       \
    "{\"dropout\":0.2},flatten,{\"residual\":{\"layers\":[{\"linear\":300},sync_batch_norm,relu]," \
    "\"shortcut\":[{\"linear\":300}]}},{\"linear\":10}]"

enum { FIXTURE_TRAIN = 96, FIXTURE_TEST = 40, FIXTURE_SIDE = 28, FIXTURE_RANKS_MAX = 8 };

typedef struct fixture {
    char dir[FOLDER_MAX];
    char config[96]; /* path of config.yaml in it */
} fixture;

/* Fails the test with the error in the slot. */
static inline void fixture_big_endian(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Writes an IDX pair. An image of class c is noise with a bright bar at row 2c: easy to learn,
 * never equal. */
static inline void fixture_idx(const fixture *f, const char *prefix, uint32_t count, uint64_t seed)
{
    enum { PIXELS = FIXTURE_SIDE * FIXTURE_SIDE };
    char path[160];
    uint8_t *images = calloc(1, 16 + (size_t)count * PIXELS), *labels = calloc(1, 8 + count);
    fixture_big_endian(images, 0x803);
    fixture_big_endian(images + 4, count);
    fixture_big_endian(images + 8, FIXTURE_SIDE);
    fixture_big_endian(images + 12, FIXTURE_SIDE);
    fixture_big_endian(labels, 0x801);
    fixture_big_endian(labels + 4, count);
    for (uint32_t n = 0; n < count; n++) {
        uint8_t *image = images + 16 + (size_t)n * PIXELS, label = (uint8_t)(n % 10);
        labels[8 + n] = label;
        for (int i = 0; i < PIXELS; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            image[i] = (uint8_t)(i / FIXTURE_SIDE / 2 == label ? 128 + (seed >> 57) : seed >> 57);
        }
    }
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", f->dir, prefix);
    must(rt_file_replace(path, images, 16 + (size_t)count * PIXELS));
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", f->dir, prefix);
    must(rt_file_replace(path, labels, 8 + count));
    free(images);
    free(labels);
}

static inline void fixture_make(fixture *f, uint64_t seed)
{
    char text[1024];
    assert_true(folder_make(f->dir, "worker"));
    fixture_idx(f, "train", FIXTURE_TRAIN, seed);
    fixture_idx(f, "t10k", FIXTURE_TEST, seed + 1);
    int n =
        snprintf(text, sizeof text,
                 "run: {name: test, seed: 7, steps: 6, report_every: 2}\n"
                 "model: {layers: [flatten, {linear: 400}, relu, {dropout: 0.2}, {linear: 10}]}\n"
                 "data: {dataset: mnist, path: %s, batch: 20, eval_batch: 7}\n"
                 "optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.01}\n"
                 "parallel: {workers: 1, threads: 1, slices: 4}\n"
                 "checkpoint: {every: 3}\n"
                 "evaluate: {every: 4}\n"
                 "snapshot: {dir: %s}\n",
                 f->dir, f->dir);
    snprintf(f->config, sizeof f->config, "%s/config.yaml", f->dir);
    must(rt_file_replace(f->config, text, (size_t)n));
}

static inline void fixture_remove(fixture *f)
{
    must(rt_remove_tree(f->dir));
}

/* Loads the configuration with one or two keys changed (NULL: none). */
static inline rt_config fixture_config2(const fixture *f, const char *set, const char *other)
{
    rt_config cfg;
    const char *sets[] = {set, other};
    must(rt_config_load(f->config, sets, set ? (other ? 2 : 1) : 0, &cfg));
    return cfg;
}

static inline rt_config fixture_config(const fixture *f, const char *set)
{
    return fixture_config2(f, set, NULL);
}

/* With any number of keys changed; sets ends with NULL. */
static inline rt_config fixture_config_all(const fixture *f, const char *const *sets)
{
    rt_config cfg;
    size_t n = 0;
    while (sets[n])
        n++;
    must(rt_config_load(f->config, sets, n, &cfg));
    return cfg;
}

/* ---- ranks as threads ---- */

typedef struct fixture_rank {
    int rank, world;
    rt_config *config; /* its own copy: references to its nodes are counted */
    void *ctx;
    void (*body)(struct fixture_rank *r);
    /* For the body. */
    rt_run *run;
    rt__commthread *comm;
    rt__shard shard;
    rt__progress progress;
    rt__orders orders;
    /* For the fixture. */
    rt_comm *end;
    char error[1024]; /* "" if all went well */
} fixture_rank;

/* Records the error of a rank's thread, in which cmocka's assertions must not be used. Use: if (rank_failed(r, call))
 * return; */
static inline bool rank_failed(fixture_rank *r, rt_status status)
{
    if (status != RT_OK)
        snprintf(r->error, sizeof r->error, "rank %d: %s", r->rank, rt_error());
    return status != RT_OK;
}

static rt_status fixture_take_end(void *arg, rt_comm **out)
{
    *out = arg;
    return RT_OK;
}

static rt_status fixture_rank_open(fixture_rank *r)
{
    const int64_t slices = r->config->parallel.slices;
    rt_msg_plan plan = {};
    plan_room room;
    rt__progress_init(&r->progress);
    rt__orders_init(&r->orders);
    RT_TRY(rt__commthread_start(fixture_take_end, r->end, &r->orders.abort, &r->comm));
    RT_TRY(rt__commthread_ready(r->comm, &r->rank, &r->world));
    RT_TRY(rt_run_start_engine(r->config));
    RT_TRY(rt_run_open(r->config, slices, &r->run));
    const int64_t length = rt_run_flat(r->run)->length;
    plan_deal(&plan, &room, r->world, slices, length);
    RT_TRY(rt__shard_init(&r->shard, &plan, r->world, r->rank, length));
    RT_TRY(rt__shard_connect(&r->shard, r->comm));
    return rt__shard_sums(&r->shard, r->run);
}

static void *fixture_thread(void *arg)
{
    fixture_rank *r = arg;
    rt_scope scope = rt_scope_begin();
    if (!rank_failed(r, fixture_rank_open(r)))
        r->body(r);
    atomic_store(&r->orders.abort, r->error[0] != '\0');
    if (r->run)
        rt_run_close(r->run);
    rt__shard_release(&r->shard);
    rt__commthread_end(r->comm);
    rt_error_clear();
    rt_scope_end(scope);
    return NULL;
}

static inline rt_config *fixture_copy(const rt_config *cfg)
{
    rt_config *copy = calloc(1, sizeof *copy);
    char *yaml = rt_config_yaml(cfg);
    assert_non_null(yaml);
    must(rt_config_parse(yaml, strlen(yaml), "copy", copy));
    rt_mem_free(yaml);
    return copy;
}

/* Runs body on `world` threads, each with a run, a communication thread and a shard of its own.
 * Fails the test with the first rank's error. */
static inline void fixture_ranks(const rt_config *cfg, int world, void (*body)(fixture_rank *),
                                 void *ctx)
{
    pthread_t thread[FIXTURE_RANKS_MAX];
    rt_comm *ends[FIXTURE_RANKS_MAX];
    fixture_rank *ranks = aligned_alloc(64, FIXTURE_RANKS_MAX * sizeof *ranks);
    char error[1024] = "";
    must(rt_comm_loopback(world, ends));
    for (int i = 0; i < world; i++) {
        ranks[i] = (fixture_rank){.rank = i,
                                  .world = world,
                                  .config = fixture_copy(cfg),
                                  .ctx = ctx,
                                  .body = body,
                                  .end = ends[i]};
        assert_int_equal(pthread_create(&thread[i], NULL, fixture_thread, &ranks[i]), 0);
    }
    for (int i = 0; i < world; i++) {
        pthread_join(thread[i], NULL);
        rt_config_release(ranks[i].config);
        free(ranks[i].config);
        if (error[0] == '\0')
            memcpy(error, ranks[i].error, sizeof error);
    }
    free(ranks);
    if (error[0] != '\0')
        fail_msg("%s", error);
}

#endif
