"""Reductions and order."""
from opinfo.adapt import NO_INTEGERS, axes_of, bound, need, only


def reduction(s):
    given = bound(("dim", "keepdim", "dtype"), s, dim=None, keepdim=False)
    need(given.get("dtype") is None, "dtype")
    return {"x": s.input}, {"axes": axes_of(given["dim"]), "keep_dim": given["keepdim"]}


def var_mean(s):
    names = ("dim", "unbiased", "keepdim", "correction")
    if s.args and isinstance(s.args[0], bool):
        names = ("unbiased",)
    given = bound(names if s.args else ("dim", "unbiased", "keepdim", "correction"), s)
    correction = given.get("correction")
    if correction is None:
        correction = 1 if given.get("unbiased", True) else 0
    return {"x": s.input}, {"axes": axes_of(given.get("dim")), "keep_dim": given.get("keepdim", False),
                            "correction": correction}


def argmax(s):
    given = bound(("dim", "keepdim"), s)
    need(given.get("dim") is not None and not given.get("keepdim"), "no axis, or keepdim")
    return {"x": s.input}, {"axis": given["dim"]}


def topk(s):
    given = bound(("k", "dim", "largest", "sorted"), s)
    need(given.get("sorted", True) and s.input.unique().numel() == s.input.numel(), "an order that PyTorch leaves open")
    return {"x": s.input}, {"k": given["k"], "axis": given.get("dim", -1), "largest": given.get("largest", True)}


OPS = {
    **{op: [(op, reduction)] for op in "sum mean amax amin".split()},
    **only("var_mean", var_mean), **only("argmax", argmax), **only("topk", topk),
}
REFUSED = {"topk": ("expected float32, float64", NO_INTEGERS)}
