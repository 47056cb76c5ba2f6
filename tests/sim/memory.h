/* Memory of the simulator itself: allocation never fails, or the process ends.
 *
 *     if (count == room)
 *         list = sim_grow(list, &room, sizeof *list);  // twice as much room
 *     sim_free(list);
 *
 * Only the code under test uses common/base/mem.h, so that its allocations can be counted. */
#ifndef RINGTORCH_TESTS_SIM_MEMORY_H
#define RINGTORCH_TESTS_SIM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Returns zeroed memory. */
void *sim_alloc(size_t size);
/* Doubles the room of an array (to 8 if it has none) and keeps its contents. */
void *sim_grow(void *list, int64_t *room, size_t item);
void sim_free(void *p);

#endif
