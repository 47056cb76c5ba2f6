/* Status codes and the error slot.
 *
 *     rt_tensor *a = rt_ones(rt_shape(2, 3)), *b = rt_ones(rt_shape(4, 5));
 *     rt_tensor *y = rt_relu(rt_matmul(a, b));   // matmul fails, so y is NULL
 *     if (rt_failed())                           // one check per step is enough
 *         printf("%s\n", rt_error());            // matmul: [2,3] and [4,5]: inner sizes 3 and 4 differ
 *     rt_error_clear();
 *
 * Each thread has one slot. The first failure fills it; later failures are dropped, because they are
 * nearly always consequences of the first. While the slot is filled, every constructor and operation
 * returns NULL immediately. Messages are borrowed: they are valid until the slot is cleared or filled
 * again. */
#ifndef RINGTORCH_STATUS_H
#define RINGTORCH_STATUS_H

#include <ringtorch/export.h>
#include <stdbool.h>

RT_BEGIN_DECLS

/* The result of a function that can fail. */
typedef enum rt_status {
    RT_OK = 0,
#define STATUS(name, value, klass, text) RT_E_##name = value,
#include <ringtorch/status.def>
#undef STATUS
} rt_status;

/* Returns the fixed text of a status code, for example "shapes do not fit". Never NULL. */
RT_API const char *rt_status_text(rt_status s);

/* Returns the name of a status code as a constant, for example "SHAPE" or "OK". Never NULL. */
RT_API const char *rt_status_name(rt_status s);

/* Returns the exit code with which a program should end: 0 for RT_OK, 2 for a user's error,
 * otherwise 1. */
RT_API int rt_status_exit_code(rt_status s);

/* Returns true while the calling thread's error slot is filled. */
RT_API bool rt_failed(void);

/* Returns the code in the error slot, RT_OK if the slot is empty. */
RT_API rt_status rt_error_code(void);

/* Returns the message in the error slot: what is wrong, where, and what to do. Returns "" if the
 * slot is empty. Borrowed until the slot is cleared or filled again. */
RT_API const char *rt_error(void);

/* Returns "file:line" of the code that filled the slot, for logs and bug reports. */
RT_API const char *rt_error_place(void);

/* Empties the calling thread's error slot. */
RT_API void rt_error_clear(void);

/* Fills the error slot, unless it is already filled, and returns `code`. For operations, layers
 * and other extensions that you write. The message names the thing at fault, what was expected and
 * what to do.
 *
 *     if (at->dims.n != 2)
 *         return rt_fail(RT_E_CONFIG, "needs an input [places, features], got %s",
 *                        rt_dims_text(at->dims));
 */
#define rt_fail(code, ...) rt_fail_at(__FILE__, __LINE__, code, __VA_ARGS__)
/* The function behind rt_fail. */
RT_API rt_status rt_fail_at(const char *file, int line, rt_status code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

RT_END_DECLS

#endif
