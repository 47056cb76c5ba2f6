"""Products of matrices, and attention."""
from opinfo.adapt import NO_INTEGERS, bound, need, only


def matmul(s):
    other = bound(("other",), s)["other"]
    need(not s.input.is_complex() or s.input.dim() + other.dim() > 2, "products of complex vectors, which Debian's PyTorch computes as 0")
    return {"a": s.input, "b": other}, {}


def linear(s):
    given = bound(("weight", "bias"), s)
    return {k: v for k, v in (("x", s.input), ("w", given["weight"]), ("bias", given.get("bias"))) if v is not None}, {}


def attention(s):
    given = bound(("key", "value", "attn_mask", "dropout_p", "need_attn_weights", "is_causal"), s)
    need(given.get("dropout_p", 0) == 0, "dropout")
    tensors = {"q": s.input, "k": given["key"], "v": given["value"]}
    if given.get("attn_mask") is not None:
        tensors["mask"] = given["attn_mask"]
    return tensors, {"causal": given.get("is_causal", False)}


OPS = {
    **only("matmul", matmul), "nn.functional.linear": [("linear", linear)],
    "nn.functional.scaled_dot_product_attention": [("scaled_dot_product_attention", attention)],
}
REFUSED = {
    "linear": ("expected float32, float64", NO_INTEGERS), "matmul": ("expected float32, float64", NO_INTEGERS),
}
