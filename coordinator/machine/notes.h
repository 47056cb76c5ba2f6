/* Notes at the start of a run about settings that are valid but may surprise the user. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_NOTES_H
#define RINGTORCH_COORDINATOR_MACHINE_NOTES_H

#include "coordinator/machine/state.h"

enum { RT__NOTE_BYTES = 512 }; /* of a note, with its terminating zero */

/* Writes the notes before the first step of a launch. `made`: steps that earlier launches of the run had made. */
void rt__run_record_notes(rt__run *r, double now, int64_t made);
/* If the training loss at the end of the run shows that nothing was learned, writes that to `text` and returns it, else NULL. */
const char *rt__run_learned_nothing(const rt__run *r, char text[RT__NOTE_BYTES]);

#endif
