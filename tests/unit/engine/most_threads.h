/* How many threads tests of computations go up to.
 *
 *     for (int threads = 1; threads <= MOST_THREADS; threads++) ...
 *
 * One under the thread sanitizer: it cannot see OpenMP's barriers, which are inside libgomp, and takes what they order
 * for races. Threads of our own are still watched. */
#ifndef RINGTORCH_TESTS_MOST_THREADS_H
#define RINGTORCH_TESTS_MOST_THREADS_H

#ifdef __SANITIZE_THREAD__
enum { MOST_THREADS = 1 };
#else
enum { MOST_THREADS = 3 };
#endif

#endif
