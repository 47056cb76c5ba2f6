"""Picking by an index, and writing there."""
import torch

from opinfo.adapt import Tensor, bound, need, only


def gather(s):
    given = bound(("dim", "index", "sparse_grad"), s)
    return {"x": s.input, "index": given["index"]}, {"axis": given["dim"]}


def masked_select(s):
    return {"x": s.input, "mask": s.args[0]}, {}


def nonzero(s):
    """Takes the matrix whose columns as_tuple would give."""
    s.kwargs = {}
    return {"x": s.input}, {}


def take(s):
    return {"x": s.input, "index": s.args[0]}, {}


def take_along_dim(s):
    given = bound(("index", "dim"), s, dim=None)
    return {"x": s.input, "index": given["index"]}, {} if given["dim"] is None else {"axis": given["dim"]}


# ---- along an axis ----

def index_select(s):
    axis, index = s.args
    return {"x": s.input, "index": index}, {"axis": axis}


def index_add(s):
    given = bound(("dim", "index", "src", "alpha"), s, alpha=1)
    return {"x": s.input, "index": given["index"], "src": given["src"]}, {"axis": given["dim"], "alpha": given["alpha"] + 0}


def index_copy(s):
    axis, index, src = s.args
    return {"x": s.input, "index": index, "src": src}, {"axis": axis}


def index_fill(s):
    axis, index, value = s.args
    value = value if isinstance(value, Tensor) else torch.tensor(value, dtype=s.input.dtype)
    return {"x": s.input, "index": index, "src": value.to(s.input.dtype)}, {"axis": axis}


def scatter_of(s, reduce):
    """Takes a number for src as a tensor."""
    given = bound(("dim", "index", "src", "reduce"), s, reduce=None)
    need(given["reduce"] == reduce, "another reduction")
    src = given["src"]
    if not isinstance(src, Tensor):
        src = torch.full(given["index"].shape, src, dtype=s.input.dtype)
    return {"x": s.input, "index": given["index"], "src": src}, {"axis": given["dim"]}


def scatter(s):
    return scatter_of(s, None)


def scatter_value(s):
    tensors, args = scatter_of(s, None)
    value = bound(("dim", "index", "src"), s)["src"]
    need(not isinstance(value, (Tensor, bool, complex)), "a tensor")
    return {"x": tensors["x"], "index": tensors["index"]}, {**args, "value": value}


def scatter_added(s):
    return scatter_of(s, "add")


def scatter_multiplied(s):
    tensors, args = scatter_of(s, "multiply")
    return tensors, {**args, "reduce": "prod"}


def scatter_reduce(s):
    given = bound(("dim", "index", "src", "reduce", "include_self"), s, include_self=True)
    return ({"x": s.input, "index": given["index"], "src": given["src"]},
            {"axis": given["dim"], "reduce": given["reduce"], "include_self": given["include_self"]})


# ---- x[...] ----

def items_of(key):
    """Returns the text for what stands between brackets in Python, and its tensors."""
    parts, tensors = [], []
    if isinstance(key, list) and all(isinstance(k, int) for k in key):
        key = (key,)
    for k in key if isinstance(key, (tuple, list)) else (key,):
        if isinstance(k, (Tensor, list, tuple)):
            parts.append(f"t{len(tensors)}")
            tensors.append(k if isinstance(k, Tensor) else torch.tensor(k))
        elif isinstance(k, slice):
            parts.append(":".join("" if v is None else str(v) for v in (k.start, k.stop, k.step)).removesuffix(":"))
        else:
            parts.append("..." if k is Ellipsis else str(k))
    return ", ".join(parts), tensors


def getitem(s):
    text, tensors = items_of(s.args[0])
    return {"xs": [s.input, *tensors]}, {"items": text}


def index_put(s):
    given = bound(("indices", "values", "accumulate"), s, accumulate=False)
    text, tensors = items_of(tuple(given["indices"]))
    return {"xs": [s.input, given["values"], *tensors]}, {"items": text, "accumulate": given["accumulate"]}


# ---- sorted rows ----

def side(given):
    return {"right": given.get("right", False) or given.get("side") == "right", "out_int32": given.get("out_int32", False)}


def searchsorted(s):
    given = bound(("values", "sorter", "right", "side", "out_int32"), s)
    sorter = {"sorter": given["sorter"]} if given.get("sorter") is not None else {}
    values = given["values"]
    return {"sorted": s.input, "values": values if isinstance(values, Tensor) else torch.tensor(values), **sorter}, side(given)


def bucketize(s):
    given = bound(("boundaries", "out_int32", "right"), s)
    return {"x": s.input, "boundaries": given["boundaries"]}, side(given)


OPS = {
    **only("gather", gather), **only("masked_select", masked_select),
    **only("nonzero", nonzero), **only("argwhere", nonzero), **only("take", take), **only("take_along_dim", take_along_dim),
    **only("index_select", index_select), **only("index_add", index_add), **only("index_copy", index_copy),
    **only("index_fill", index_fill), **only("scatter_add", scatter), **only("scatter_reduce", scatter_reduce),
    "scatter": [("scatter", scatter_value), ("scatter", scatter), ("scatter_add", scatter_added),
                ("scatter_reduce", scatter_multiplied)],
    "__getitem__": [("index", getitem)], **only("index_put", index_put), **only("searchsorted", searchsorted),
    **only("bucketize", bucketize),
}
REFUSED = {}
