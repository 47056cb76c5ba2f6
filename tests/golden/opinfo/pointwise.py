"""Elementwise operations and activations."""
import types

from opinfo.adapt import FRACTION, Tensor, bare, bound, need, number, one, simple, two


def two_alpha(s):
    need(bound(("other", "alpha"), s).get("alpha", 1) == 1, "alpha")
    return two(types.SimpleNamespace(input=s.input, args=s.args[:1], kwargs={}))


def div_trunc(s):
    given = bound(("other", "rounding_mode"), s)
    need(given.get("rounding_mode") == "trunc" and isinstance(given["other"], Tensor), "another rounding_mode")
    return {"a": s.input, "b": given["other"]}, {}


def where(s):
    given = bound(("condition", "other"), s)
    return {"condition": given["condition"], "a": s.input, "b": given["other"]}, {}


def lerp(s):
    given = bound(("end", "weight"), s)
    need(isinstance(given["weight"], Tensor), "a number for a tensor")
    return {"a": s.input, "b": given["end"], "w": given["weight"]}, {}


def addc(s):
    given = bound(("tensor1", "tensor2", "value"), s, value=1)
    need(s.input.is_floating_point() or given["value"] == int(given["value"]), FRACTION)
    return {"x": s.input, "a": given["tensor1"], "b": given["tensor2"]}, {"value": given["value"]}


def clamp(s):
    """Takes the first elements of tensors as the bounds."""
    ends = [v.flatten()[0].item() if isinstance(v, Tensor) else v for v in bound(("min", "max"), s).values()]
    s.args, s.kwargs = (*ends, *[None] * (2 - len(ends))), {}
    return {"x": s.input}, {k: v for k, v in zip(("low", "high"), ends) if v is not None}


def gelu(s, approximate):
    need(bound(("approximate",), s, approximate="none")["approximate"] == approximate, "the other gelu")
    return {"x": s.input}, {}


OPS = {
    **simple(*"abs ceil cos erf exp expm1 floor log log1p neg reciprocal round rsqrt sigmoid sign sin sqrt square tanh".split()),
    **{op: [(op, two)] for op in "maximum minimum eq ne lt le gt ge".split()},
    "nn.functional.relu": [("relu", one("inplace"))], "nn.functional.silu": [("silu", one("inplace"))],
    "nn.functional.softplus": [("softplus", bare)],
    "nn.functional.gelu": [("gelu", lambda s: gelu(s, "none")), ("gelu_tanh", lambda s: gelu(s, "tanh"))],
    "nn.functional.celu": [("celu", one("alpha", "inplace", alpha="alpha"))],
    "nn.functional.elu": [("elu", one("alpha", "inplace", alpha="alpha"))],
    "nn.functional.leaky_relu": [("leaky_relu", one("negative_slope", "inplace", negative_slope="slope"))],
    "nn.functional.hardtanh": [("hardtanh", one("min_val", "max_val", "inplace", min_val="low", max_val="high"))],
    "nn.functional.hardshrink": [("hardshrink", one("lambd", lambd="lambda"))],
    "nn.functional.softshrink": [("softshrink", one("lambd", lambd="lambda"))],
    "nn.functional.threshold": [("threshold", one("threshold", "value", "inplace", threshold="threshold", value="value"))],
    "clamp": [("clamp", clamp)], "add": [("add", two_alpha), ("add_scalar", number)], "sub": [("sub", two_alpha)],
    "mul": [("mul", two), ("mul_scalar", number)], "div": [("div", two)], "div/trunc_rounding": [("div_trunc", div_trunc)],
    "pow": [("pow", two), ("pow_scalar", number)], "lerp": [("lerp", lerp)], "addcmul": [("addcmul", addc)],
    "addcdiv": [("addcdiv", addc)], "where": [("where", where)],
}
REFUSED = {"square": ("no kernel square for bool", "PyTorch makes int64 of bools")}
