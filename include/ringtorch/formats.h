/* Files of tensors: safetensors (https://github.com/huggingface/safetensors, version 0.4).
 *
 *     rt_module *net = rt_nn_sequential(rt_nn_linear(3, 2));
 *     rt_nn_save(net, "net.safetensors");        // as PyTorch's state_dict names the tensors
 *     rt_nn_load(net, "net.safetensors");
 *
 *     float data[] = {1, 2, 3, 4};
 *     rt_st_writer *w;
 *     if (rt_st_create("weights.safetensors", &w) == RT_OK) {
 *         rt_st_metadata(w, "format", "pt");
 *         rt_st_add(w, "0.weight", RT_F32, rt_shape(2, 2), data);   // borrowed until rt_st_finish
 *         rt_st_finish(w, NULL, NULL);           // written, fsynced, renamed into place
 *     }
 *
 * Lifetime: rt_st_create returns a writer that rt_st_finish or rt_st_abandon frees. safetensors.h reads
 * files tensor by tensor. */
#ifndef RINGTORCH_FORMATS_H
#define RINGTORCH_FORMATS_H

#include <ringtorch/nn.h>
#include <ringtorch/safetensors.h>

RT_BEGIN_DECLS

/* A file that is being written. */
typedef struct rt_st_writer rt_st_writer;
/* Begins a file. It has a temporary name in the same directory until it is finished. The mode and
 * owner of an existing file are preserved, and symbolic links are followed. "-" is standard
 * output; pipes and character devices are written directly. Fails with ARG for a directory, a
 * disk, a socket, a terminal, and a file or directory without write permission. rt_st_finish or
 * rt_st_abandon frees the writer. */
RT_API rt_status rt_st_create(const char *path, rt_st_writer **out);
/* Adds a text to the header. */
RT_API rt_status rt_st_metadata(rt_st_writer *w, const char *key, const char *value);
/* Adds a contiguous tensor. The data is borrowed until rt_st_finish. */
RT_API rt_status rt_st_add(rt_st_writer *w, const char *name, rt_dtype dtype, rt_dims shape,
                           const void *data);
/* Writes and fsyncs the file. *bytes becomes its size and *checksum the XXH3-64 of the whole file;
 * both may be NULL. Frees the writer, also on failure, when it removes the unfinished file. */
RT_API rt_status rt_st_finish(rt_st_writer *w, uint64_t *bytes, uint64_t *checksum);
/* Frees the writer without writing; an existing file stays as it is. */
RT_API void rt_st_abandon(rt_st_writer *w);

/* Writes a net's parameters and persistent buffers under all their names, as PyTorch's state_dict
 * has them: a tied parameter is there once for each of its names. All must be float32. Parameters
 * of an optimiser are written from their home (rt_param_home), whatever they show. */
RT_API rt_status rt_nn_save(const rt_module *net, const char *path);
/* Reads a net's parameters and persistent buffers from a file that this library or PyTorch wrote;
 * float16, bfloat16 and float64 are converted. Checks everything before it changes anything:
 * MISMATCH lists what is missing, has another shape, or does not belong to this net. All names may
 * have a common prefix ("module.", "model."). A tied parameter may be there under one of its
 * names, or under several with the same value. A missing batch count (num_batches_tracked) is 0. A
 * parameter with a home (rt_param_home) is filled there. */
RT_API rt_status rt_nn_load(rt_module *net, const char *path);

RT_END_DECLS

#endif
