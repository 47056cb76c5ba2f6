"""Random numbers. Ours are not PyTorch's, so what is compared is what they obey (rules.py)."""
import torch

from opinfo.adapt import Tensor, bound, need
from opinfo.create import name_of
from opinfo.rules import anything, dropped, finite, within


def shape_of(v):
    return list(v) if isinstance(v, (tuple, list, torch.Size)) else [v]


def randint(s):
    numbers, (sizes,) = [s.input, *s.args[:-1]], s.args[-1:]
    low, high = numbers if len(numbers) == 2 else (0, *numbers)
    s.rules = {"out": within(low, high, whole=True)}
    return shape_of(sizes), low, high, s.kwargs.get("dtype") or torch.int64


def randint_int64(s):
    sizes, low, high, dtype = randint(s)
    need(dtype == torch.int64, "another type")
    return {}, {"shape": sizes, "low": low, "high": high}


def randint_other(s):
    sizes, low, high, dtype = randint(s)
    return {"x": torch.zeros(sizes, dtype=dtype)}, {"low": low, "high": high}


def randint_like(s):
    low, high = s.args if len(s.args) == 2 else (0, *s.args)
    s.rules = {"out": within(low, high, whole=True)}
    return {"x": s.input.to(s.kwargs.get("dtype", s.input.dtype))}, {"low": low, "high": high}


def like(rule):
    def adapt(s):
        s.rules = {"out": rule}
        return {"x": s.input.to(s.kwargs.get("dtype", s.input.dtype))}, {}
    return adapt


def randn(s):
    s.rules = {"out": finite}
    return {"x": torch.zeros(shape_of(s.input), dtype=s.kwargs["dtype"])}, {}


def normal(s):
    s.rules = {"out": finite}
    need(not isinstance(s.input, Tensor) and len(s.args) == 2, "tensors for numbers")
    need(s.kwargs.get("dtype") in (None, torch.float32), "another type")
    return {}, {"mean": s.input, "std": s.args[0], "shape": shape_of(s.args[1])}


def normal_by(s):
    """Takes a number, or a type, as a tensor."""
    s.rules = {"out": finite}
    numbers = [s.input, s.args[0]]
    sizes = shape_of(s.args[1]) if len(s.args) == 2 else []
    dtype = s.kwargs.get("dtype") or next((v.dtype for v in numbers if isinstance(v, Tensor)), torch.float32)
    mean, std = (v if isinstance(v, Tensor) else torch.full(sizes, v, dtype=dtype) for v in numbers)
    return {"mean": mean, "std": std}, {}


def normal_in_place(s):
    s.rules = {"out": finite}
    mean, std = s.args
    return {"mean": torch.full_like(s.input, mean), "std": torch.tensor(float(std))}, {}


def bernoulli(s):
    s.rules = {"out": within(0, 2, whole=True)}
    return {"p": s.input}, {}


def multinomial(s):
    given = bound(("num_samples", "replacement"), s)
    s.rules = {"out": within(0, s.input.shape[-1])}
    return {"weights": s.input}, {"samples": given["num_samples"], "replacement": given.get("replacement", False)}


def dropout(s):
    given = bound(("p", "training", "inplace"), s, p=0.5, training=True)
    need(given["training"], "no training")
    s.rules = {"out": dropped(given["p"]), "grad.x": dropped(given["p"])}
    return {"x": s.input}, {"p": given["p"]}


def no_dropout(s):
    return {"x": s.input}, {}


def empty(s):
    """Takes zeros, which may stand in an empty tensor as well as anything else."""
    s.rules = {"out": anything}
    sizes, dtype = (s.args[0], s.input.dtype) if isinstance(s.input, Tensor) else (s.input, torch.float32)
    return {}, {"shape": shape_of(sizes), "value": 0, "dtype": name_of(s.kwargs.get("dtype", dtype))}


OPS = {
    "randint": [("randint", randint_int64), ("randint_like", randint_other)], "randint_like": [("randint_like", randint_like)],
    "rand_like": [("rand_like", like(within(0, 1)))], "randn_like": [("randn_like", like(finite))], "randn": [("randn_like", randn)],
    "normal": [("normal_by", normal_by)], "normal/number_mean": [("normal", normal), ("normal_by", normal_by)],
    "normal/in_place": [("normal_by", normal_in_place)], "bernoulli": [("bernoulli_by", bernoulli)],
    "multinomial": [("multinomial", multinomial)], "nn.functional.dropout": [("dropout", dropout), ("clone", no_dropout)],
    "empty": [("full", empty)], "new_empty": [("full", empty)],
}
REFUSED = {}
