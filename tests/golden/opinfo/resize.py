"""Padding and resizing."""
from opinfo.adapt import bound


def pad(s):
    given = bound(("pad", "mode", "value"), s)
    args = {"pads": list(given["pad"]), **{k: given[k] for k in ("mode", "value") if given.get(k) is not None}}
    return {"x": s.input}, args


OPS = {"nn.functional.pad": [("pad", pad)]}
