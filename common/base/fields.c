#include "common/base/fields.h"

#include <math.h>

int64_t rt__field_int(const json_t *j, const char *key, int64_t none)
{
    const json_t *member = json_object_get(j, key);
    if (json_is_integer(member))
        return json_integer_value(member);
    double number = json_is_real(member) ? json_real_value(member) : NAN;
    return number > -9e18 && number < 9e18 ? (int64_t)number : none;
}

double rt__field_number(const json_t *j, const char *key)
{
    const json_t *member = json_object_get(j, key);
    return json_is_number(member) ? json_number_value(member) : NAN;
}

const char *rt__field_text(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

const json_t *rt__field_list(const json_t *j, const char *key)
{
    const json_t *member = json_object_get(j, key);
    return json_is_array(member) ? member : NULL;
}
