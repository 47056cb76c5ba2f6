/* The version of the library, from which the build, the packages and `ringtorch --version` take theirs.
 *
 *     #if RT_VERSION < RT_VERSION_NUMBER(0, 1, 0)
 *     #error "needs RingTorch 0.1"
 *     #endif
 *
 *     if (strcmp(rt_version(), RT_VERSION_TEXT) != 0)
 *         fprintf(stderr, "built with RingTorch %s, runs with %s\n", RT_VERSION_TEXT, rt_version());
 *
 * The version is MAJOR.MINOR.PATCH. As long as MAJOR is 0, programs and plugins need the MINOR that they
 * were compiled with: arguments are structs, and a new member changes their size (docs/INSTALL.md). A
 * new PATCH changes neither functions nor structs. */
#ifndef RINGTORCH_VERSION_H
#define RINGTORCH_VERSION_H

#include <ringtorch/export.h>

RT_BEGIN_DECLS

#define RT_VERSION_MAJOR 0
#define RT_VERSION_MINOR 1
#define RT_VERSION_PATCH 0

/* Makes one number of a version, for comparisons: 10203 is version 1.2.3. */
#define RT_VERSION_NUMBER(major, minor, patch) ((major)*10000 + (minor)*100 + (patch))
#define RT_VERSION                             RT_VERSION_NUMBER(RT_VERSION_MAJOR, RT_VERSION_MINOR, RT_VERSION_PATCH)

/* The headers' version as text: "0.1.0". */
#define RT_VERSION_TEXT                         RT_VERSION_TEXT_OF(RT_VERSION_MAJOR, RT_VERSION_MINOR, RT_VERSION_PATCH)
#define RT_VERSION_TEXT_OF(major, minor, patch) RT_VERSION_JOIN(major, minor, patch)
#define RT_VERSION_JOIN(major, minor, patch)    #major "." #minor "." #patch

/* Returns the RT_VERSION_TEXT of the library that the program runs with. */
RT_API const char *rt_version(void);

RT_END_DECLS

#endif
