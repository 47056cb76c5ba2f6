#include "common/control/messages_table.h"

#include "common/base/hash.h"
#include "common/base/phase.h"
#include <stddef.h>

/* ---- names of numbers ---- */

#define NAMES(TYPE, type)                                                                          \
    static const rt__named type##_named = {#type, rt_##type##_name, 0, RT_##TYPE##_VALUES - 1};
#include "common/control/messages.def"

static const char *phase_name(int64_t value)
{
    return value >= 0 && value < RT_PHASES ? rt_phase_name(value) : NULL;
}
static const rt__named phase_named = {"phase", phase_name, 0, RT_PHASES - 1};

static const char *status_name(int64_t value)
{
    const char *name =
        value >= RT_E_INTERNAL && value <= RT_OK ? rt_status_name((rt_status)value) : "?";
    return name[0] == '?' ? NULL : name;
}
static const rt__named status_named = {"status code", status_name, RT_E_INTERNAL, RT_OK};

/* ---- the tables ---- */

#define ENTRY(type)  static const char *const type##_numbers[] = {
#define NUMBER(name) #name,
#define END_ENTRY(type)                                                                            \
    }                                                                                              \
    ;                                                                                              \
    _Static_assert(sizeof(rt_msg_##type) ==                                                        \
                       sizeof type##_numbers / sizeof(char *) * sizeof(int64_t),                   \
                   "an entry is its numbers, one after the other");
#include "common/control/messages.def"

/* One constant table of fields per message, inside a function so that `self` can name the struct of the rows. */
#define MESSAGE(TYPE, type, number)                                                                \
    static rt__message type##_message(void)                                                        \
    {                                                                                              \
        typedef rt_msg_##type self;                                                                \
        static const rt__field fields[] = {
#define I64(name)  {RT__FIELD_I64, #name, .offset = offsetof(self, name)},
#define FLAG(name) {RT__FIELD_FLAG, #name, .offset = offsetof(self, name)},
#define ENUM(name, type)                                                                           \
    {RT__FIELD_ENUM, #name, .offset = offsetof(self, name), .named = &type##_named},
#define F64(name)    {RT__FIELD_F64, #name, .offset = offsetof(self, name)},
#define STR(name, l) {RT__FIELD_STR, #name, .offset = offsetof(self, name), .longest = l},
#define ARRAY(name, m)                                                                             \
    .offset = offsetof(self, name), .count_offset = offsetof(self, name##_count), .most = m
#define I64S(name, m) {RT__FIELD_I64S, #name, ARRAY(name, m), .per = 1},
#define ENTRIES(name, type, m)                                                                     \
    {RT__FIELD_I64S, #name, ARRAY(name, m), .per = sizeof(rt_msg_##type) / sizeof(int64_t),        \
     .numbers = type##_numbers},
#define STRS(name, m, l) {RT__FIELD_STRS, #name, ARRAY(name, m), .per = 1, .longest = l},
#define END(TYPE, type)                                                                            \
    }                                                                                              \
    ;                                                                                              \
    return (rt__message){RT_MSG_##TYPE, #TYPE, fields, (int)(sizeof fields / sizeof *fields)};     \
    }
#include "common/control/messages.def"

bool rt__message_find(int64_t type, rt__message *out)
{
    switch (type) {
#define MESSAGE(TYPE, type, number)                                                                \
    case number:                                                                                   \
        *out = type##_message();                                                                   \
        return true;
#include "common/control/messages.def"
    }
    return false;
}

/* All rows as one text. */
static const char rows[] = ""
#define MESSAGE(TYPE, type, number) " " #TYPE " " #number
#define I64(name)                   " i" #name
#define FLAG(name)                  " b" #name
#define ENUM(name, type)            " e" #name ":" #type
#define F64(name)                   " f" #name
#define STR(name, l)                " s" #name
#define I64S(name, m)               " I" #name
#define ENTRIES(name, type, m)      " E" #name ":" #type
#define STRS(name, m, l)            " S" #name
#define NUMBER(name)                " n" #name
#include "common/control/messages.def"
    ;

uint64_t rt_messages_identity(void)
{
    return rt_hash64(rows, sizeof rows - 1);
}
