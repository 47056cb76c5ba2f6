/* Replaces mpi.c in a build without MPI (RT_WITH_MPI=OFF), which cannot train. */
#include "common/base/error.h"
#include "worker/comm/comm.h"
#include "worker/comm/transport.h"

bool rt_comm_has_mpi(void)
{
    return false;
}

rt_status rt__comm_transport_mpi(rt_transport **out)
{
    *out = NULL;
    return RT_FAIL(UNSUPPORTED, "this ringtorch was built without MPI and cannot train: build it "
                                "with RT_WITH_MPI=ON");
}

rt_status rt__comm_transport_of_mpi(int mpi_comm, rt_transport **out)
{
    (void)mpi_comm;
    return rt__comm_transport_mpi(out);
}
