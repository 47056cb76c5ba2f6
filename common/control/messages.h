/* Control-plane messages: structs and names, all generated from messages.def. messages_codec.h makes bytes of them.
 *
 *     rt_msg_piece_done done = {.step = 500, .file = "piece-00000.safetensors", .bytes = n};
 *     rt_wire_send(w, NULL, RT_MSG_PIECE_DONE, &done);          // strings are borrowed for the call
 *     ...
 *     if (f.type == RT_MSG_PIECE_DONE) note(f.body.piece_done.file, f.body.piece_done.bytes);
 *
 * In a struct to send, a NULL string stands for "", and strings and arrays belong to the caller. In a decoded body they
 * belong to the body and are never NULL; rt_msg_body_release frees them. */
#ifndef RINGTORCH_COMMON_CONTROL_MESSAGES_H
#define RINGTORCH_COMMON_CONTROL_MESSAGES_H

#include "common/base/designated.h"
#include "common/base/phase.h"
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The axis of PLAN along which the slices of a step are dealt to ranks. */
#define RT_AXIS_DATA "data"

/* typedef enum rt_source { RT_SOURCE_FRESH, ... } rt_source; */
#define NAMES(TYPE, type)                                                                          \
    typedef enum rt_##type                                                                         \
    {
#define NAME(TYPE, value, text) RT_##TYPE##_##value,
#define END_NAMES(TYPE, type)                                                                      \
    RT_##TYPE##_VALUES /* how many there are */                                                    \
    }                                                                                              \
    rt_##type;
#include "common/control/messages.def"

/* Return the name of a value, such as rt_next_name(RT_NEXT_OTHER_RATE) "other rate", or NULL if there is no such value. */
#define NAMES(TYPE, type) const char *rt_##type##_name(int64_t value);
#include "common/control/messages.def"
/* Returns the value of a name; RT_NEXT_RESUME if the name is unknown. */
rt_next rt_next_of_name(const char *name);

/* typedef struct rt_msg_offer { int64_t generation; ... } rt_msg_offer; */
#define ENTRY(type)  typedef struct RT_DESIGNATED rt_msg_##type {
#define NUMBER(name) int64_t name;
#define END_ENTRY(type)                                                                            \
    }                                                                                              \
    rt_msg_##type;
#include "common/control/messages.def"

/* struct rt_msg_hello { const char *host; int64_t pid; ... const rt_msg_offer *offers;
 * int64_t offers_count; ... } */
#define MESSAGE(TYPE, type, number) typedef struct RT_DESIGNATED rt_msg_##type {
#define I64(name)                   int64_t name;
#define FLAG(name)                  bool name;
#define ENUM(name, type)            rt_##type name;
#define F64(name)                   double name;
#define STR(name, longest)          const char *name;
#define I64S(name, most)                                                                           \
    const int64_t *name;                                                                           \
    int64_t name##_count;
#define ENTRIES(name, type, most)                                                                  \
    const rt_msg_##type *name;                                                                     \
    int64_t name##_count;
#define STRS(name, most, longest)                                                                  \
    const char *const *name;                                                                       \
    int64_t name##_count;
#define END(TYPE, type)                                                                            \
    }                                                                                              \
    rt_msg_##type;
#include "common/control/messages.def"

typedef enum rt_msg_type {
#define MESSAGE(TYPE, type, number) RT_MSG_##TYPE = number,
#include "common/control/messages.def"
} rt_msg_type;

typedef union rt_msg_body {
#define MESSAGE(TYPE, type, number) rt_msg_##type type;
#include "common/control/messages.def"
} rt_msg_body;

enum {
    RT_MSG_TYPES = 0 /* how many types there are */
#define MESSAGE(TYPE, type, number) +1
#include "common/control/messages.def"
};

/* Returns the name, such as "PLAN", or "?" if the number is not a type. */
const char *rt_msg_name(int64_t type);
/* Returns a hash of the names and types of all messages and their members. Programs in which it is the same understand each
 * other. */
uint64_t rt_messages_identity(void);
/* Returns the i-th type in the order of messages.def, 0 <= i < RT_MSG_TYPES. */
rt_msg_type rt_msg_type_at(int i);

#endif
