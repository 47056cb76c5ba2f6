/* Which data set a configuration asks for. */
#include "worker/engine/data/datasets.h"

#include "common/error.h"

static rt_dataset *open(const rt_config *cfg, const rt__data_part *part)
{
    switch (cfg->data.dataset) {
#define ROW(section, constant, id, text, FIELDS, help)                                             \
    case constant:                                                                                 \
        return rt__open_##id(&cfg->data.id, part);
        RT_DATASETS(ROW)
#undef ROW
    }
    RT_ASSERT(!"a row of datasets.def");
    return NULL;
}

rt_dataset *rt__data_open(const rt_config *cfg, bool train)
{
    bool limited = train && cfg->data.limit > 0;
    rt__data_part part = {.train = train, .limit = limited ? cfg->data.limit : INT64_MAX};
    return open(cfg, &part);
}
