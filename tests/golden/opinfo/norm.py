"""Softmax and normalisations."""
import torch

from opinfo.adapt import bound, need, only


def along(s):
    given = bound(("dim", "dtype", "_stacklevel"), s)
    dtype = given.get("dtype")
    return {"x": s.input}, {"axis": given["dim"], **({"dtype": str(dtype).split(".")[1]} if dtype is not None else {})}


def tensors_of(s, given, *names):
    return {"x": s.input, **{k: given[k] for k in names if given.get(k) is not None}}


def rows(*names, **defaults):
    def adapt(s):
        given = bound(("normalized_shape", *names), s, **defaults)
        args = {"axes": len(given["normalized_shape"]), "eps": given["eps"]}
        return tensors_of(s, given, "weight", "bias"), {k: v for k, v in args.items() if v is not None}
    return adapt


def channels(*names, input_stats):
    """Takes normalisations by the statistics of the input, whose mean and variance our operations return, too."""
    def adapt(s):
        given = bound(("running_mean", "running_var", *names), s, eps=1e-5, use_input_stats=True)
        need(given.get(input_stats), "running statistics")
        need(s.input.dim() > 1, "one axis")
        tensors = tensors_of(s, given, "weight", "bias")
        if s.input.requires_grad:
            dims = s.input.shape[1:2] if input_stats == "training" else s.input.shape[:2]
            tensors.update({f"grad_out.{i}": torch.zeros(dims, dtype=s.input.dtype) for i in (1, 2)})
        return tensors, {"eps": given["eps"]}
    return adapt


def batch_norm_by(*names, input_stats):
    def adapt(s):
        given = bound(("running_mean", "running_var", *names), s, eps=1e-5, use_input_stats=True)
        need(not given.get(input_stats) and given["running_mean"] is not None, "statistics of the input")
        return {"mean": given["running_mean"], "var": given["running_var"], **tensors_of(s, given, "weight", "bias")}, {"eps": given["eps"]}
    return adapt


def group_norm(s):
    given = bound(("num_groups", "weight", "bias", "eps"), s, eps=1e-5)
    return tensors_of(s, given, "weight", "bias"), {"groups": given["num_groups"], "eps": given["eps"]}


def local_response_norm(s):
    return {"x": s.input}, bound(("size", "alpha", "beta", "k"), s)


def vectors(*names, tensors, **ours):
    """Takes tensors and numbers by PyTorch's names; ours: our name of each number."""
    def adapt(s):
        given = bound(names, s)
        args = {ours.get(k, k): v for k, v in given.items() if not isinstance(v, torch.Tensor)}
        return dict(zip(tensors, [s.input] + [v for v in given.values() if isinstance(v, torch.Tensor)])), args
    return adapt


BATCH = ("weight", "bias", "training", "momentum", "eps")
INSTANCE = ("weight", "bias", "use_input_stats", "momentum", "eps")
OPS = {
    **only("softmax", along), **only("log_softmax", along), "nn.functional.softmin": [("softmin", along)],
    "nn.functional.layer_norm": [("layer_norm", rows("weight", "bias", "eps", eps=1e-5))],
    "nn.functional.rms_norm": [("rms_norm", rows("weight", "eps", eps=None))],
    "nn.functional.group_norm": [("group_norm", group_norm)],
    "nn.functional.batch_norm": [("batch_norm", channels(*BATCH, input_stats="training")),
                                 ("batch_norm_by", batch_norm_by(*BATCH, input_stats="training"))],
    "nn.functional.instance_norm": [("instance_norm", channels(*INSTANCE, input_stats="use_input_stats")),
                                    ("batch_norm_by", batch_norm_by(*INSTANCE, input_stats="use_input_stats"))],
    "nn.functional.local_response_norm": [("local_response_norm", local_response_norm)],
    "nn.functional.normalize": [("normalize", vectors("p", "dim", "eps", tensors=("x",), dim="axis"))],
    "nn.functional.cosine_similarity": [("cosine_similarity", vectors("x2", "dim", "eps", tensors=("a", "b"), dim="axis"))],
    "nn.functional.pairwise_distance": [("pairwise_distance", vectors("x2", "p", "eps", "keepdim", tensors=("a", "b"), keepdim="keep_dim"))],
}
REFUSED = {
    "batch_norm_by": ("expected [n, channels, ...]", "a tensor of one axis has no channels"),
}
