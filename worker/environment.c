#include "worker/environment.h"
#include "common/base/error.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SPARE = 64,        /* variables that can be added before the array is copied again */
    CHUNK = 64 * 1024, /* bytes that are mapped at a time */
    ALIGNMENT = 16
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char **ours;     /* the array that we made last */
static size_t capacity; /* of it, without the NULL at its end */

/* Returns zeroed memory that is never freed, since a reader may hold a pointer into it for good; NULL and ENOMEM if there is none.
 * Mapped, not allocated, so that it counts neither as live memory nor as a leak. */
static void *keep(size_t bytes)
{
    static char *room;
    static size_t left;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (bytes > left) {
        size_t size = bytes > CHUNK ? bytes : CHUNK;
        void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED)
            return NULL;
        room = mapped;
        left = size;
    }
    void *kept = room;
    room += bytes;
    left -= bytes;
    return kept;
}

static size_t count(char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* Publishes a copy of the environment without variable `left_out` (-1: with all) and with room for more. */
static bool copy(ptrdiff_t left_out)
{
    size_t n = count(environ), to = 0;
    char **list = keep((n + SPARE + 1) * sizeof *list);
    if (!list)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((ptrdiff_t)i != left_out)
            list[to++] = environ[i];
    ours = list;
    capacity = n + SPARE;
    __atomic_store_n(&environ, list, __ATOMIC_RELEASE);
    return true;
}

/* Returns the index of the variable whose name is the first `length` bytes of `name`, or -1. */
static ptrdiff_t find(const char *name, size_t length)
{
    for (size_t i = 0; environ && environ[i]; i++)
        if (strncmp(environ[i], name, length) == 0 && environ[i][length] == '=')
            return (ptrdiff_t)i;
    return -1;
}

/* Puts `text`, "NAME=value", in the place of the variable at `index`, or behind all others (-1). Each is one store, so a reader
 * sees the old environment or the new one. */
static bool put(ptrdiff_t index, char *text)
{
    if (index < 0) {
        size_t n = count(environ);
        if ((environ != ours || n == capacity) && !copy(-1))
            return false;
        index = (ptrdiff_t)n;
    }
    __atomic_store_n(&environ[index], text, __ATOMIC_RELEASE);
    return true;
}

static bool is_name(const char *name)
{
    bool is = *name && !strchr(name, '=');
    if (!is)
        errno = EINVAL;
    return is;
}

/* ---- in the place of the C library's, as POSIX describes them ---- */

#define REPLACES_LIBC __attribute__((visibility("default")))

REPLACES_LIBC int setenv(const char *name, const char *value, int replace)
{
    if (!is_name(name))
        return -1;
    size_t length = strlen(name), size = length + strlen(value) + 2;
    pthread_mutex_lock(&lock);
    ptrdiff_t index = find(name, length);
    bool done = index >= 0 && !replace;
    char *text = done ? NULL : keep(size);
    if (text) {
        memcpy(text, name, length);
        text[length] = '=';
        memcpy(text + length + 1, value, size - length - 1);
        done = put(index, text);
    }
    pthread_mutex_unlock(&lock);
    return done ? 0 : -1;
}

REPLACES_LIBC int unsetenv(const char *name)
{
    if (!is_name(name))
        return -1;
    pthread_mutex_lock(&lock);
    bool done = true;
    for (ptrdiff_t i; done && (i = find(name, strlen(name))) >= 0;)
        done = copy(i);
    pthread_mutex_unlock(&lock);
    return done ? 0 : -1;
}

REPLACES_LIBC int putenv(char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals)
        return unsetenv(text);
    pthread_mutex_lock(&lock);
    bool done = put(find(text, (size_t)(equals - text)), text);
    pthread_mutex_unlock(&lock);
    return done ? 0 : -1;
}

rt_status rt__environment_protect(void)
{
    pthread_mutex_lock(&lock);
    bool done = copy(-1);
    pthread_mutex_unlock(&lock);
    return done ? RT_OK : RT_FAIL(NOMEM, "no memory for a copy of the environment");
}
