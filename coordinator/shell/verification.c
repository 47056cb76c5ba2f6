#include "coordinator/shell/verification.h"
#include <stdio.h>

static void begin(void *verification, const char *what, int64_t bytes)
{
    rt__verification *l = verification;
    pthread_mutex_lock(&l->lock);
    snprintf(l->view.what, sizeof l->view.what, "%s", what);
    l->view.bytes = 0;
    l->view.total = bytes;
    pthread_mutex_unlock(&l->lock);
}

static bool count(void *verification, uint64_t bytes)
{
    rt__verification *l = verification;
    pthread_mutex_lock(&l->lock);
    l->view.bytes += (int64_t)bytes;
    bool wanted = !l->ended;
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

static bool is_wanted(void *verification, uint64_t bytes)
{
    (void)bytes;
    rt__verification *l = verification;
    pthread_mutex_lock(&l->lock);
    bool wanted = !l->ended;
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

void rt__verification_init(rt__verification *l)
{
    *l = (rt__verification){.watch = {begin, count, l}, .quiet = {NULL, is_wanted, l}};
    pthread_mutex_init(&l->lock, NULL);
}

void rt__verification_release(rt__verification *l)
{
    pthread_mutex_destroy(&l->lock);
}

bool rt__verification_get_progress(rt__verification *l, rt__verification_progress *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->view;
    pthread_mutex_unlock(&l->lock);
    return out->what[0] != '\0';
}

void rt__verification_clear(rt__verification *l)
{
    pthread_mutex_lock(&l->lock);
    l->view.what[0] = '\0';
    pthread_mutex_unlock(&l->lock);
}

void rt__verification_cancel(rt__verification *l)
{
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_mutex_unlock(&l->lock);
}
