#!/usr/bin/python3
"""Writes tests/golden/optim.h: parameters after each of a few steps of torch.optim's SGD and AdamW.

    /usr/bin/python3 tests/golden/make_optim_golden.py > tests/golden/optim.h

Parameters and gradients are simple fractions, so that the test can make the same ones: element i starts at
(i - 5) / 4, and its gradient at step t is ((7 * i + 3 * t) % 11 - 5) / 8.
"""
import torch

ELEMENTS, STEPS = 11, 5
CASES = [
    ("sgd, plain", torch.optim.SGD, dict(lr=0.1)),
    ("sgd, decay", torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    ("sgd, momentum", torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    ("sgd, dampening", torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.05)),
    ("sgd, nesterov", torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)),
    ("adamw, plain", torch.optim.AdamW, dict(lr=0.01, weight_decay=0.0)),
    ("adamw, decay", torch.optim.AdamW, dict(lr=0.01, weight_decay=0.1)),
    ("adamw, betas", torch.optim.AdamW, dict(lr=0.01, betas=(0.5, 0.9), eps=1e-4, weight_decay=0.1)),
]


def run(optimiser, options):
    p = torch.nn.Parameter(torch.tensor([(i - 5) / 4 for i in range(ELEMENTS)]))
    o = optimiser([p], **options)
    rows = []
    for t in range(STEPS):
        p.grad = torch.tensor([((7 * i + 3 * t) % 11 - 5) / 8 for i in range(ELEMENTS)])
        o.step()
        rows.append(p.detach().tolist())
    return rows


def main():
    print("/* Made by make_optim_golden.py with PyTorch %s: parameters after each step. */" % torch.__version__)
    print("#ifndef RINGTORCH_TESTS_GOLDEN_OPTIM_H\n#define RINGTORCH_TESTS_GOLDEN_OPTIM_H")
    print("/* clang-format off */")
    print("enum { GOLDEN_ELEMENTS = %d, GOLDEN_STEPS = %d };" % (ELEMENTS, STEPS))
    print("static const struct golden {\n    const char *name;")
    print("    float after[GOLDEN_STEPS][GOLDEN_ELEMENTS];\n} golden[] = {")
    for name, optimiser, options in CASES:
        print('    {"%s", {' % name)
        for row in run(optimiser, options):
            print("        {" + ", ".join("%.9gf" % v if "." in "%.9g" % v or "e" in "%.9g" % v else "%.1ff" % v for v in row) + "},")
        print("    }},")
    print("};\n/* clang-format on */\n#endif")


if __name__ == "__main__":
    main()
