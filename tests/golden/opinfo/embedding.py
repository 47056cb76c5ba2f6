"""Embeddings."""
from opinfo.adapt import bound, need

OPTIONS = {"max_norm", "norm_type", "scale_grad_by_freq", "padding_idx"}


def embedding(s):
    given = bound(("index", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"), s)
    need(not given.get("sparse"), "sparse gradients")
    return {"table": s.input, "index": given["index"]}, {k: v for k, v in given.items() if k in OPTIONS and v is not None}


def embedding_bag(s):
    given = bound(("index", "offsets", "max_norm", "norm_type", "scale_grad_by_freq", "mode", "sparse", "per_sample_weights",
                   "include_last_offset", "padding_idx"), s, mode="mean")
    need(not given.get("sparse"), "sparse gradients")
    tensors = {"table": s.input, **{k: given[k] for k in ("index", "offsets", "per_sample_weights") if given.get(k) is not None}}
    return tensors, {k: v for k, v in given.items() if k in OPTIONS | {"mode", "include_last_offset"} and v is not None}


OPS = {
    "nn.functional.embedding": [("embedding", embedding)], "nn.functional.embedding_bag": [("embedding_bag", embedding_bag)],
}
REFUSED = {}
