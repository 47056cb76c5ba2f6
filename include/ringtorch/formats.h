/* Files of tensors: safetensors (https://github.com/huggingface/safetensors, version 0.4).
 *
 *     rt_st_writer *w;
 *     RT_TRY(rt_st_create("weights.safetensors", &w));
 *     rt_st_metadata(w, "format", "pt");
 *     rt_st_add(w, "0.weight", RT_F32, rt_shape(32, 1, 3, 3), data);   // not copied
 *     RT_TRY(rt_st_finish(w, &bytes, &checksum));   // written, fsynced, renamed into place
 *
 * Reading is in safetensors.h. */
#ifndef RINGTORCH_FORMATS_H
#define RINGTORCH_FORMATS_H

#include <ringtorch/nn.h>
#include <ringtorch/safetensors.h>

RT_BEGIN_DECLS

typedef struct rt_st_writer rt_st_writer;
/* Begins a file, under a temporary name beside it until it is finished; mode and owner of a file that is
 * there are kept, symbolic links followed. "-" is standard output; pipes and character devices are written
 * straight through. ARG: a directory, a disk, a socket, a terminal, a file or folder that may not be written.
 * rt_st_finish or rt_st_abandon frees the writer. */
rt_status rt_st_create(const char *path, rt_st_writer **out);
/* Adds a text to the header. */
rt_status rt_st_metadata(rt_st_writer *w, const char *key, const char *value);
/* Adds a tensor, contiguous; data is borrowed until rt_st_finish. */
rt_status rt_st_add(rt_st_writer *w, const char *name, rt_dtype dtype, rt_dims shape,
                    const void *data);
/* Writes and fsyncs; *bytes and *checksum (XXH3-64 of the whole file) may be NULL. Frees the
 * writer, also on failure, when the unfinished file is removed. */
rt_status rt_st_finish(rt_st_writer *w, uint64_t *bytes, uint64_t *checksum);
/* Frees the writer; what is at the path stays as it is. */
void rt_st_abandon(rt_st_writer *w);

/* Writes a net's parameters under their names. */
rt_status rt_nn_save(const rt_module *net, const char *path);
/* Reads them, as this library or PyTorch wrote them; float16, bfloat16 and float64 are converted. Checks everything
 * before anything is changed: MISMATCH lists what is missing, of another shape, or not of this net. All names may have
 * the same prefix ("module.", "model."). */
rt_status rt_nn_load(rt_module *net, const char *path);

RT_END_DECLS

#endif
