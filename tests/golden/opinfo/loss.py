"""Losses."""
import torch

from opinfo.adapt import Tensor, bound, need, only

NAMES = ("target", "weight", "size_average", "reduce", "reduction")


def given_of(s, names, **defaults):
    """Returns the arguments by PyTorch's names, without the deprecated ones, and those that are not given."""
    given = bound(names, s, reduction="mean", **defaults)
    need(given.pop("size_average", None) is None and given.pop("reduce", None) is None, "size_average or reduce")
    return {k: v for k, v in given.items() if v is not None}


def loss(*names, input="x"):
    """Takes losses whose arguments have our names but for the input, in PyTorch's order; tensors are told by their type."""
    def adapt(s):
        given = given_of(s, names)
        tensors = {k: v for k, v in given.items() if isinstance(v, Tensor)}
        return {input: s.input, **tensors}, {k: v for k, v in given.items() if k not in tensors}
    return adapt


def renamed(adapt, **names):
    def other(s):
        tensors, args = adapt(s)
        return {names.get(k, k): v for k, v in tensors.items()}, {names.get(k, k): v for k, v in args.items()}
    return other


def classes(*names, input):
    """As loss, with PyTorch's default of ignore_index."""
    plain = loss(*names, input=input)

    def adapt(s):
        tensors, args = plain(s)
        return tensors, {"ignore_index": -100, **args}
    return adapt


def gaussian(s):
    tensors, args = loss("target", "var", "full", "eps", "reduction")(s)
    if isinstance(args.get("var"), (int, float)):
        tensors["var"] = torch.full((), args.pop("var"), dtype=s.input.dtype)
    return tensors, args


def ctc(s):
    given = bound(("targets", "input_lengths", "target_lengths", "blank", "reduction", "zero_infinity"), s, reduction="mean")
    tensors = {"log_probs": s.input, "targets": given["targets"].long()}
    for k in ("input_lengths", "target_lengths"):
        tensors[k] = torch.as_tensor(given[k]).long()
    return tensors, {k: given[k] for k in ("blank", "reduction", "zero_infinity") if k in given}


def with_distance(s):
    given = bound(("positive", "negative", "distance_function", "margin", "swap", "reduction"), s)
    distance = given.pop("distance_function", None) or torch.nn.PairwiseDistance()
    need(isinstance(distance, torch.nn.PairwiseDistance), "a function")
    given.update(p=distance.norm, eps=distance.eps)
    return {"anchor": s.input, "positive": given.pop("positive"), "negative": given.pop("negative")}, given


PLAIN = ("target", "size_average", "reduce", "reduction")
PAIR = ("x2", "target", "margin", "size_average", "reduce", "reduction")
OPS = {"nn.functional." + name: [(op, adapt)] for name, op, adapt in (
    ("mse_loss", "mse_loss", loss(*PLAIN)),
    ("l1_loss", "l1_loss", loss(*PLAIN)),
    ("soft_margin_loss", "soft_margin_loss", loss(*PLAIN)),
    ("multilabel_margin_loss", "multilabel_margin_loss", loss(*PLAIN)),
    ("smooth_l1_loss", "smooth_l1_loss", loss(*PLAIN, "beta")),
    ("huber_loss", "huber_loss", loss("target", "reduction", "delta")),
    ("kl_div", "kl_div", loss(*PLAIN, "log_target")),
    ("poisson_nll_loss", "poisson_nll_loss", loss("target", "log_input", "full", "size_average", "eps", "reduce", "reduction")),
    ("gaussian_nll_loss", "gaussian_nll_loss", gaussian),
    ("binary_cross_entropy", "binary_cross_entropy", loss(*NAMES)),
    ("binary_cross_entropy_with_logits", "bce_with_logits_loss", loss(*NAMES, "pos_weight")),
    ("multilabel_soft_margin_loss", "multilabel_soft_margin_loss", loss(*NAMES)),
    ("hinge_embedding_loss", "hinge_embedding_loss", loss("target", "margin", "size_average", "reduce", "reduction")),
    ("margin_ranking_loss", "margin_ranking_loss", renamed(loss(*PAIR, input="a"), x2="b")),
    ("cosine_embedding_loss", "cosine_embedding_loss", renamed(loss(*PAIR, input="a"), x2="b")),
    ("multi_margin_loss", "multi_margin_loss", loss("target", "p", "margin", "weight", "size_average", "reduce", "reduction")),
    ("triplet_margin_loss", "triplet_margin_loss",
     loss("positive", "negative", "margin", "p", "eps", "swap", "size_average", "reduce", "reduction", input="anchor")),
    ("triplet_margin_with_distance_loss", "triplet_margin_loss", with_distance),
    ("nll_loss", "nll_loss", classes("target", "weight", "size_average", "ignore_index", "reduce", "reduction", input="log_probs")),
    ("cross_entropy", "cross_entropy",
     classes("target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing", input="logits")),
    ("ctc_loss", "ctc_loss", ctc),
)}
REFUSED = {}
DIFFERS = {"nn.functional.poisson_nll_loss": "gradients of targets that are 0, with full: PyTorch's are NaN"}
