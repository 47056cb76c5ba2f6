#include "coordinator/look.h"
#include <stdio.h>

static void begin(void *look, const char *what, int64_t bytes)
{
    rt__look *l = look;
    pthread_mutex_lock(&l->lock);
    snprintf(l->view.what, sizeof l->view.what, "%s", what);
    l->view.bytes = 0;
    l->view.total = bytes;
    pthread_mutex_unlock(&l->lock);
}

static bool count(void *look, uint64_t bytes)
{
    rt__look *l = look;
    pthread_mutex_lock(&l->lock);
    l->view.bytes += (int64_t)bytes;
    bool wanted = !l->ended;
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

static bool go_on(void *look, uint64_t bytes)
{
    (void)bytes;
    rt__look *l = look;
    pthread_mutex_lock(&l->lock);
    bool wanted = !l->ended;
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

void rt__look_init(rt__look *l)
{
    *l = (rt__look){.watch = {begin, count, l}, .quiet = {NULL, go_on, l}};
    pthread_mutex_init(&l->lock, NULL);
}

void rt__look_release(rt__look *l)
{
    pthread_mutex_destroy(&l->lock);
}

bool rt__look_at(rt__look *l, rt__look_view *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->view;
    pthread_mutex_unlock(&l->lock);
    return out->what[0] != '\0';
}

void rt__look_done(rt__look *l)
{
    pthread_mutex_lock(&l->lock);
    l->view.what[0] = '\0';
    pthread_mutex_unlock(&l->lock);
}

void rt__look_end(rt__look *l)
{
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_mutex_unlock(&l->lock);
}
