/* What a rank tells the coordinator, put together from the run.
 *
 *     rt__meter m;
 *     rt__meter_start(&m, batch);
 *     ... a step ...
 *     rt__meter_step(&m, loss);
 *     rt_msg_report r;
 *     rt__meter_report(&m, step, lr, grad_norm, &r);           // and begins the next interval
 */
#ifndef RINGTORCH_WORKER_REPORT_H
#define RINGTORCH_WORKER_REPORT_H

#include "common/messages.h"
#include "worker/engine/train/run.h"
#include "worker/snapshot_offers.h"

/* Counts steps between reports. Time stands still while paused (evaluations). */
typedef struct rt__meter {
    int64_t batch;        /* samples a step */
    int64_t steps;        /* since the last report */
    int64_t losses;       /* of those, the ones that have a loss ... */
    double loss_sum;      /* ... and the sum of their losses */
    double seconds;       /* spent in steps so far */
    double reported_at;   /* value of `seconds` at the last report */
    double running_since; /* rt_clock(); 0: paused */
} rt__meter;

void rt__meter_start(rt__meter *m, int64_t batch);
void rt__meter_pause(rt__meter *m);
void rt__meter_resume(rt__meter *m);
/* loss: NaN where no target counted, which has no part in the mean. */
void rt__meter_step(rt__meter *m, double loss);
/* Counts a step without an update, whose loss is left out of the mean. */
void rt__meter_skip(rt__meter *m);
/* Fills a REPORT for the steps since the last one. step: steps finished. The loss is NaN if none
 * has one. */
void rt__meter_report(rt__meter *m, int64_t step, double lr, double grad_norm, rt_msg_report *out);

/* Writes this host's name. */
void rt__host_name(char *out, size_t room);

typedef struct rt__hello_args {
    const rt_run *run;
    int rank, world, local_rank;
    const char *config_hash;
    const rt__snapshot_offers *offers; /* empty where another rank of this host makes them */
} rt__hello_args;
/* Texts a HELLO points to. */
typedef struct rt__hello_texts {
    char host[256];
} rt__hello_texts;
/* Fills a HELLO, whose strings and arrays are borrowed from `texts` and what `a` names. */
void rt__hello(const rt__hello_args *a, rt__hello_texts *texts, rt_msg_hello *out);

/* Bytes of memory this process has in use now, and the most it ever had. 0 where the system does
 * not say. */
int64_t rt__rss(void);
int64_t rt__rss_peak(void);

#endif
