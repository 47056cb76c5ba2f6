/* How far the desk is with verifying a checkpoint, for the loop to see, and how the loop ends it.
 *
 *     rt__look_init(&look);
 *     rt__store_newest(root, most, &(rt__store_look){report, ctx, &look.watch}, ...);   // on the desk
 *     if (rt__look_at(&look, &view))                                                    // in the loop
 *         printf("%s: %ld of %ld bytes\n", view.what, (long)view.bytes, (long)view.total);
 *     rt__look_end(&look);          // from now on all that is being read is given up (INTERRUPTED)
 *     rt__look_release(&look);      // once the desk is closed */
#ifndef RINGTORCH_COORDINATOR_LOOK_H
#define RINGTORCH_COORDINATOR_LOOK_H

#include <limits.h>
#include <pthread.h>
#include "common/hash.h"

typedef struct rt__look_view {
    char what[PATH_MAX]; /* the checkpoint's directory; "": none is being read */
    int64_t bytes, total;
} rt__look_view;

typedef struct rt__look {
    rt_watch watch; /* for what is looked at before a generation starts */
    rt_watch quiet; /* for what is looked at beside the training: nobody sees how far it is */
    pthread_mutex_t lock;
    rt__look_view view;
    bool ended;
} rt__look;

void rt__look_init(rt__look *l);
void rt__look_release(rt__look *l);
/* Copies how far it is; false if nothing is being read. */
bool rt__look_at(rt__look *l, rt__look_view *out);
/* What was read has been read to its end. */
void rt__look_done(rt__look *l);
void rt__look_end(rt__look *l);

#endif
