/* Detects misuse of objects when RT_DEBUG=1 is in the environment: an object freed twice, used
 * after it was freed, or a pointer that is no object at all.
 *
 *     if (rt__debug && !rt__debug_check_live("free", o, __builtin_return_address(0)))
 *         return;                            // the error slot says what o is, and who freed it
 *
 * A freed object's struct is quarantined: it is marked as freed and returned to the allocator only
 * after many later ones have been freed. The values of tensors are released at once, so a program
 * needs hardly more memory than without RT_DEBUG. rt_shutdown releases the quarantine. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_DEBUG_H
#define RINGTORCH_WORKER_ENGINE_BASE_DEBUG_H

#include "worker/engine/base/object.h"

/* True if RT_DEBUG is set to anything but 0. Read before main begins. */
extern bool rt__debug;

/* Registers an object type, so that its objects can be recognised. */
void rt__debug_register_type(const rt_object_type *type);
/* Returns whether o is a live object with an owner other than the graph. If not, fails with a message that begins with `what`. What
 * is freed from now on is recorded as freed by the code at `where`. */
bool rt__debug_check_live(const char *what, const rt_object *o, const void *where);
/* Moves the struct of a destroyed object into the quarantine. */
void rt__debug_quarantine(rt_object *o);
/* Returns whether o has been freed. */
bool rt__debug_is_freed(const rt_object *o);
/* Describes a freed object and the code that freed it: "tensor that was freed before, at ./a.out+0x12f0
 * (...)". */
const char *rt__debug_freed_text(const rt_object *o);
/* Releases the calling thread's quarantine. */
void rt__debug_release(void);

#endif
