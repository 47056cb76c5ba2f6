#include "common/control/messages.h"

#include "common/base/error.h"
#include <string.h>

#define NAMES(TYPE, type)       static const char *const type##_names[] = {
#define NAME(TYPE, value, text) text,
#define END_NAMES(TYPE, type)                                                                      \
    }                                                                                              \
    ;                                                                                              \
    const char *rt_##type##_name(int64_t value)                                                    \
    {                                                                                              \
        return value >= 0 && value < RT_##TYPE##_VALUES ? type##_names[value] : NULL;              \
    }
#include "common/control/messages.def"

rt_next rt_next_of_name(const char *name)
{
    for (int i = 0; i < RT_NEXT_VALUES; i++)
        if (strcmp(name, next_names[i]) == 0)
            return (rt_next)i;
    return RT_NEXT_RESUME;
}

rt_msg_type rt_msg_type_at(int i)
{
    static const rt_msg_type types[] = {
#define MESSAGE(TYPE, type, number) RT_MSG_##TYPE,
#include "common/control/messages.def"
    };
    RT_ASSERT(0 <= i && i < RT_MSG_TYPES);
    return types[i];
}

const char *rt_msg_name(int64_t type)
{
    switch (type) {
#define MESSAGE(TYPE, type, number)                                                                \
    case number:                                                                                   \
        return #TYPE;
#include "common/control/messages.def"
    }
    return "?";
}
