/* Runs one of the examples that the public headers open with: `header_examples base`. They are functions here, made by
 * tools/manual/example.awk; the list of them comes from the build. */
#include <ringtorch/ringtorch.h>
#include <stdio.h>
#include <string.h>

#define EXAMPLE(name) int example_##name(void);
#include "header_examples.def"
#undef EXAMPLE

void example_shape(const rt_tensor *x, const char *shape);

static int wrong_shapes;

/* What `// [64,10]` says behind a tensor in an example. */
void example_shape(const rt_tensor *x, const char *shape)
{
    const char *seen = x ? rt_dims_text(rt_dims_of(x)) : "no tensor";
    if (strcmp(seen, shape) == 0)
        return;
    fprintf(stderr, "the example says %s, but there is %s\n", shape, seen);
    wrong_shapes++;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } examples[] = {
#define EXAMPLE(name) {#name, example_##name},
#include "header_examples.def"
    };
    for (size_t i = 0; argc == 2 && i < sizeof examples / sizeof examples[0]; i++)
        if (strcmp(examples[i].name, argv[1]) == 0)
            return examples[i].run() || wrong_shapes;
    fprintf(stderr, "usage: header_examples EXAMPLE\n");
    return 2;
}
