"""Products of matrices, and attention."""
from opinfo.adapt import Tensor, bound, need, only
from opinfo.rules import finite


def matmul(s):
    other = bound(("other",), s)["other"]
    return {"a": s.input, "b": other}, {}


def swapped(s):
    return {"a": bound(("other",), s)["other"], "b": s.input}, {}


def pair(name):
    """Takes the other operand, which PyTorch calls by that name."""
    def adapt(s):
        (b,) = bound((name,), s).values()
        return {"a": s.input, "b": b}, {}
    return adapt


def bilinear(s):
    given = bound(("b", "w", "bias"), s)
    return {k: v for k, v in {"a": s.input, **given}.items() if v is not None}, {}


def added(s):
    tensors = dict(zip(("x", "a", "b"), (s.input, *s.args)))
    need(len(tensors) == 3 and set(s.kwargs) <= {"beta", "alpha"}, "arguments")
    need(not any(isinstance(v, complex) for v in s.kwargs.values()), "a complex factor")
    return tensors, {k: float(v) for k, v in s.kwargs.items()}


def tensordot(s):
    given = bound(("other", "dims"), s, dims=2)
    dims = given["dims"]
    if isinstance(dims, int):
        return {"a": s.input, "b": given["other"]}, {"count": dims}
    a, b = ([v] if isinstance(v, int) else list(v) for v in dims)
    return {"a": s.input, "b": given["other"]}, {"axes_a": a, "axes_b": b} if a else {"count": 0}


def einsum(s):
    return {"xs": list(s.input)}, {"equation": s.args[0]}


def cross(*default):
    def adapt(s):
        given = bound(("other", "dim"), s)
        axis = [given["dim"]] if given.get("dim") is not None else default
        return {"a": s.input, "b": given["other"]}, {"axis": axis[0]} if axis else {}
    return adapt


def chain(s):
    xs = [s.input, *s.args] if isinstance(s.input, Tensor) else list(s.input)
    return {"xs": xs}, {}


def linear(s):
    given = bound(("weight", "bias"), s)
    need(given["weight"].dim() == 2, "a vector for the weight, and a bias")
    return {k: v for k, v in (("x", s.input), ("w", given["weight"]), ("bias", given.get("bias"))) if v is not None}, {}


def linear_of_vector(s):
    given = bound(("weight", "bias"), s)
    need(given["weight"].dim() == 1 and given.get("bias") is None, "a bias")
    return {"a": s.input, "b": given["weight"]}, {}


def attention(s):
    given = bound(("key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa", "need_attn_weights"), s)
    if given.get("dropout_p", 0) not in (0, 1):
        s.rules = {name: finite for name in ("out", "grad.q", "grad.k", "grad.v")}
    tensors = {"q": s.input, "k": given["key"], "v": given["value"]}
    if given.get("attn_mask") is not None:
        tensors["mask"] = given["attn_mask"]
    scale = {} if given.get("scale") is None else {"scale": given["scale"]}
    return tensors, {"causal": given.get("is_causal", False), "grouped": given.get("enable_gqa", False),
                     "dropout": given.get("dropout_p", 0), **scale}


OPS = {
    **only("matmul", matmul), "__rmatmul__": [("matmul", swapped)], **only("mm", pair("mat2")), **only("bmm", pair("mat2")),
    **only("mv", pair("vec")), **only("dot", pair("tensor")), **only("vdot", pair("other")), **only("inner", pair("other")),
    **only("outer", pair("vec2")), "ger": [("outer", pair("vec2"))], **only("kron", pair("other")), **only("cross", cross()),
    "linalg.cross": [("cross", cross(-1))], **only("tensordot", tensordot), **only("einsum", einsum),
    "linalg.multi_dot": [("multi_dot", chain)], **only("chain_matmul", chain), "nn.functional.bilinear": [("bilinear", bilinear)],
    **{op: [(op, added)] for op in ("addmm", "addmv", "addbmm", "baddbmm", "addr")},
    "nn.functional.linear": [("linear", linear), ("matmul", linear_of_vector)],
    "nn.functional.scaled_dot_product_attention": [("scaled_dot_product_attention", attention)],
}
REFUSED = {}
DIFFERS = {"einsum": "a product of integers in which an axis of one operand alone is summed, which PyTorch makes int64, and other products not"}
