/* The progress of the desk's verification of a checkpoint, which the loop reports, and the loop's way to cancel it.
 *
 *     rt__verification_init(&verification);
 *     rt__store_newest(root, most, &(rt__store_verifier){report, ctx, &verification.watch}, ...);   // on the desk
 *     if (rt__verification_get_progress(&verification, &view))                                                    // in the loop
 *         printf("%s: %ld of %ld bytes\n", view.what, (long)view.bytes, (long)view.total);
 *     rt__verification_cancel(&verification);          // from now on all reading is cancelled (INTERRUPTED)
 *     rt__verification_release(&verification);      // once the desk is closed */
#ifndef RINGTORCH_COORDINATOR_SHELL_VERIFICATION_H
#define RINGTORCH_COORDINATOR_SHELL_VERIFICATION_H

#include "common/base/hash.h"
#include <limits.h>
#include <pthread.h>

typedef struct rt__verification_progress {
    char what[PATH_MAX]; /* the checkpoint's directory; "": no checkpoint is being read */
    int64_t bytes, total;
} rt__verification_progress;

typedef struct rt__verification {
    rt_watch watch; /* for reading before a generation starts: its progress is shown */
    rt_watch quiet; /* for reading during training: its progress is not shown */
    pthread_mutex_t lock;
    rt__verification_progress view;
    bool ended;
} rt__verification;

void rt__verification_init(rt__verification *l);
void rt__verification_release(rt__verification *l);
/* Copies the progress. Returns false if nothing is being read. */
bool rt__verification_get_progress(rt__verification *l, rt__verification_progress *out);
/* Forgets the progress, once a verification is finished. */
void rt__verification_clear(rt__verification *l);
void rt__verification_cancel(rt__verification *l);

#endif
