/* Builds the messages HELLO and REPORT of a rank from its run.
 *
 *     rt__meter m;
 *     rt__meter_start(&m, batch);
 *     ... a step ...
 *     rt__meter_step(&m, loss);
 *     rt_msg_report r;
 *     rt__meter_report(&m, step, lr, grad_norm, &r);           // and starts the next interval
 */
#ifndef RINGTORCH_WORKER_REPORT_H
#define RINGTORCH_WORKER_REPORT_H

#include "common/control/messages.h"
#include "worker/engine/train/run.h"
#include "worker/snapshot_offers.h"

/* Counts steps between reports. Its time stops while paused (during evaluations). */
typedef struct rt__meter {
    int64_t batch;        /* samples per step */
    int64_t steps;        /* since the last report */
    int64_t losses;       /* of those, the ones that have a loss ... */
    double loss_sum;      /* ... and the sum of their losses */
    double seconds;       /* spent in steps so far */
    double reported_at;   /* value of `seconds` at the last report */
    double running_since; /* rt_clock(); 0 while paused */
} rt__meter;

void rt__meter_start(rt__meter *m, int64_t batch);
void rt__meter_pause(rt__meter *m);
void rt__meter_resume(rt__meter *m);
/* Counts a step. `loss` is NaN if no target counted; such a step is left out of the mean. */
void rt__meter_step(rt__meter *m, double loss);
/* Counts a step without an update, whose loss is left out of the mean. */
void rt__meter_skip(rt__meter *m);
/* Fills a REPORT for the steps since the last one; `step` steps are finished. The loss is NaN if none of them has one. */
void rt__meter_report(rt__meter *m, int64_t step, double lr, double grad_norm, rt_msg_report *out);

/* Writes this host's name. */
void rt__host_name(char *out, size_t room);

typedef struct rt__hello_args {
    const rt_run *run;
    int rank, world, local_rank;
    const char *config_hash;
    const rt__snapshot_offers *offers; /* empty if another rank of this host sends them */
} rt__hello_args;
/* The texts that a HELLO points to. */
typedef struct rt__hello_texts {
    char host[256];
} rt__hello_texts;
/* Fills a HELLO; its strings and arrays are borrowed from `texts` and from what `a` points to. */
void rt__hello(const rt__hello_args *a, rt__hello_texts *texts, rt_msg_hello *out);

/* Return the bytes of memory that this process uses now, and the most it ever used; 0 if unknown. */
int64_t rt__rss(void);
int64_t rt__rss_peak(void);

#endif
