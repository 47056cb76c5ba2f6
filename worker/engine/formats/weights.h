/* Tensors from elsewhere as the parameters of a net.
 *
 *     RT_TRY(rt__weights_take(net, rt_st_at(r, 0), rt_st_count(r), path, false));
 */
#ifndef RINGTORCH_ENGINE_FORMATS_WEIGHTS_H
#define RINGTORCH_ENGINE_FORMATS_WEIGHTS_H

#include <ringtorch/formats.h>

/* Copies the tensors offered ([count]) into the net's parameters of the same names, once it is clear that they are the
 * net's, each once and nothing else: any floating-point type will do, and all names may have the same prefix up to a dot
 * ("module." of DistributedDataParallel, "model."). MISMATCH lists everything that is missing, of another shape, or not of
 * this net. partial: what does not fit is left out, and logged; MISMATCH only if nothing fits. */
rt_status rt__weights_take(rt_module *net, const rt_st_entry *offered, int64_t count,
                           const char *path, bool partial);
/* The same from a safetensors file. */
rt_status rt__weights_take_file(rt_module *net, const char *path, bool partial);

#endif
