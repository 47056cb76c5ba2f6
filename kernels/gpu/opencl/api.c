/* Loads libOpenCL.so.1, which finds the drivers. */
#include "kernels/gpu/opencl/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static rt_opencl api;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Sets *function to the library's symbol. */
static bool find(void *library, const char *symbol, void *function)
{
    void *address = dlsym(library, symbol);
    memcpy(function, &address, sizeof address);
    return address;
}

static void load(void)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    loaded = library;
#define FUNCTION(name, symbol, result, parameters)                                                 \
    loaded = loaded && find(library, #symbol, &api.name);
    RT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
}

const rt_opencl *rt__opencl(void)
{
    pthread_once(&once, load);
    return loaded ? &api : NULL;
}
