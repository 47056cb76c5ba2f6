/* Data sets as configurations name them: the rows of ringtorch/datasets.def, and how each is opened.
 *
 *     rt_dataset *train = rt__data_open(cfg, true), *test = rt__data_open(cfg, false);
 */
#ifndef RINGTORCH_ENGINE_DATA_DATASETS_H
#define RINGTORCH_ENGINE_DATA_DATASETS_H

#include "common/config.h"
#include "worker/engine/data/dataset.h"

/* What is wanted of a set. */
typedef struct rt__data_part {
    bool train;    /* else what is held out */
    int64_t limit; /* of the samples, the first so many; INT64_MAX: all */
} rt__data_part;

/* rt__open_text(values, part), ...: one for each row, in the file of the set. NULL on failure; owned by the current scope. */
#define ROW(section, constant, id, text, FIELDS, help)                                             \
    rt_dataset *rt__open_##id(const rt_data_##id##_values *v, const rt__data_part *part);
RT_DATASETS(ROW)
#undef ROW

/* Opens the part of the configured set: of training samples at most data.limit. NULL on failure; owned by the current scope. */
rt_dataset *rt__data_open(const rt_config *cfg, bool train);

#endif
