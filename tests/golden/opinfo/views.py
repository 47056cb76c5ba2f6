"""Views, shapes and types."""
from opinfo.adapt import bound, need, only, shape, simple


def transpose(s):
    a, b = bound(("dim0", "dim1"), s).values()
    return {"x": s.input}, {"a": a, "b": b}


def squeeze(s):
    given = bound(("dim",), s)
    need("dim" in given, "no axis")
    return {"x": s.input}, {"axis": given["dim"]}


def flatten(s):
    given = bound(("start_dim", "end_dim"), s, start_dim=0, end_dim=-1)
    return {"x": s.input}, {"first_axis": given["start_dim"], "last_axis": given["end_dim"]}


def narrow(s):
    axis, start, length = bound(("dim", "start", "length"), s).values()
    return {"x": s.input}, {"axis": axis, "start": int(start), "length": length}


def select(s):
    axis, index = bound(("dim", "index"), s).values()
    return {"x": s.input}, {"axis": axis, "index": index}


def listed(s):
    given = bound(("dim",), s, dim=0)
    need(given["dim"] is not None, "no axis")
    return {"xs": list(s.input)}, {"axis": given["dim"]}


def to_type(name):
    def adapt(s):
        need(set(s.kwargs) <= {"memory_format"}, "memory_format")
        return {"x": s.input}, {"dtype": name}
    return adapt


OPS = {
    **simple(*"clone contiguous t".split()), **only("cat", listed), **only("stack", listed), **only("expand", shape("shape")),
    **only("permute", shape("axes")), **only("reshape", shape("shape")), **only("view", shape("shape")), **only("flatten", flatten),
    **only("transpose", transpose), **only("squeeze", squeeze), **only("unsqueeze", squeeze), **only("narrow", narrow),
    **only("select", select), "double": [("to", to_type("float64"))],
}
REFUSED = {}
