/* Answers the requests of all slices of a step: sums in tree order, and values passed from slice to slice.
 *
 *     rt__answers a;
 *     RT_TRY(rt__answers_init(&a, slices, mine, peers));           // peers: NULL, all slices are mine
 *     RT_TRY(rt__answers_fill(&a, request));                       // request [mine.end - mine.begin], one kind and size
 *     rt__answers_release(&a);
 *
 * Vectors are summed like gradients: T[lo,hi) = T[lo,m) + T[m,hi) (common/base/slices.h). Each process adds up its canonical nodes,
 * all processes gather everybody's nodes, and each adds them up: one round of messages, since vectors are short. */
#ifndef RINGTORCH_WORKER_ENGINE_TRAIN_EXCHANGE_H
#define RINGTORCH_WORKER_ENGINE_TRAIN_EXCHANGE_H

#include "worker/engine/base/exchange.h"
#include "worker/engine/train/run.h"

/* A partial sum T[.., end). */
typedef struct rt__summand {
    int64_t end;
    void *data;
} rt__summand;

typedef struct rt__answers {
    int64_t slices;
    rt_range mine;
    const rt_peers *peers; /* NULL: all slices are here */
    rt_range *node;        /* canonical nodes of all processes, in order */
    int64_t *first;        /* [world + 1]: the nodes of process r are [first[r], first[r + 1]) */
    rt_range *sent, *received; /* [world]: byte range of each peer's message */
    rt__summand *summand;      /* [slices]: the partial sum that begins with each slice */
    char *memory;              /* kept from one request to the next */
    size_t size;
} rt__answers;

/* Borrows `peers`. On failure *a needs no release. */
rt_status rt__answers_init(rt__answers *a, int64_t slices, rt_range mine, const rt_peers *peers);
void rt__answers_release(rt__answers *a);
/* Fills in the results of this process's slices. Collective. */
rt_status rt__answers_fill(rt__answers *a, const rt__request *asked);

#endif
