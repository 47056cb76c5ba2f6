/* Control-plane messages: structs, encode, decode and print, all made from messages.def.
 *
 *     rt_msg_piece_done done = {.step = 500, .file = "piece-00000.safetensors", .bytes = n};
 *     rt_wire_send(w, NULL, RT_MSG_PIECE_DONE, &done);          // strings are borrowed for the call
 *     ...
 *     if (f.type == RT_MSG_PIECE_DONE) note(f.body.piece_done.file, f.body.piece_done.bytes);
 *
 * In a struct to send, a NULL string stands for "" and strings and arrays stay the caller's. In a
 * decoded body they are owned by the body and never NULL; rt_msg_body_release frees them. */
#ifndef RINGTORCH_COMMON_MESSAGES_H
#define RINGTORCH_COMMON_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "common/file.h"
#include <ringtorch/status.h>

/* Numbers per entry of the arrays that hold one entry after another; messages.def says which. */
enum { RT_OFFER_FIELDS = 5, RT_TRACE_FIELDS = 5, RT_PIECE_FIELDS = 5 };

/* What a worker is at, in PROGRESS, before it can say HELLO: words that follow "is". */
#define RT_WHAT_OPENING  "opening the data set"
#define RT_WHAT_MPI_INIT "in MPI_Init"

/* A step is a pure function of the state before it: what has failed because of the work itself fails again. */
typedef enum rt_next {
    RT_NEXT_RESUME, /* its newest state */
    RT_NEXT_OTHER_RATE, /* a new run at a lower rate: from its newest state the loss gets not finite again */
    RT_NEXT_NOTHING, /* nothing: the same would happen again */
} rt_next;
/* As summary.json has it; RT_NEXT_RESUME for a name that is none. */
const char *rt_next_name(rt_next next);
rt_next rt_next_of_name(const char *name);

/* struct rt_msg_hello { const char *host; int64_t pid; ... const int64_t *offers;
 * int64_t offers_count; ... } */
#define MESSAGE(TYPE, type, number) typedef struct rt_msg_##type {
#define I64(name)                   int64_t name;
#define F64(name)                   double name;
#define STR(name, longest)          const char *name;
#define I64S(name, most)                                                                           \
    const int64_t *name;                                                                           \
    int64_t name##_count;
#define STRS(name, most, longest)                                                                  \
    const char *const *name;                                                                       \
    int64_t name##_count;
#define END(TYPE, type)                                                                            \
    }                                                                                              \
    rt_msg_##type;
#include "common/messages.def"

typedef enum rt_msg_type {
#define MESSAGE(TYPE, type, number) RT_MSG_##TYPE = number,
#include "common/messages.def"
} rt_msg_type;

typedef union rt_msg_body {
#define MESSAGE(TYPE, type, number) rt_msg_##type type;
#include "common/messages.def"
} rt_msg_body;

enum {
    RT_MSG_TYPES = 0 /* how many types there are */
#define MESSAGE(TYPE, type, number) +1
#include "common/messages.def"
};

/* Returns "PLAN"; "?" for a number that is no type. */
const char *rt_msg_name(int64_t type);
/* Returns the i-th type in the order of messages.def, 0 <= i < RT_MSG_TYPES. */
rt_msg_type rt_msg_type_at(int i);

/* Encodes a body as a msgpack array of its fields. RANGE, with message and field named, if one is
 * longer than messages.def allows. */
rt_status rt_msg_encode(rt_msg_type type, const void *body, rt_bytes *out);
/* Decodes exactly `len` bytes. Every length is checked against messages.def and the bytes at hand
 * before anything is allocated; PROTOCOL, with message and field named, on any deviation, and *out
 * is then empty. */
rt_status rt_msg_decode(int64_t type, const void *data, size_t len, rt_msg_body *out);
void rt_msg_body_release(rt_msg_type type, rt_msg_body *body);

/* Prints "PIECE_DONE {step: 500, file: "piece-00000.safetensors", ...}", long arrays cut short. */
void rt_msg_print(FILE *to, rt_msg_type type, const void *body);
/* Fills *out with a random body within the limits of messages.def; *state is the seed and moves on.
 * For tests. */
rt_status rt_msg_random(rt_msg_type type, uint64_t *state, rt_msg_body *out);

#endif
