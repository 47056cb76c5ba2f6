/* An environment that one thread may change while others read it.
 *
 *     int main(void)
 *     {
 *         rt__environment_protect();            // while there is one thread
 *         ... one thread calls MPI_Init, which calls setenv(); another calls zmq_ctx_new(), which calls getenv() ...
 *     }
 *
 * MPI starts on a thread of its own while the worker connects and loads its data, and Open MPI 5 and PMIx set variables while they
 * start. Up to version 2.40 of glibc setenv() frees the array that getenv() of another thread may be walking, so about one start
 * in a few hundred on a loaded machine ended in SIGSEGV. A program's own setenv, unsetenv and putenv take the place of the C
 * library's, in shared libraries too; those in environment.c never free or move what a reader may hold. */
#ifndef RINGTORCH_WORKER_ENVIRONMENT_H
#define RINGTORCH_WORKER_ENVIRONMENT_H

#include <ringtorch/status.h>

/* Copies the environment to where setenv can add to it in place. Fails with NOMEM. */
rt_status rt__environment_protect(void);

#endif
