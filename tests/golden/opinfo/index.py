"""Picking by an index."""
from opinfo.adapt import bound, need, one, only, shape


def gather(s):
    given = bound(("dim", "index", "sparse_grad"), s)
    return {"x": s.input, "index": given["index"]}, {"axis": given["dim"]}


def embedding(s):
    given = bound(("index", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"), s)
    need(set(given) == {"index"}, "padding_idx, max_norm, scale_grad_by_freq or sparse")
    return {"table": s.input, "index": given["index"]}, {}


def scatter_add(s):
    given = bound(("dim", "index", "src"), s)
    need(given["src"].shape == given["index"].shape, "a larger source")
    s.input.detach().zero_()
    return {"src": given["src"], "index": given["index"]}, {"shape": list(s.input.shape), "axis": given["dim"]}


OPS = {
    **only("gather", gather), **only("scatter_add", scatter_add), "nn.functional.embedding": [("embedding", embedding)],
}
REFUSED = {
    "scatter_add": ("is bool[", "bools have no sum"),
    "gather": ("index is uint8[0]", "an index is int64, also an empty one"),
}
