"""What the families' tables share: from a sample of OpInfo to tensors and arguments by our names.

A module of this folder has OPS: {name in OpInfo: [(our operation, adapter), ...]}. The first adapter that does not raise Differs is
taken. An adapter returns the tensors and the other arguments by our names. REFUSED has, for our operations that refuse samples which
PyTorch accepts, a part of the message (or a list of parts, of which one is there) and the reason. DIFFERS has, for entries of OpInfo whose
samples do not all agree, the reason.
"""
import types

import torch

Tensor = torch.Tensor
FRACTION = "a fraction for integers, which PyTorch cuts, and we take as float32"


class Differs(Exception):
    """Raised for a sample that our operation has no arguments for."""


def bound(names, sample, **defaults):
    """Returns the arguments of a sample after its input, by PyTorch's names, which are given in its order."""
    given = dict(zip(names, sample.args))
    given.update(sample.kwargs)
    if len(sample.args) > len(names) or set(given) - set(names):
        raise Differs("arguments " + ", ".join(sorted(set(given) - set(names))))
    return {**defaults, **given}


def need(condition, why):
    if not condition:
        raise Differs(why)


def one(*names, **ours):
    """Takes one tensor, and numbers by PyTorch's names; ours: our name of each."""
    def adapt(s):
        given = {k: v for k, v in bound(names, s).items() if v is not None and k in ours}
        need(not any(isinstance(v, Tensor) for v in given.values()), "a tensor for a number")
        need(s.input.is_floating_point() or all(v == int(v) for v in given.values()), FRACTION)
        return {"x": s.input}, {ours[k]: v for k, v in given.items()}
    return adapt


def bare(s):
    """Takes only the tensor: our operation has no arguments of the samples."""
    s.args, s.kwargs = (), {}
    return {"x": s.input}, {}


def two(s):
    given = bound(("other", "rounding_mode"), s)
    need(given.get("rounding_mode") is None, "rounding_mode")
    need(isinstance(given["other"], Tensor) and isinstance(s.input, Tensor), "a number for a tensor")
    return {"a": s.input, "b": given["other"]}, {}


def number(s):
    """Takes a scalar, or the first element of a tensor, as the other operand."""
    other = bound(("other", "alpha"), s)["other"]
    need(isinstance(s.input, Tensor) and not (isinstance(other, Tensor) and other.numel() == 0), "no number")
    s.args, s.kwargs = (other.flatten()[0].item() if isinstance(other, Tensor) else other,), {}
    need(not isinstance(s.args[0], (bool, complex)), "a bool or a complex number for the number")
    return {"a": s.input}, {"s": s.args[0]}


def axes_of(dim):
    return [] if dim is None else [dim] if isinstance(dim, int) else list(dim)


def pair(v):
    return [v, v] if isinstance(v, int) else list(v) * (2 if len(v) == 1 else 1)


def shape(*names):
    def adapt(s):
        sizes = s.args if s.args and isinstance(s.args[0], int) else s.args[0]
        return {"x": s.input}, {names[0]: list(sizes)}
    return adapt


def only(op, adapt):
    """A row of OPS for an operation of one name in both."""
    return {op: [(op, adapt)]}


def simple(*ops):
    return {op: [(op, one())] for op in ops}
