"""Tensors made from numbers."""
import math

import torch

from opinfo.adapt import need, number, only

COMPLEX = "a complex number for a number"


def name_of(dtype):
    return str(dtype).split(".")[1]


def arange(s):
    numbers = [v + 0 for v in (s.input, *s.args, *([s.kwargs["end"]] if "end" in s.kwargs else []))]
    numbers = [0, *numbers] if len(numbers) == 1 else numbers
    dtype = s.kwargs.get("dtype") or (torch.int64 if all(isinstance(v, int) for v in numbers) else torch.float32)
    return {}, {**dict(zip(("start", "end", "step"), numbers)), "dtype": name_of(dtype)}


def eye(s):
    numbers = [s.input, *s.args]
    return {}, {**dict(zip(("n", "m"), numbers)), "dtype": name_of(s.kwargs.get("dtype", torch.float32))}


def real(v):
    need(not isinstance(v, complex) or v.imag == 0, COMPLEX)
    v = v.real if isinstance(v, complex) else float(v) if isinstance(v, bool) else v
    return v if math.isfinite(v) else "nan" if v != v else "inf" if v > 0 else "-inf"


def spaced(s):
    numbers = [real(v.item() if isinstance(v, torch.Tensor) else v) for v in (s.input, *s.args)]
    return {}, {**dict(zip(("start", "end", "steps", "base"), numbers)), "dtype": name_of(s.kwargs.get("dtype", torch.float32))}


def linspace(s):
    tensors, args = spaced(s)
    start, end, steps = args["start"], args["end"], args["steps"]
    need(torch.__version__ >= "2" or args["dtype"][:3] not in ("int", "uin") or steps < 2 or (end - start) % (steps - 1) == 0,
         "steps of a fraction between integers, which PyTorch 1.13 adds up in another way than later versions")
    return tensors, args


def filled(value):
    """Takes a shape, and a value if there is no fixed one."""
    def adapt(s):
        v = s.args[0] if value is None else value
        dtype = s.kwargs.get("dtype") or (torch.float32 if value is not None else torch.tensor(v).dtype)
        return {}, {"shape": list(s.input), "value": real(v), "dtype": name_of(dtype)}
    return adapt


def like(value):
    def adapt(s):
        v = s.args[0] if value is None else value
        need(s.kwargs.get("dtype", s.input.dtype) == s.input.dtype, "another type")
        return {"x": s.input}, {"value": real(v)}
    return adapt


def anew(value):
    """Takes a shape where there is one, and the type of a tensor."""
    def adapt(s):
        sizes = s.args[0] if s.args and isinstance(s.args[0], (tuple, list, torch.Size)) else s.input.shape
        v = value if value is not None else s.args[-1]
        return {}, {"shape": list(sizes), "value": real(v), "dtype": name_of(s.kwargs.get("dtype", s.input.dtype))}
    return adapt


def triangle(s):
    return {}, {**dict(zip(("rows", "columns", "offset"), (s.input, *s.args))), "dtype": name_of(s.kwargs.get("dtype", torch.int64))}


def one_hot(s):
    classes = s.kwargs.get("num_classes", -1)
    return {"index": s.input}, {"classes": classes} if classes >= 0 else {}


def expanded(shape_of):
    """Takes a complex number as a scalar that is expanded, as our arguments are real numbers."""
    def adapt(s):
        v = s.args[-1]
        dtype = s.kwargs.get("dtype") or (s.input.dtype if isinstance(s.input, torch.Tensor) else torch.complex64)
        need(isinstance(v, complex), "a real number")
        return {"x": torch.tensor(v, dtype=dtype)}, {"shape": list(shape_of(s))}
    return adapt


OPS = {
    **only("arange", arange), **only("eye", eye), **only("linspace", linspace), **only("logspace", spaced),
    "full": [("full", filled(None)), ("expand", expanded(lambda s: s.input))], "zeros": [("full", filled(0))], "ones": [("full", filled(1))],
    "full_like": [("full_like", like(None)), ("full", anew(None)), ("expand", expanded(lambda s: s.input.shape))], "zeros_like": [("full_like", like(0)), ("full", anew(0))],
    "ones_like": [("full_like", like(1)), ("full", anew(1))],
    "new_full": [("full", anew(None)), ("expand", expanded(lambda s: s.args[0]))], "new_zeros": [("full", anew(0))], "new_ones": [("full", anew(1))],
    **only("tril_indices", triangle), **only("triu_indices", triangle), "nn.functional.one_hot": [("one_hot", one_hot)],
}
REFUSED = {"arange": ("has no such numbers", "PyTorch makes uint8 of negative numbers")}
