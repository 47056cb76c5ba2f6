/* Checks that every element of a saved state is there exactly once. All parts of the state are laid end to end on a
 * line, and each entry is a stretch of it; sorted, the stretches must join without gaps or overlaps.
 *
 *     RT_TRY(rt__saved_check_cover(&s));
 */
#ifndef RINGTORCH_COMMON_STATE_SAVED_COVER_H
#define RINGTORCH_COMMON_STATE_SAVED_COVER_H

#include "common/state/saved_entry.h"

/* Checks that the pieces hold every element of the layout exactly once, as parameter and as each state of the
 * manifest's optimiser, and nothing else. Fails with CORRUPT, naming the piece. */
rt_status rt__saved_check_cover(const rt_saved *s);

#endif
