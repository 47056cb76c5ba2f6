"""Convolutions and pooling."""
from opinfo.adapt import NO_INTEGERS, bound, need, pair


def conv2d(s):
    given = bound(("weight", "bias", "stride", "padding", "dilation", "groups"), s)
    tensors = {"x": s.input, "w": given["weight"]}
    if given.get("bias") is not None:
        tensors["bias"] = given["bias"]
    args = {k: pair(given[k]) for k in ("stride", "dilation") if k in given}
    padding = given.get("padding", 0)
    if padding == "same":
        args["same"] = True
    elif padding != "valid":
        args["padding"] = pair(padding)
    return tensors, {**args, "groups": given.get("groups", 1)}


def pool(s):
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    if "count_include_pad" in s.kwargs or "divisor_override" in s.kwargs or len(s.args) > 3:
        names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    given = bound(names, s)
    need(not given.get("ceil_mode") and pair(given.get("dilation", 1)) == [1, 1] and
         given.get("count_include_pad", True) and given.get("divisor_override") is None and
         not given.get("return_indices"), "ceil_mode, dilation, divisors or indices")
    args = {"kernel": pair(given["kernel_size"]), "padding": pair(given.get("padding", 0))}
    if given.get("stride"):
        args["stride"] = pair(given["stride"])
    return {"x": s.input}, args


OPS = {
    "nn.functional.conv2d": [("conv2d", conv2d)], "nn.functional.max_pool2d": [("max_pool2d", pool)],
    "nn.functional.avg_pool2d": [("avg_pool2d", pool)],
}
REFUSED = {"avg_pool2d": ("x is int", NO_INTEGERS), "conv2d": ("x is int", NO_INTEGERS)}
