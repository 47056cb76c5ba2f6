"""Elementwise operations and activations."""
import types

import torch

from opinfo.adapt import FRACTION, Tensor, bound, need, number, one, simple, two
from opinfo.rules import slopes


def two_alpha(s):
    need(bound(("other", "alpha"), s).get("alpha", 1) == 1, "alpha")
    return two(types.SimpleNamespace(input=s.input, args=s.args[:1], kwargs={}))


def scaled(sign):
    """Takes alpha times that sign."""
    def adapt(s):
        given = bound(("other", "alpha"), s, alpha=1)
        need(s.input.is_floating_point() or s.input.is_complex() or given["alpha"] == int(given["alpha"]), FRACTION)
        return {"a": s.input, "b": given["other"]}, {"alpha": sign * given["alpha"]}
    return adapt


def swapped(s):
    tensors, values = two(s)
    return {"a": tensors["b"], "b": tensors["a"]}, values


def copysign(s):
    """Takes a number as a tensor."""
    other = bound(("other",), s)["other"]
    return {"a": s.input, "b": other if isinstance(other, Tensor) else torch.tensor(other)}, {}


def rounded(mode):
    def adapt(s):
        given = bound(("other", "rounding_mode"), s)
        need(given.get("rounding_mode") == mode and isinstance(given["other"], Tensor), "another rounding_mode")
        return {"a": s.input, "b": given["other"]}, {}
    return adapt


def where(s):
    given = bound(("condition", "other"), s)
    return {"condition": given["condition"], "a": s.input, "b": given["other"]}, {}


def lerp(s):
    given = bound(("end", "weight"), s)
    w = given["weight"]
    w = torch.tensor(w, dtype=s.input.dtype) if isinstance(w, complex) else w
    need(isinstance(w, Tensor), "a number for a tensor")
    return {"a": s.input, "b": given["end"], "w": w}, {}


def lerp_scalar(s):
    given = bound(("end", "weight"), s)
    need(not isinstance(given["weight"], Tensor), "no number")
    return {"a": s.input, "b": given["end"]}, {"w": given["weight"]}


def addc(s):
    given = bound(("tensor1", "tensor2", "value"), s, value=1)
    need(s.input.is_floating_point() or given["value"] == int(given["value"]), FRACTION)
    return {"x": s.input, "a": given["tensor1"], "b": given["tensor2"]}, {"value": given["value"]}


def clamp(s):
    """Takes the first elements of tensors as the bounds."""
    ends = [v.flatten()[0].item() if isinstance(v, Tensor) else v for v in bound(("min", "max"), s).values()]
    s.args, s.kwargs = (*ends, *[None] * (2 - len(ends))), {}
    return {"x": s.input}, {k: v for k, v in zip(("low", "high"), ends) if v is not None}


def clamp_by(s):
    given = {k: v for k, v in bound(("min", "max"), s).items() if v is not None}
    need(all(isinstance(v, Tensor) for v in given.values()), "a number for a tensor")
    return {"x": s.input, **{{"min": "low", "max": "high"}[k]: v for k, v in given.items()}}, {}


def masked_fill(s):
    value = bound(("mask", "value"), s)["value"]
    need(not isinstance(value, (Tensor, complex)), "no number")
    return {"x": s.input, "mask": s.args[0]}, {"value": value}


def masked_fill_by(s):
    given = bound(("mask", "value"), s)
    return {"x": s.input, "mask": given["mask"], "value": given["value"]}, {}


def isclose(s):
    given = bound(("other", "rtol", "atol", "equal_nan"), s)
    return {"a": s.input, "b": given.pop("other")}, given


def rrelu(s):
    given = bound(("lower", "upper", "training"), s, lower=1 / 8, upper=1 / 3, training=False)
    if given["training"]:
        s.rules = {name: slopes(given["lower"], given["upper"]) for name in ("out", "grad.x")}
    return {"x": s.input}, given


def logit(s):
    """Integers take an eps, too: they are computed as float32."""
    return {"x": s.input}, {k: v for k, v in bound(("eps",), s).items() if v is not None}


def gelu(s, approximate):
    need(bound(("approximate",), s, approximate="none")["approximate"] == approximate, "the other gelu")
    return {"x": s.input}, {}


OPS = {
    **simple(*"abs ceil cos erf exp expm1 floor log log1p neg reciprocal round rsqrt sigmoid sign sin sqrt square tanh".split()),
    **{op: [(op, two)] for op in "maximum minimum eq ne lt le gt ge".split()},
    # vector mathematics
    **simple(*"exp2 log2 log10 tan asin acos atan sinh cosh asinh acosh atanh erfc erfinv lgamma digamma trunc frac sinc deg2rad rad2deg".split()),
    **{op: [(op, two)] for op in "atan2 hypot".split()}, "copysign": [("copysign", copysign)],
    **{f"polygamma/polygamma_n_{n}": [("polygamma", one("n", n="n"))] for n in range(5)},
    "special.polygamma/special_polygamma_n_0": [("polygamma", one("n", n="n"))], "logit": [("logit", logit)],
    # the rest
    "nn.functional.relu": [("relu", one("inplace"))], "nn.functional.silu": [("silu", one("inplace"))],
    "nn.functional.softplus": [("softplus", one("beta", "threshold", beta="beta", threshold="threshold"))],
    "nn.functional.gelu": [("gelu", lambda s: gelu(s, "none")), ("gelu_tanh", lambda s: gelu(s, "tanh"))],
    "nn.functional.celu": [("celu", one("alpha", "inplace", alpha="alpha"))],
    "nn.functional.elu": [("elu", one("alpha", "inplace", alpha="alpha"))],
    "nn.functional.leaky_relu": [("leaky_relu", one("negative_slope", "inplace", negative_slope="slope"))],
    "nn.functional.hardtanh": [("hardtanh", one("min_val", "max_val", "inplace", min_val="low", max_val="high"))],
    "nn.functional.hardshrink": [("hardshrink", one("lambd", lambd="lambda"))],
    "nn.functional.softshrink": [("softshrink", one("lambd", lambd="lambda"))],
    "nn.functional.threshold": [("threshold", one("threshold", "value", "inplace", threshold="threshold", value="value"))],
    "clamp": [("clamp_by", clamp_by), ("clamp", clamp)], "add": [("add", two_alpha), ("add_scaled", scaled(1)), ("add_scalar", number)],
    "sub": [("sub", two_alpha), ("add_scaled", scaled(-1))], "mul": [("mul", two), ("mul_scalar", number)], "div": [("div", two)],
    "div/trunc_rounding": [("div_trunc", rounded("trunc"))], "div/floor_rounding": [("div_floor", rounded("floor"))],
    "pow": [("pow", two), ("pow_scalar", number)], "lerp": [("lerp", lerp), ("lerp_scalar", lerp_scalar)],
    "addcmul": [("addcmul", addc)], "addcdiv": [("addcdiv", addc)], "where": [("where", where)],
    **{op: [(op, two)] for op in "true_divide floor_divide fmod remainder fmax fmin logaddexp logaddexp2 xlogy heaviside float_power".split()},
    **{op: [(op, two)] for op in "clamp_min clamp_max equal logical_and logical_or logical_xor".split()},
    **{f"bitwise_{op}": [(f"bitwise_{op}", two)] for op in "and or xor left_shift right_shift".split()},
    **simple(*"isnan isinf isfinite isposinf isneginf signbit logical_not bitwise_not sgn positive nan_to_num".split()),
    **{f"nn.functional.{op}": [(op, one("inplace"))] for op in "mish relu6 selu hardsigmoid hardswish".split()},
    **{f"nn.functional.{op}": [(op, one())] for op in "logsigmoid softsign tanhshrink".split()},
    "nn.functional.glu": [("glu", one("dim", dim="axis"))], "nn.functional.rrelu": [("rrelu", rrelu)],
    "nn.functional.prelu": [("prelu", lambda s: ({"x": s.input, **bound(("weight",), s)}, {}))],
    "isclose": [("isclose", isclose)], "allclose": [("allclose", isclose)], "rsub": [("rsub", scaled(1))],
    "masked_fill": [("masked_fill", masked_fill), ("masked_fill_by", masked_fill_by)],
    **{f"round/decimals_{n}": [("round_decimals", one("decimals", decimals="decimals"))] for n in "0 3 neg_3".split()},
    "__radd__": [("add", swapped)], "__rmul__": [("mul", swapped)], "__rdiv__": [("div", swapped)], "__rpow__": [("pow", swapped)],
    "__rsub__": [("sub", swapped)], "__rand__": [("bitwise_and", swapped)], "__ror__": [("bitwise_or", swapped)],
    "__rxor__": [("bitwise_xor", swapped)], "__rmod__": [("remainder", swapped)],
}
COMPLEX = ("complex64 is not supported", "complex numbers: it takes real ones")
REFUSED = {"logaddexp": COMPLEX, "sinc": COMPLEX, "square": ("no kernel square for bool", "PyTorch makes int64 of bools"),
           "positive": ("nothing has a gradient", "complex numbers have no gradients here")}
