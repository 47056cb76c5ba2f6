"""Tensors made from numbers."""
import torch

from opinfo.adapt import need, number, only


def arange(s):
    numbers = [s.input, *s.args]
    need(set(s.kwargs) <= {"dtype", "device"}, "other arguments")
    need(not any(isinstance(v, bool) for v in numbers), "a bool for a number")
    numbers = [0, *numbers] if len(numbers) == 1 else numbers
    dtype = s.kwargs.get("dtype") or (torch.int64 if all(isinstance(v, int) for v in numbers) else torch.float32)
    return {}, {**dict(zip(("start", "end", "step"), numbers)), "dtype": str(dtype).split(".")[1]}


def eye(s):
    sizes = {s.input, *s.args}
    need(len(sizes) == 1 and s.kwargs.get("dtype", torch.float32) == torch.float32, "columns, or another type")
    return {}, {"n": s.input}


OPS = {**only("arange", arange), **only("eye", eye)}
REFUSED = {"arange": ("has no such numbers", "PyTorch makes uint8 of negative numbers")}
