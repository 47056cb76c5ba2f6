/* The largest number of threads that tests of computations use.
 *
 *     for (int threads = 1; threads <= MOST_THREADS; threads++) ...
 *
 * It is one under the thread sanitizer, which cannot see OpenMP's barriers (they are inside libgomp) and reports
 * accesses that they order as races. Threads that RingTorch starts itself are still checked. */
#ifndef RINGTORCH_TESTS_UNIT_ENGINE_MOST_THREADS_H
#define RINGTORCH_TESTS_UNIT_ENGINE_MOST_THREADS_H

#ifdef __SANITIZE_THREAD__
enum { MOST_THREADS = 1 };
#else
enum { MOST_THREADS = 3 };
#endif

#endif
