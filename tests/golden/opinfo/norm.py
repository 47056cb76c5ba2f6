"""Softmax and normalisations."""
import torch

from opinfo.adapt import bound, need, one, only, shape


def along(s):
    given = bound(("dim", "dtype"), s)
    need(given.get("dtype") is None, "dtype")
    return {"x": s.input}, {"axis": given["dim"]}


def layer_norm(s):
    given = bound(("normalized_shape", "weight", "bias", "eps"), s, eps=1e-5)
    tensors = {"x": s.input, "weight": given.get("weight"), "bias": given.get("bias")}
    return {k: v for k, v in tensors.items() if v is not None}, {"axes": len(given["normalized_shape"]), "eps": given["eps"]}


def batch_norm(s):
    given = bound(("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"), s, eps=1e-5)
    need(given.get("training"), "running statistics")
    tensors = {"x": s.input, "weight": given.get("weight"), "bias": given.get("bias")}
    need(s.input.dim() > 1, "one axis")
    if s.input.requires_grad:  # our operation also returns mean and variance
        tensors.update({f"grad_out.{i}": torch.zeros(s.input.shape[1], dtype=s.input.dtype) for i in (1, 2)})
    return {k: v for k, v in tensors.items() if v is not None}, {"eps": given["eps"]}


def batch_norm_by(s):
    given = bound(("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"), s, eps=1e-5)
    need(not given.get("training") and given["running_mean"] is not None, "statistics of the batch")
    tensors = {"x": s.input, "mean": given["running_mean"], "var": given["running_var"], "weight": given.get("weight"),
               "bias": given.get("bias")}
    return {k: v for k, v in tensors.items() if v is not None}, {"eps": given["eps"]}


OPS = {
    **only("softmax", along), **only("log_softmax", along), "nn.functional.layer_norm": [("layer_norm", layer_norm)],
    "nn.functional.batch_norm": [("batch_norm", batch_norm), ("batch_norm_by", batch_norm_by)],
}
REFUSED = {
    "batch_norm_by": ("expected [n, channels, ...]", "a tensor of one axis has no channels"),
    "layer_norm": ("eps is -0.5", "a negative eps can only be a mistake"),
}
