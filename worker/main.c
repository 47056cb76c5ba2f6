/* ringtorch-worker: the worker program without rows of its own. */
#include <ringtorch/worker.h>

int main(int argc, char **argv)
{
    return rt_worker_main(argc, argv, NULL);
}
