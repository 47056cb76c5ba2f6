/* Misuse of objects, found and named when RT_DEBUG=1 is in the environment: freed twice, used after
 * their end, or no objects at all.
 *
 *     if (rt__debug && !rt__debug_touch("free", o, __builtin_return_address(0)))
 *         return;                            // the error slot says what o is, and who freed it
 *
 * Freed objects are not given back at once but kept, marked as freed, until many more have been. Their
 * values are, so that memory suffices as without. rt_shutdown gives all back. */
#ifndef RINGTORCH_ENGINE_DEBUG_H
#define RINGTORCH_ENGINE_DEBUG_H

#include "worker/engine/base/object.h"

/* Is RT_DEBUG set, to anything but 0? Read before main begins. */
extern bool rt__debug;

/* Notes that objects of this type exist. */
void rt__debug_know(const rt_object_type *type);
/* Is o a living object, with an owner beside the graph? Else fails, and `what` opens the message. What is freed from now on was freed
 * by the code at `where`. */
bool rt__debug_touch(const char *what, const rt_object *o, const void *where);
/* Keeps what is left of an object after its end. */
void rt__debug_bury(rt_object *o);
/* Was o freed? */
bool rt__debug_is_freed(const rt_object *o);
/* What a freed object was and who freed it: "tensor that was freed before, at ./a.out+0x12f0 (...)". */
const char *rt__debug_freed_text(const rt_object *o);
/* Gives back what the calling thread has kept. */
void rt__debug_release(void);

#endif
