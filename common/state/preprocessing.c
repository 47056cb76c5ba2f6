/* Reads the preprocessing of data from where it is stored beside weights. */
#include "common/state/preprocessing.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/state/data_identity.h"
#include <ringtorch/safetensors.h>
#include <string.h>

rt_status rt_preprocessing_of_weights(const char *path, char **out)
{
    rt_st_reader *r;
    *out = NULL;
    RT_TRY(rt_st_open(path, &r));
    const char *text = rt_st_get_metadata(r, RT_PREPROCESSING_KEY);
    rt_status status = RT_OK;
    if (text && strlen(text) > RT_PREPROCESSING_MAX)
        status = RT_FAIL(FORMAT, "%s: __metadata__: %s has %zu bytes, expected at most %d", path,
                         RT_PREPROCESSING_KEY, strlen(text), RT_PREPROCESSING_MAX);
    else if (text && !(*out = rt_strdup(text)))
        status = rt_error_code();
    rt_st_close(r);
    return status;
}

rt_status rt_preprocessing_of_run(const char *dir, char **out)
{
    rt_bytes file = {0};
    *out = NULL;
    char *path = rt_path_join(dir, RT_PREPROCESSING_FILE);
    if (!path)
        return rt_error_code();
    bool there;
    rt_status status = rt_path_look(path, &there);
    if (status == RT_OK && there)
        status = rt_file_read(path, RT_PREPROCESSING_MAX, &file);
    rt_mem_free(path);
    *out = (char *)file.data; /* zero-terminated */
    return status;
}
