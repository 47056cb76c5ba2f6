"""Losses."""
from opinfo.adapt import bound, need


def loss(s):
    given = bound(("target", "reduction", "size_average", "reduce"), s, reduction="mean")
    return {"x": s.input, "target": given["target"]}, {"reduction": given["reduction"]}


def bce_with_logits(s):
    given = bound(("target", "weight", "size_average", "reduce", "reduction", "pos_weight"), s, reduction="mean")
    need(given.get("weight") is None and given.get("pos_weight") is None, "weights")
    return {"x": s.input, "target": given["target"]}, {"reduction": given["reduction"]}


def labels(logits):
    def adapt(s):
        given = bound(("target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing"), s,
                      reduction="mean")
        need(given.get("weight") is None, "weights of classes")
        need(s.input.dim() == 2 and given["target"].dim() == 1 and not given["target"].is_floating_point(),
             "other shapes than [n, classes] and [n], or probabilities")
        args = {"reduction": given["reduction"]}
        if logits == "logits":
            args.update(label_smoothing=given.get("label_smoothing", 0.0),
                        ignore_index=given.get("ignore_index", -100))
        else:
            need("ignore_index" not in given, "ignore_index")
        return {logits: s.input, "target": given["target"]}, args
    return adapt


OPS = {
    "nn.functional.mse_loss": [("mse_loss", loss)], "nn.functional.l1_loss": [("l1_loss", loss)],
    "nn.functional.nll_loss": [("nll_loss", labels("log_probs"))],
    "nn.functional.binary_cross_entropy_with_logits": [("bce_with_logits_loss", bce_with_logits)],
    "nn.functional.cross_entropy": [("cross_entropy", labels("logits"))],
}
REFUSED = {}
