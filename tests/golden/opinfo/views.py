"""Views, shapes and types."""
from opinfo.adapt import Tensor, bound, need, only, shape, simple


def transpose(s):
    a, b = bound(("dim0", "dim1"), s).values()
    return {"x": s.input}, {"a": a, "b": b}


def squeeze(s):
    given = bound(("dim",), s)
    need(isinstance(given.get("dim"), int), "no axis, or several")
    return {"x": s.input}, {"axis": given["dim"]}


def listed(v):
    return [v] if isinstance(v, int) else list(v)


def squeeze_axes(s):
    given = bound(("dim",), s)
    need(given.get("dim") != (), "no axes, which we take for all")
    return {"x": s.input}, {"axes": listed(given["dim"])} if "dim" in given else {}


def squeeze_none(s):
    """Takes a list of no axes, which leaves all, as a view of the same shape."""
    need(s.args == ((),), "axes")
    return {"x": s.input}, {"shape": list(s.input.shape)}


def named(**ours):
    """Takes one tensor, and values by PyTorch's names in its order; ours: our name of each."""
    def adapt(s):
        return {"x": s.input}, {ours[k]: v for k, v in bound(tuple(ours), s).items()}
    return adapt


def narrow(s):
    axis, start, length = bound(("dim", "start", "length"), s).values()
    return {"x": s.input}, {"axis": axis, "start": int(start), "length": length}


def slice_of(s):
    given = bound(("dim", "start", "end", "step"), s)
    ours = {"dim": "axis", "start": "start", "end": "end", "step": "step"}
    return {"x": s.input}, {ours[k]: v for k, v in given.items() if v is not None}


def tensors(s):
    given = bound(("dim",), s, dim=0)
    need(given["dim"] is not None, "no axis")
    return {"xs": list(s.input)}, {"axis": given["dim"]}


def all_tensors(s):
    """Takes one list of tensors, or tensors as the arguments."""
    return {"xs": list(s.input) if isinstance(s.input, (list, tuple)) else [s.input, *s.args]}, {}


def one_tensor(s):
    need(isinstance(s.input, Tensor), "a list of tensors, one after the other")
    return {"x": s.input}, {}


def meshgrid(s):
    return all_tensors(s)[0], {"indexing": s.kwargs.get("indexing", "ij")}


def to_type(name):
    def adapt(s):
        need(set(s.kwargs) <= {"memory_format"}, "memory_format")
        return {"x": s.input}, {"dtype": name}
    return adapt


def other(s):
    return {"x": s.input, "other": bound(("other",), s)["other"]}, {}


def as_strided(s):
    whole = s.input.numel() * s.input.element_size()
    need(s.input.untyped_storage().nbytes() == whole if hasattr(s.input, "untyped_storage") else True, "a part of other memory")
    return named(size="shape", stride="strides", storage_offset="offset")(s)


def movedim(s):
    given = bound(("source", "destination"), s)
    return {"x": s.input}, {k: listed(v) for k, v in given.items()}


def split(s):
    given = bound(("split_size_or_sections", "dim"), s, dim=0)
    size = given["split_size_or_sections"]
    need(isinstance(size, int), "several sizes")
    return {"x": s.input}, {"size": size, "axis": given["dim"]}


def split_with_sizes(s):
    sizes, *rest = bound(("split_sizes", "dim"), s).values()
    return {"x": s.input}, {"sizes": listed(sizes), "axis": rest[0] if rest else 0}


def split_by(s):
    given = bound(("by", "dim"), s)
    by = given["by"].tolist() if isinstance(given["by"], Tensor) else given["by"]
    axis = {"axis": given["dim"]} if "dim" in given else {}
    return {"x": s.input}, {**({"sections": by} if isinstance(by, int) else {"indices": list(by)}), **axis}


def repeat_interleave(s):
    given = bound(("repeats", "dim", "output_size"), s)
    tensors, args = {"x": s.input}, {"axis": given["dim"]} if given.get("dim") is not None else {}
    if isinstance(given["repeats"], Tensor):
        return {**tensors, "counts": given["repeats"]}, args
    return tensors, {**args, "repeats": given["repeats"]}


def roll(s):
    given = bound(("shifts", "dims"), s)
    axes = given.get("dims")
    return {"x": s.input}, {"shifts": listed(given["shifts"]), "axes": [] if axes is None else listed(axes)}


def rot90(s):
    given = bound(("k", "dims"), s, k=1, dims=(0, 1))
    return {"x": s.input}, {"k": given["k"], "axes": list(given["dims"])}


DIAGONAL = {"offset": "offset", "dim1": "axis1", "dim2": "axis2"}
OPS = {
    **simple(*"clone contiguous t ravel fliplr flipud trace".split()), "mT": [("mt", named())],
    **{op: [(op, one_tensor)] for op in "atleast_1d atleast_2d atleast_3d".split()},
    "T": [("t", named())], **only("cat", tensors), **only("stack", tensors),
    **{op: [(op, all_tensors)] for op in "hstack vstack dstack column_stack block_diag".split()},
    **only("expand", shape("shape")), **only("broadcast_to", shape("shape")), **only("permute", shape("axes")),
    **only("reshape", shape("shape")), **only("view", shape("shape")), **only("repeat", shape("times")), **only("tile", shape("times")),
    **{op: [(op, other)] for op in "view_as reshape_as expand_as".split()},
    **only("flatten", named(start_dim="first_axis", end_dim="last_axis")),
    **only("transpose", transpose), "squeeze": [("squeeze", squeeze), ("squeeze_axes", squeeze_axes), ("view", squeeze_none)],
    **only("unsqueeze", squeeze), **only("narrow", narrow), **only("slice", slice_of),
    **only("select", named(dim="axis", index="index")), **only("movedim", movedim),
    **only("unflatten", named(dim="axis", sizes="shape")), **only("unfold", named(dim="axis", size="size", step="step")),
    **only("as_strided", as_strided),
    **only("diagonal", named(**DIAGONAL)), **only("diag_embed", named(**DIAGONAL)), **only("diag", named(diagonal="offset")),
    **only("diagflat", named(offset="offset")), **only("tril", named(diagonal="offset")), **only("triu", named(diagonal="offset")),
    **only("unbind", named(dim="axis")), **only("chunk", named(chunks="chunks", dim="axis")),
    "split": [("split", split), ("split_with_sizes", split_with_sizes)], **only("split_with_sizes", split_with_sizes),
    **{op: [(op, split_by)] for op in "tensor_split hsplit vsplit dsplit".split()}, **only("meshgrid", meshgrid),
    **only("repeat_interleave", repeat_interleave), **only("roll", roll), **only("rot90", rot90), **only("flip", named(dims="axes")),
    **{op: [("to", to_type(name))] for op, name in (
        ("double", "float64"), ("float", "float32"), ("half", "float16"), ("bfloat16", "bfloat16"), ("long", "int64"), ("int", "int32"),
        ("short", "int16"), ("char", "int8"), ("byte", "uint8"), ("bool", "bool"))},
}
REFUSED = {"mt": ("expected two axes or more", "a scalar has no matrices; newer versions of PyTorch say so, too")}
