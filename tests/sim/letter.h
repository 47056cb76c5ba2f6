/* A message on its way: a reference-counted copy.
 *
 *     sim_letter *l = sim_letter_write(RT_MSG_STOP, &stop, generation);
 *     rt_frame f;
 *     sim_letter_read(l, "w3#7", "worker 3", &f);          // borrows what the letter holds
 *     sim_letter_drop(l);
 *
 * Encoding every message would cost more than the rest of the simulation, so it is not encoded; what the encoder would refuse is refused
 * here. */
#ifndef RINGTORCH_TESTS_SIM_LETTER_H
#define RINGTORCH_TESTS_SIM_LETTER_H

#include "common/control/wire.h"

typedef struct sim_letter {
    int64_t holders;
    rt_msg_type type;
    int64_t generation; /* of the frame */
    size_t bytes;       /* what the copy takes up */
    rt_msg_body body; /* allocated only up to the member of this type; what it points to follows */
} sim_letter;

/* Returns a copy of a message, with its strings and arrays. Returns NULL, with the field in the error slot, if one is longer than
 * messages.def allows. */
sim_letter *sim_letter_write(rt_msg_type type, const void *body, int64_t generation);
/* Returns the letter with one more holder. */
sim_letter *sim_letter_keep(sim_letter *l);
void sim_letter_drop(sim_letter *l);
/* Makes a frame of it, as the wire would; it is valid as long as the letter. */
void sim_letter_read(const sim_letter *l, const char *peer, const char *sender, rt_frame *out);

#endif
