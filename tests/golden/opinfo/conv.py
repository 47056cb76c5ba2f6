"""Convolutions and columns."""
from opinfo.adapt import bound, pair


def each(v, axes):
    """One number for each axis; of a single axis the number itself."""
    v = [v] * axes if isinstance(v, int) else list(v) * (axes if len(v) == 1 else 1)
    return v[0] if axes == 1 else v


def conv(axes, transposed=False):
    names = ("weight", "bias", "stride", "padding", "dilation", "groups")
    if transposed:
        names = ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")

    def adapt(s):
        given = bound(names, s)
        tensors = {"x": s.input, "w": given["weight"]}
        if given.get("bias") is not None:
            tensors["bias"] = given["bias"]
        args = {k: each(given[k], axes) for k in ("stride", "dilation", "output_padding") if k in given}
        padding = given.get("padding", 0)
        if padding == "same":
            args["same"] = True
        elif padding != "valid":
            args["padding"] = each(padding, axes)
        return tensors, {**args, "groups": given.get("groups", 1)}
    return adapt


def columns(*names):
    def adapt(s):
        given = bound((*names, "kernel_size", "dilation", "padding", "stride"), s)
        ours = {"output_size": "size", "kernel_size": "kernel"}
        return {"x": s.input}, {ours.get(k, k): pair(v) for k, v in given.items()}
    return adapt


OPS = {
    **{f"nn.functional.conv{n}d": [(f"conv{n}d", conv(n))] for n in (1, 2, 3)},
    **{f"nn.functional.conv_transpose{n}d": [(f"conv_transpose{n}d", conv(n, transposed=True))] for n in (1, 2, 3)},
    "nn.functional.unfold": [("im2col", columns())], "nn.functional.fold": [("col2im", columns("output_size"))],
}
REFUSED = {}
