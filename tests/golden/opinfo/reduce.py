"""Reductions, scans and order."""
import math

import torch

from opinfo.adapt import Tensor, axes_of, bound, need, one, only
from opinfo.rules import gradient_at, indices_of

TYPES = {torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16", torch.float16: "float16", torch.int64: "int64",
         torch.int32: "int32", torch.int16: "int16", torch.int8: "int8", torch.uint8: "uint8", torch.bool: "bool",
         torch.complex64: "complex64", torch.complex128: "complex128"}


def typed(args, given):
    """Adds the type of the result, if it is given."""
    dtype = given.get("dtype")
    if dtype is not None:
        args["dtype"] = TYPES[dtype]
    return args


def reduction(s):
    given = bound(("dim", "keepdim", "dtype"), s, dim=None, keepdim=False)
    return {"x": s.input}, typed({"axes": axes_of(given["dim"]), "keep_dim": given["keepdim"]}, given)


def along(s):
    """One axis or none, and keep_dim."""
    given = bound(("dim", "keepdim", "dtype"), s)
    args = {} if given.get("dim") is None else {"axis": given["dim"]}
    return {"x": s.input}, typed({**args, "keep_dim": given.get("keepdim", False)}, given)


def extreme(s):
    need("other" not in s.kwargs and not (s.args and isinstance(s.args[0], Tensor)), "two tensors")
    return along(s)


def aminmax(s):
    return along(s)


def two_tensors(s):
    other = bound(("other",), s)["other"]
    need(isinstance(other, Tensor), "an axis")
    return {"a": s.input, "b": other}, {}


def spread(s):
    names = ("dim", "unbiased", "keepdim", "correction")
    if s.args and isinstance(s.args[0], bool):
        names = ("unbiased",)
    given = bound(names if s.args else ("dim", "unbiased", "keepdim", "correction"), s)
    correction = given.get("correction")
    if correction is None:
        correction = 1 if given.get("unbiased", True) else 0
    return {"x": s.input}, {"axes": axes_of(given.get("dim")), "keep_dim": given.get("keepdim", False),
                            "correction": correction}


def norm(s):
    given = bound(("p", "dim", "keepdim", "dtype"), s)
    p = given.get("p", 2)
    need(p != "nuc", "the nuclear norm, of singular values")
    return norm_of(s, 2 if p in ("fro", None) else p, given)


def norm_of(s, p, given):
    need(given.get("dtype") in (None, s.input.dtype), "a dtype")
    p = math.copysign(1e300, p) if math.isinf(p) else p
    return {"x": s.input}, {"p": p, "axes": axes_of(given.get("dim")), "keep_dim": given.get("keepdim", False)}


def vector_norm(s):
    given = bound(("ord", "dim", "keepdim", "dtype"), s)
    return norm_of(s, given.get("ord", 2), given)


def matrix_norm(s):
    given = bound(("ord", "dim", "keepdim", "dtype"), s)
    vector = given.get("ord") is None or s.input.dim() == 1 or isinstance(given.get("dim"), int)
    need(vector or given["ord"] == "fro", "a norm of matrices by their singular values or rows")
    given["dim"] = given.get("dim", (-2, -1)) if given.get("ord") == "fro" else given.get("dim")
    return norm_of(s, 2 if given.get("ord") in (None, "fro") else given["ord"], given)


def scan(s):
    given = bound(("dim", "dtype"), s)
    return {"x": s.input}, typed({"axis": given["dim"]}, given)


def topk(s):
    given = bound(("k", "dim", "largest", "sorted"), s)
    need(given.get("sorted", True), "an order that PyTorch leaves open")
    leave_open(s, given.get("dim", -1))
    return {"x": s.input}, {"k": given["k"], "axis": given.get("dim", -1), "largest": given.get("largest", True)}


def leave_open(s, dim):
    """Takes any index of elements that are equal."""
    if not no_ties(s.input, dim):
        s.rules = {"out.1": indices_of("out.0", dim), "grad.x": gradient_at("out.1", dim)}


def no_ties(x, dim):
    flat = dim is None or x.dim() == 0
    ordered = x.detach().reshape(-1).sort().values if flat else x.detach().sort(dim).values.transpose(dim, -1)
    return bool((ordered[..., 1:] != ordered[..., :-1]).all())


def sort(s):
    given = bound(("dim", "descending", "stable"), s)
    if not given.get("stable"):  # PyTorch sorts so anyway, and says so if asked
        s.args, s.kwargs = (), {"dim": given.get("dim", -1), "descending": given.get("descending", False), "stable": True}
    return {"x": s.input}, {"axis": given.get("dim", -1), "descending": given.get("descending", False)}


def argsort(s):
    given = bound(("dim", "descending", "stable"), s)
    s.args, s.kwargs = (), {"dim": given.get("dim", -1), "descending": given.get("descending", False), "stable": True}
    return {"x": s.input}, {"axis": given.get("dim", -1), "descending": given.get("descending", False)}


def msort(s):
    need(not s.input.requires_grad or no_ties(s.input, 0), "an order that PyTorch leaves open")
    return {"x": s.input}, {}


def kthvalue(s):
    given = bound(("k", "dim", "keepdim"), s)
    leave_open(s, given.get("dim", -1))
    return {"x": s.input}, {"k": given["k"], "axis": given.get("dim", -1), "keep_dim": given.get("keepdim", False)}


def median(s):
    given = bound(("dim", "keepdim"), s)
    if given.get("dim") is not None:
        leave_open(s, given["dim"])
    need(given.get("dim") is not None or not s.input.requires_grad or no_ties(s.input, None), "an order that PyTorch leaves open")
    return along(s)


def mode(s):
    given = bound(("dim", "keepdim"), s)
    dim = given.get("dim", -1)
    leave_open(s, dim)
    return {"x": s.input}, {"axis": dim, "keep_dim": given.get("keepdim", False)}


def quantile(s):
    given = bound(("q", "dim", "keepdim", "interpolation"), s)
    q = given["q"] if isinstance(given["q"], Tensor) else torch.tensor(given["q"], dtype=s.input.dtype)
    args = {} if given.get("dim") is None else {"axis": given["dim"]}
    return {"x": s.input, "q": q}, {**args, "keep_dim": given.get("keepdim", False),
                                    "interpolation": given.get("interpolation", "linear")}


def unique(s):
    given = bound(("sorted", "return_inverse", "return_counts", "dim"), s)
    dim = {} if given.get("dim") is None else {"dim": given["dim"]}
    s.args, s.kwargs = (), {"sorted": True, "return_inverse": True, "return_counts": True, **dim}
    return {"x": s.input}, {"axis": dim["dim"]} if dim else {}


def bincount(s):
    given = bound(("weights", "minlength"), s)
    tensors = {"x": s.input}
    if given.get("weights") is not None:
        tensors["weights"] = given["weights"]
    return tensors, {"minlength": given.get("minlength", 0)}


def diff(s):
    given = bound(("n", "dim", "prepend", "append"), s)
    tensors = {"x": s.input, **{k: given[k] for k in ("prepend", "append") if given.get(k) is not None}}
    return tensors, {"n": given.get("n", 1), "axis": given.get("dim", -1)}


def trapezoid(s):
    given = bound(("x", "dim", "dx"), s, x=None, dim=-1, dx=1)
    tensors = {"y": s.input} if given["x"] is None else {"y": s.input, "x": given["x"]}
    return tensors, {"axis": given["dim"], "dx": given["dx"]}


def logsumexp(s):
    given = bound(("dim", "keepdim"), s, keepdim=False)
    need(given["dim"] != (), "no axes, which PyTorch takes for none")
    return {"x": s.input}, {"axes": axes_of(given["dim"]), "keep_dim": given["keepdim"]}


OPS = {
    **{op: [(op, reduction)] for op in "sum mean amax amin all any nansum nanmean count_nonzero".split()},
    **{op: [(op, extreme)] for op in "argmax argmin prod".split()}, **only("aminmax", aminmax),
    "max": [("max", extreme), ("maximum", two_tensors)], "min": [("min", extreme), ("minimum", two_tensors)],
    **{op: [(op, spread)] for op in "var std var_mean std_mean".split()},
    **only("logsumexp", logsumexp), **only("norm", norm), "linalg.vector_norm": [("norm", vector_norm)],
    "linalg.norm": [("norm", matrix_norm)],
    **{op: [(op, scan)] for op in "cumsum cumprod cummax cummin logcumsumexp".split()},
    **only("topk", topk), **only("sort", sort), **only("argsort", argsort), **only("msort", msort), **only("kthvalue", kthvalue),
    **only("median", median), **only("mode", mode), **only("quantile", quantile), **only("unique", unique),
    **only("bincount", bincount), **only("histc", one("bins", "min", "max", bins="bins", min="low", max="high")),
    **only("diff", diff), "trapezoid": [("trapezoid", trapezoid)], "trapz": [("trapezoid", trapezoid)],
}
REFUSED = {"logcumsumexp": ("complex64", "complex numbers: it takes real ones")}
DIFFERS = {"histc": "an element between two bins, which rounding puts into the other"}
