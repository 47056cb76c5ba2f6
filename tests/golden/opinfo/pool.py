"""Pooling."""
from opinfo.adapt import bound, need


def numbers(n, v):
    """Returns a number for each of n axes, or the number itself for one."""
    v = [v] * n if isinstance(v, int) else list(v) * (n if len(v) == 1 else 1)
    return v[0] if n == 1 else v


def windows(n, given):
    ours = {"kernel_size": "kernel", "stride": "stride", "padding": "padding", "dilation": "dilation"}
    return {ours[k]: numbers(n, given[k]) for k in ours if given.get(k) not in (None, [], ())}


def max_pool(n, with_indices):
    def adapt(s):
        given = bound(("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"), s)
        need(bool(given.get("return_indices")) == with_indices, "the indices, or none")
        return {"x": s.input}, {**windows(n, given), "ceil_mode": bool(given.get("ceil_mode"))}
    return adapt


def avg_pool(n):
    def adapt(s):
        given = bound(("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"), s)
        more = {k: given[k] for k in ("ceil_mode", "count_include_pad", "divisor_override") if given.get(k) is not None}
        return {"x": s.input}, {**windows(n, given), **more}
    return adapt


def adaptive(n, with_indices=False):
    def adapt(s):
        given = bound(("output_size", "return_indices"), s)
        need(bool(given.get("return_indices")) == with_indices, "the indices, or none")
        size = given["output_size"]
        size = [size] * n if isinstance(size, int) or size is None else list(size) * (n if len(size) == 1 else 1)
        return {"x": s.input}, {"size": numbers(n, [-1 if v is None else v for v in size])}
    return adapt


def max_unpool(n):
    def adapt(s):
        given = bound(("indices", "kernel_size", "stride", "padding", "output_size"), s)
        args = windows(n, given)
        if given.get("output_size") is not None:
            args["size"] = numbers(n, list(given["output_size"])[-n:])
        return {"x": s.input, "index": given["indices"]}, args
    return adapt


def lp_pool(n):
    def adapt(s):
        given = bound(("norm_type", "kernel_size", "stride", "ceil_mode"), s)
        return {"x": s.input}, {**windows(n, given), "norm_type": given["norm_type"], "ceil_mode": bool(given.get("ceil_mode"))}
    return adapt


OPS = {}
for axes in (1, 2, 3):
    of = f"pool{axes}d"
    OPS[f"nn.functional.max_{of}"] = [(f"max_{of}", max_pool(axes, False)), (f"max_{of}_with_indices", max_pool(axes, True))]
    OPS[f"nn.functional.avg_{of}"] = [(f"avg_{of}", avg_pool(axes))]
    OPS[f"nn.functional.adaptive_avg_{of}"] = [(f"adaptive_avg_{of}", adaptive(axes))]
    OPS[f"nn.functional.adaptive_max_{of}"] = [(f"adaptive_max_{of}", adaptive(axes)),
                                               (f"adaptive_max_{of}_with_indices", adaptive(axes, True))]
    OPS[f"nn.functional.max_un{of}"] = [(f"max_un{of}", max_unpool(axes))]
    OPS[f"nn.functional.lp_{of}"] = [(f"lp_{of}", lp_pool(axes))]
REFUSED = {}
