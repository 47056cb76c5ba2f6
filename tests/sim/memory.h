/* Memory of the simulator itself, apart from what is simulated: it cannot run out, or the process
 * ends.
 *
 *     if (count == room)
 *         list = sim_grow(list, &room, sizeof *list);  // twice as much room
 *     sim_free(list);
 *
 * common/mem.h is left to the code under test, so that its allocations can be counted. */
#ifndef RINGTORCH_TESTS_SIM_MEMORY_H
#define RINGTORCH_TESTS_SIM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Returns zeroed memory. */
void *sim_alloc(size_t size);
/* Doubles the room of an array (from nothing: 8); the contents stay. */
void *sim_grow(void *list, int64_t *room, size_t item);
void sim_free(void *p);

#endif
