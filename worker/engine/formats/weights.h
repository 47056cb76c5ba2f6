/* Whether tensors from elsewhere are the parameters of a net.
 *
 *     int prefix;
 *     RT_TRY(rt__weights_fit(net, rt_st_at(r, 0), rt_st_count(r), path, &prefix));
 *     ... the parameter "0.weight" is the tensor whose name is "0.weight" after `prefix` bytes ...
 */
#ifndef RINGTORCH_ENGINE_FORMATS_WEIGHTS_H
#define RINGTORCH_ENGINE_FORMATS_WEIGHTS_H

#include <ringtorch/formats.h>

/* Checks that the tensors offered (names, types and shapes; [count]) are the net's parameters, each once and nothing
 * else: any floating-point type will do, and all names may have the same prefix up to a dot ("module." of
 * DistributedDataParallel, "model."); *prefix is its length. MISMATCH lists everything that is missing, of another
 * shape, or not of this net. */
rt_status rt__weights_fit(const rt_module *net, const rt_st_entry *offered, int64_t count,
                          const char *path, int *prefix);

#endif
