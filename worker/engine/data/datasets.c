/* Opens the data set that a configuration names. */
#include "worker/engine/data/datasets.h"

#include "common/base/error.h"
#include "common/config/added.h"
#include "common/config/config_table.h"
#include "worker/engine/base/callback.h"
#include <stdio.h>

/* Opens a plugin's set, and checks what the plugin returns. */
static rt_dataset *open_added(const rt_config *cfg, const rt_data_part *part)
{
    char what[64], name[RT__ADDED_NAME];
    const rt__family_row *row = rt__family_chosen(rt__family_of("data"), cfg);
    snprintf(what, sizeof what, "data set %s", row->name);
    if (rt__added_check(&row->added, what) != RT_OK)
        return NULL;
    rt__added_name(&row->added, "data set", row->name, name);
    const rt_dataset_row *set = row->added.code;
    rt_dataset *d = set->open(rt_config_values(cfg, "data"), part);
    if (!d && rt_failed())
        return rt_error_prefix("%s", name), NULL;
    if (rt__callback_object(d, name, ".open") != RT_OK)
        return NULL;
    return rt__object_is(d, &rt__dataset_type, what, 1) ? d : NULL;
}

static rt_dataset *open(const rt_config *cfg, const rt_data_part *part)
{
    switch ((int)cfg->data.dataset) {
#define ROW(section, constant, id, text, FIELDS, help)                                             \
    case constant:                                                                                 \
        return rt__open_##id(&cfg->data.id, part);
        RT_DATASETS(ROW)
#undef ROW
    }
    return open_added(cfg, part);
}

/* Fails if the preprocessing is for another kind of data set. Checked here because sets without a
 * preprocessing of their own ignore it. */
static rt_status check_kind(const rt_config *cfg, const char *preprocessing, const char *from)
{
    json_t *j;
    if (!preprocessing)
        return RT_OK;
    RT_TRY(rt__preprocessing_parse(preprocessing, rt_config_choice(cfg, "data.dataset"),
                                   rt_config_data_path(cfg), from, &j));
    json_decref(j);
    return RT_OK;
}

rt_dataset *rt__data_open(const rt_config *cfg, bool train, const char *preprocessing,
                          const char *from)
{
    if (check_kind(cfg, preprocessing, from) != RT_OK)
        return NULL;
    bool limited = train && cfg->data.limit > 0;
    rt_data_part part = {.train = train,
                         .limit = limited ? cfg->data.limit : INT64_MAX,
                         .preprocessing = preprocessing,
                         .preprocessing_from = from};
    return open(cfg, &part);
}
