#!/usr/bin/python3
"""Writes tests/golden/promotion.h: PyTorch's result_type for every pair of element types.

    /usr/bin/python3 tests/golden/make_promotion_golden.py > tests/golden/promotion.h

Each row gives the results for two types, each of a tensor with axes or of a scalar, and for a tensor with a number.
"""
import torch

NAMES = ["float32", "float64", "int64", "int32", "uint8", "bool", "bfloat16", "float16", "int8", "int16", "complex64", "complex128"]
OURS = dict(zip(NAMES, ["F32", "F64", "I64", "I32", "U8", "BOOL", "BF16", "F16", "I8", "I16", "C64", "C128"]))


def ours(dtype):
    return "RT_" + OURS[str(dtype).removeprefix("torch.")]


def tensor(name, axes):
    return torch.ones([2] * axes, dtype=getattr(torch, name))


def main():
    print("/* Made by make_promotion_golden.py with PyTorch %s. */" % torch.__version__)
    print("#ifndef RINGTORCH_TESTS_GOLDEN_PROMOTION_H\n#define RINGTORCH_TESTS_GOLDEN_PROMOTION_H\n#include <ringtorch/dtype.h>")
    print("/* clang-format off */")
    print("static const struct golden_pair {\n    rt_dtype a, b;\n    int axes_of_a, axes_of_b;\n    rt_dtype result;")
    print("} golden_pairs[] = {")
    for a in NAMES:
        for b in NAMES:
            for i in (0, 1):
                for j in (0, 1):
                    result = torch.result_type(tensor(a, i), tensor(b, j))
                    if result == torch.complex32: # we have no such type, and compute in complex64
                        result = torch.complex64
                    print("    {%s, %s, %d, %d, %s}," % (ours("torch." + a), ours("torch." + b), i, j, ours(result)))
    print("};\nstatic const struct golden_number {\n    rt_dtype a;\n    int axes;\n    double number;\n    rt_dtype result;")
    print("} golden_numbers[] = {")
    for a in NAMES:
        for axes in (0, 1):
            for number in (2, 2.5):
                result = torch.result_type(tensor(a, axes), number)
                print("    {%s, %d, %s, %s}," % (ours("torch." + a), axes, number, ours(result)))
    print("};\n/* clang-format on */\n#endif")


if __name__ == "__main__":
    main()
