/* The preprocessing of data (ringtorch/data.h) stored beside weights: under a key in the metadata of safetensors files,
 * and in a file of a run directory if the run uses the preprocessing of its model.init instead of one made from its own
 * data.
 *
 *     char *text;
 *     RT_TRY(rt_preprocessing_of_weights("model.safetensors", &text));
 *     ... NULL: the file has none ...
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_COMMON_STATE_PREPROCESSING_H
#define RINGTORCH_COMMON_STATE_PREPROCESSING_H

#include <ringtorch/status.h>

#define RT_PREPROCESSING_KEY  "ringtorch.preprocessing" /* in __metadata__ */
#define RT_PREPROCESSING_FILE "preprocessing.json"      /* in a run directory */

/* Returns in *out the preprocessing in a file of weights (rt_mem_free), or NULL if it has none. Fails like rt_st_open.
 * The content is not validated here but by the data set that is read with it. */
rt_status rt_preprocessing_of_weights(const char *path, char **out);
/* The same for a run directory; NULL if the preprocessing comes from the run's own data. */
rt_status rt_preprocessing_of_run(const char *dir, char **out);

#endif
