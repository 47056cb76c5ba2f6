/* Preloaded into what a build with a sanitizer starts: what is loaded stays loaded, so that leaks of MPI's components have a name that
 * lsan.supp knows. */
#include <dlfcn.h>

int dlclose(void *library)
{
    (void)library;
    return 0;
}
