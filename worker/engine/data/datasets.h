/* Data sets by their names in configurations: the rows of ringtorch/datasets.def, and how each is opened.
 *
 *     rt_dataset *train = rt__data_open(cfg, true, NULL, NULL);
 *     rt_dataset *test = rt__data_open(cfg, false, rt_data_preprocessing(train), NULL);
 */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_DATASETS_H
#define RINGTORCH_WORKER_ENGINE_DATA_DATASETS_H

#include "common/config/config.h"
#include "worker/engine/data/dataset.h"
#include <ringtorch/dataset.h>

/* rt__open_text(values, part), ...: one for each row, in the set's own file. NULL on failure; owned by the current scope. */
#define ROW(section, constant, id, text, FIELDS, help)                                             \
    rt_dataset *rt__open_##id(const rt_data_##id##_values *v, const rt_data_part *part);
RT_DATASETS(ROW)
#undef ROW

/* Opens the training or test part of the configured set, with at most data.limit training samples. preprocessing: of the set that the net
 * was trained on, see ringtorch/data.h; NULL if this is that set. from: the file it was read from, for messages, or NULL. NULL on failure;
 * owned by the current scope. */
rt_dataset *rt__data_open(const rt_config *cfg, bool train, const char *preprocessing,
                          const char *from);

#endif
