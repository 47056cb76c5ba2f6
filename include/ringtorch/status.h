/* Status codes and the first-error slot.
 *
 *     rt_tensor *y = rt_matmul(a, b);            // a failure anywhere leaves y == NULL ...
 *     if (rt_failed())                           // ... and one check per step is enough
 *         fprintf(stderr, "%s\n", rt_error());   // "matmul: [2,3] and [4,5]: inner sizes 3 and 4 differ"
 *
 * Each thread has one slot. The first failure fills it; later ones are dropped, because they are
 * nearly always its consequences. While it is filled, every constructor and op returns NULL at
 * once. */
#ifndef RINGTORCH_STATUS_H
#define RINGTORCH_STATUS_H

#include <stdbool.h>
#include <ringtorch/export.h>

RT_BEGIN_DECLS

typedef enum rt_status {
    RT_OK = 0,
#define STATUS(name, value, klass, text) RT_E_##name = value,
#include <ringtorch/status.def>
#undef STATUS
} rt_status;

/* Returns the fixed text of a status code ("shapes do not fit"); never NULL. */
const char *rt_status_text(rt_status s);

/* Returns the name of a status code as a constant ("SHAPE", "OK"); never NULL. */
const char *rt_status_name(rt_status s);

/* Returns the exit code a program should end with: 0 for RT_OK, 2 for user errors, else 1. */
int rt_status_exit_code(rt_status s);

/* Returns true while the calling thread's error slot is filled. */
bool rt_failed(void);

/* Returns the code in the slot, RT_OK if it is empty. */
rt_status rt_error_code(void);

/* Returns the message in the slot: what is wrong, where, what to do. "" if the slot is empty.
 * Borrowed until the slot is cleared or refilled. */
const char *rt_error(void);

/* Returns "file:line" of the code that filled the slot, for logs and bug reports. */
const char *rt_error_place(void);

/* Empties the calling thread's slot. */
void rt_error_clear(void);

RT_END_DECLS

#endif
