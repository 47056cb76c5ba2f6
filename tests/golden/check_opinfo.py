#!/usr/bin/python3
"""Runs `ringtorch op` on the samples of PyTorch's OpInfo and compares results and gradients with PyTorch's.

    tests/golden/check_opinfo.py build-dev/bin/ringtorch [--op NAME] [--types float32,int64] [--keep DIR] [--verbose]

Needs Debian's python3-torch (1.13), which the project itself does not need: run it by hand after a change of operations. Prints a
line for each operation: how many samples agree, differ, were refused, or have no counterpart (use an argument that our operation
lacks). REFUSED lists the expected refusals with their reasons. A result agrees if it is as close to PyTorch's result of the same
type as PyTorch's own tests require (assert_close). It also agrees if the error of no element against the float64 result exceeds
four times PyTorch's largest error plus four roundings of the largest element. Exits with 1 if a sample differs, or is refused for
another reason.
"""
import argparse
import collections
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import types
import unittest
import warnings

import torch

if "expecttest" not in sys.modules:  # torch.testing imports it for its own tests; Debian does not package it
    sys.modules["expecttest"] = types.ModuleType("expecttest")
    sys.modules["expecttest"].TestCase = unittest.TestCase
    sys.modules["expecttest"].ACCEPT = False
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

warnings.filterwarnings("ignore")
Tensor = torch.Tensor


FRACTION = "a fraction for integers, which PyTorch cuts, and we take as float32"


NO_INTEGERS = "computes floats alone: there are no kernels of integers for it"
REFUSED = {  # samples that PyTorch accepts: a part of our error message, and the reason for the refusal
    "avg_pool2d": ("x is int", NO_INTEGERS), "conv2d": ("x is int", NO_INTEGERS),
    "linear": ("expected float32, float64", NO_INTEGERS), "matmul": ("expected float32, float64", NO_INTEGERS),
    "topk": ("expected float32, float64", NO_INTEGERS), "square": ("no kernel square for bool", "PyTorch makes int64 of bools"),
    "scatter_add": ("is bool[", "bools have no sum"),
    "arange": ("has no such numbers", "PyTorch makes uint8 of negative numbers"),
    "batch_norm_by": ("expected [n, channels, ...]", "a tensor of one axis has no channels"),
    "gather": ("index is uint8[0]", "an index is int64, also an empty one"),
    "layer_norm": ("eps is -0.5", "a negative eps can only be a mistake"),
}


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


# ---- adapters: from a sample to tensors and arguments by our names ----

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


def two_alpha(s):
    need(bound(("other", "alpha"), s).get("alpha", 1) == 1, "alpha")
    return two(types.SimpleNamespace(input=s.input, args=s.args[:1], kwargs={}))


def number(s):
    """Takes a scalar, or the first element of a tensor, as the other operand."""
    other = bound(("other", "alpha"), s)["other"]
    need(isinstance(s.input, Tensor) and not (isinstance(other, Tensor) and other.numel() == 0), "no number")
    s.args, s.kwargs = (other.flatten()[0].item() if isinstance(other, Tensor) else other,), {}
    need(not isinstance(s.args[0], bool), "a bool for the number")
    return {"a": s.input}, {"s": s.args[0]}


def div_trunc(s):
    given = bound(("other", "rounding_mode"), s)
    need(given.get("rounding_mode") == "trunc" and isinstance(given["other"], Tensor), "another rounding_mode")
    return {"a": s.input, "b": given["other"]}, {}


def axes_of(dim):
    return [] if dim is None else [dim] if isinstance(dim, int) else list(dim)


def reduction(s):
    given = bound(("dim", "keepdim", "dtype"), s, dim=None, keepdim=False)
    need(given.get("dtype") is None, "dtype")
    return {"x": s.input}, {"axes": axes_of(given["dim"]), "keep_dim": given["keepdim"]}


def var_mean(s):
    names = ("dim", "unbiased", "keepdim", "correction")
    if s.args and isinstance(s.args[0], bool):
        names = ("unbiased",)
    given = bound(names if s.args else ("dim", "unbiased", "keepdim", "correction"), s)
    correction = given.get("correction")
    if correction is None:
        correction = 1 if given.get("unbiased", True) else 0
    return {"x": s.input}, {"axes": axes_of(given.get("dim")), "keep_dim": given.get("keepdim", False),
                            "correction": correction}


def along(s):
    given = bound(("dim", "dtype"), s)
    need(given.get("dtype") is None, "dtype")
    return {"x": s.input}, {"axis": given["dim"]}


def argmax(s):
    given = bound(("dim", "keepdim"), s)
    need(given.get("dim") is not None and not given.get("keepdim"), "no axis, or keepdim")
    return {"x": s.input}, {"axis": given["dim"]}


def topk(s):
    given = bound(("k", "dim", "largest", "sorted"), s)
    need(given.get("sorted", True) and s.input.unique().numel() == s.input.numel(), "an order that PyTorch leaves open")
    return {"x": s.input}, {"k": given["k"], "axis": given.get("dim", -1), "largest": given.get("largest", True)}


def shape(*names):
    def adapt(s):
        sizes = s.args if s.args and isinstance(s.args[0], int) else s.args[0]
        return {"x": s.input}, {names[0]: list(sizes)}
    return adapt


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


def gather(s):
    given = bound(("dim", "index", "sparse_grad"), s)
    return {"x": s.input, "index": given["index"]}, {"axis": given["dim"]}


def embedding(s):
    given = bound(("index", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"), s)
    need(set(given) == {"index"}, "padding_idx, max_norm, scale_grad_by_freq or sparse")
    return {"table": s.input, "index": given["index"]}, {}


def where(s):
    given = bound(("condition", "other"), s)
    return {"condition": given["condition"], "a": s.input, "b": given["other"]}, {}


def lerp(s):
    given = bound(("end", "weight"), s)
    need(isinstance(given["weight"], Tensor), "a number for a tensor")
    return {"a": s.input, "b": given["end"], "w": given["weight"]}, {}


def addc(s):
    given = bound(("tensor1", "tensor2", "value"), s, value=1)
    need(s.input.is_floating_point() or given["value"] == int(given["value"]), FRACTION)
    return {"x": s.input, "a": given["tensor1"], "b": given["tensor2"]}, {"value": given["value"]}


def clamp(s):
    """Takes the first elements of tensors as the bounds."""
    ends = [v.flatten()[0].item() if isinstance(v, Tensor) else v for v in bound(("min", "max"), s).values()]
    s.args, s.kwargs = (*ends, *[None] * (2 - len(ends))), {}
    return {"x": s.input}, {k: v for k, v in zip(("low", "high"), ends) if v is not None}


def matmul(s):
    return {"a": s.input, "b": bound(("other",), s)["other"]}, {}


def linear(s):
    given = bound(("weight", "bias"), s)
    return {k: v for k, v in (("x", s.input), ("w", given["weight"]), ("bias", given.get("bias"))) if v is not None}, {}


def pair(v):
    return [v, v] if isinstance(v, int) else list(v) * (2 if len(v) == 1 else 1)


def conv2d(s):
    given = bound(("weight", "bias", "stride", "padding", "dilation", "groups"), s)
    tensors = {"x": s.input, "w": given["weight"]}
    if given.get("bias") is not None:
        tensors["bias"] = given["bias"]
    args = {k: pair(given[k]) for k in ("stride", "dilation") if k in given}
    padding = given.get("padding", 0)
    if padding == "same":
        args["same"] = True
    elif padding != "valid":
        args["padding"] = pair(padding)
    return tensors, {**args, "groups": given.get("groups", 1)}


def pool(s):
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    if "count_include_pad" in s.kwargs or "divisor_override" in s.kwargs or len(s.args) > 3:
        names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    given = bound(names, s)
    need(not given.get("ceil_mode") and pair(given.get("dilation", 1)) == [1, 1] and
         given.get("count_include_pad", True) and given.get("divisor_override") is None and
         not given.get("return_indices"), "ceil_mode, dilation, divisors or indices")
    args = {"kernel": pair(given["kernel_size"]), "padding": pair(given.get("padding", 0))}
    if given.get("stride"):
        args["stride"] = pair(given["stride"])
    return {"x": s.input}, args


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


def attention(s):
    given = bound(("key", "value", "attn_mask", "dropout_p", "need_attn_weights", "is_causal"), s)
    need(given.get("dropout_p", 0) == 0, "dropout")
    tensors = {"q": s.input, "k": given["key"], "v": given["value"]}
    if given.get("attn_mask") is not None:
        tensors["mask"] = given["attn_mask"]
    return tensors, {"causal": given.get("is_causal", False)}


def to_type(name):
    def adapt(s):
        need(set(s.kwargs) <= {"memory_format"}, "memory_format")
        return {"x": s.input}, {"dtype": name}
    return adapt


def arange(s):
    numbers = [s.input, *s.args]
    need(set(s.kwargs) <= {"dtype", "device"}, "other arguments")
    need(not any(isinstance(v, bool) for v in numbers), "a bool for a number")
    numbers = [0, *numbers] if len(numbers) == 1 else numbers
    dtype = s.kwargs.get("dtype") or (torch.int64 if all(isinstance(v, int) for v in numbers) else torch.float32)
    return {}, {**dict(zip(("start", "end", "step"), numbers)), "dtype": str(dtype).split(".")[1]}


def eye(s):
    sizes = {s.input, *s.args}
    need(len(sizes) == 1 and s.kwargs.get("dtype", torch.float32) == torch.float32, "columns, or another type")
    return {}, {"n": s.input}


def scatter_add(s):
    given = bound(("dim", "index", "src"), s)
    need(given["src"].shape == given["index"].shape, "a larger source")
    s.input.detach().zero_()
    return {"src": given["src"], "index": given["index"]}, {"shape": list(s.input.shape), "axis": given["dim"]}


def simple(*ops):
    return {op: (op, one()) for op in ops}


# Our name: (name in OpInfo, adapter). In-place operations run on the samples of the others.
OPS = {
    **simple(*"abs ceil clone contiguous cos erf exp expm1 floor log log1p neg reciprocal rsqrt".split()),
    **simple(*"sigmoid sign sin sqrt square t tanh".split()),
    "round": ("round", one()), "relu": ("nn.functional.relu", one("inplace")), "silu": ("nn.functional.silu", one("inplace")),
    "softplus": ("nn.functional.softplus", bare), "gelu": ("nn.functional.gelu", lambda s: gelu(s, "none")),
    "gelu_tanh": ("nn.functional.gelu", lambda s: gelu(s, "tanh")),
    "celu": ("nn.functional.celu", one("alpha", "inplace", alpha="alpha")),
    "elu": ("nn.functional.elu", one("alpha", "inplace", alpha="alpha")),
    "leaky_relu": ("nn.functional.leaky_relu", one("negative_slope", "inplace", negative_slope="slope")),
    "hardtanh": ("nn.functional.hardtanh", one("min_val", "max_val", "inplace", min_val="low", max_val="high")),
    "hardshrink": ("nn.functional.hardshrink", one("lambd", lambd="lambda")),
    "softshrink": ("nn.functional.softshrink", one("lambd", lambd="lambda")),
    "threshold": ("nn.functional.threshold", one("threshold", "value", "inplace", threshold="threshold", value="value")),
    "clamp": ("clamp", clamp), "add": ("add", two_alpha), "sub": ("sub", two_alpha), "mul": ("mul", two), "div": ("div", two),
    "div_trunc": ("div/trunc_rounding", div_trunc), "maximum": ("maximum", two), "minimum": ("minimum", two), "pow": ("pow", two),
    "add_scalar": ("add", number), "mul_scalar": ("mul", number), "pow_scalar": ("pow", number),
    **{op: (op, two) for op in ("eq", "ne", "lt", "le", "gt", "ge")},
    "lerp": ("lerp", lerp), "addcmul": ("addcmul", addc), "addcdiv": ("addcdiv", addc), "where": ("where", where),
    "sum": ("sum", reduction), "mean": ("mean", reduction), "amax": ("amax", reduction), "amin": ("amin", reduction),
    "var_mean": ("var_mean", var_mean), "argmax": ("argmax", argmax), "topk": ("topk", topk),
    "softmax": ("softmax", along), "log_softmax": ("log_softmax", along),
    "cat": ("cat", listed), "stack": ("stack", listed), "expand": ("expand", shape("shape")),
    "permute": ("permute", shape("axes")),
    "reshape": ("reshape", shape("shape")), "view": ("view", shape("shape")), "flatten": ("flatten", flatten),
    "transpose": ("transpose", transpose), "squeeze": ("squeeze", squeeze), "unsqueeze": ("unsqueeze", squeeze),
    "narrow": ("narrow", narrow), "select": ("select", select), "gather": ("gather", gather),
    "scatter_add": ("scatter_add", scatter_add),
    "embedding": ("nn.functional.embedding", embedding), "matmul": ("matmul", matmul), "linear": ("nn.functional.linear", linear),
    "conv2d": ("nn.functional.conv2d", conv2d), "max_pool2d": ("nn.functional.max_pool2d", pool),
    "avg_pool2d": ("nn.functional.avg_pool2d", pool), "mse_loss": ("nn.functional.mse_loss", loss),
    "l1_loss": ("nn.functional.l1_loss", loss), "nll_loss": ("nn.functional.nll_loss", labels("log_probs")),
    "bce_with_logits_loss": ("nn.functional.binary_cross_entropy_with_logits", bce_with_logits),
    "cross_entropy": ("nn.functional.cross_entropy", labels("logits")), "layer_norm": ("nn.functional.layer_norm", layer_norm),
    "batch_norm": ("nn.functional.batch_norm", batch_norm), "batch_norm_by": ("nn.functional.batch_norm", batch_norm_by),
    "scaled_dot_product_attention": ("nn.functional._scaled_dot_product_attention", attention),
    "to": ("double", to_type("float64")), "arange": ("arange", arange), "eye": ("eye", eye),
}
# Operations without samples in OpInfo: they are random, exist only here, or are part of another row.
NO_SAMPLES = {"above", "bernoulli", "detach", "dropout", "full", "normal", "randint", "slice", "uniform"}


def gelu(s, approximate):
    need(bound(("approximate",), s, approximate="none")["approximate"] == approximate, "the other gelu")
    return {"x": s.input}, {}


def info_of(name):
    name, _, variant = name.partition("/")
    return next((o for o in op_db if o.name == name and (not variant or o.variant_test_name == variant)), None)


# ---- safetensors ----

TYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
         "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool}
NAMES = {t: n for n, t in TYPES.items()}


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, []
    at = 0
    for name, t in tensors.items():
        flat = t.detach().contiguous().reshape(-1)
        raw = bytes(flat.view(torch.uint8).numpy()) if flat.numel() else b""
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def read(path):
    raw = path.read_bytes()
    (n,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + n])
    result = {}
    for name, e in header.items():
        if name != "__metadata__":
            a, b = (8 + n + o for o in e["data_offsets"])
            dtype = TYPES[e["dtype"]]
            flat = torch.frombuffer(bytearray(raw[a:b]), dtype=dtype) if b > a else torch.empty(0, dtype=dtype)
            result[name] = flat.reshape(e["shape"])
    return result


# ---- samples and PyTorch's results ----

def as_list(y):
    return list(y) if isinstance(y, (tuple, list)) else [y]


def leaves(tensors):
    for name, t in tensors.items():
        yield from ((f"{name}.{i}", x) for i, x in enumerate(t)) if isinstance(t, list) else ((name, t),)


def evaluate(info, sample, weights, results):
    """Returns the results, and those with gradients, after a backward pass from sum(result * weight)."""
    out = [y for y in as_list(info.op(sample.input, *sample.args, **sample.kwargs)) if isinstance(y, Tensor)]
    out = out[:results]
    wanted = [y for y in out if y.requires_grad]
    if not wanted:
        return out, []
    if not weights:
        weights.extend(torch.randn(y.shape, dtype=torch.float64) for y in wanted)
    torch.autograd.backward(wanted, [w.to(y.dtype) for w, y in zip(weights, wanted)])
    return out, wanted


def wider(v):
    if isinstance(v, Tensor):
        w = v.detach().to(torch.float64) if v.is_floating_point() else v.detach()
        return w.requires_grad_(v.requires_grad) if v.is_floating_point() else w
    if isinstance(v, (list, tuple)):
        return type(v)(wider(x) for x in v)
    return {k: wider(x) for k, x in v.items()} if isinstance(v, dict) else v


def case_of(row, info, adapt, sample, grads):
    """Returns the tensors for the file, its metadata, and the expected values by name (a value, or a pair with the float64 value)."""
    tensors, args = adapt(sample)
    named = list(leaves(tensors))
    for _, t in named:
        t.grad = None  # samples share tensors
    weights = []
    wide = types.SimpleNamespace(input=wider(sample.input), args=wider(sample.args), kwargs=wider(sample.kwargs))
    out, wanted = evaluate(info, sample, weights, row["results"])
    wide_out, _ = evaluate(info, wide, weights, row["results"])
    try:
        wide_named = dict(leaves(adapt(wide)[0]))
    except Differs:
        wide_named = {}
    several = row["results"] > 1
    expected = {f"out.{i}" if several else "out": (y, z) for i, (y, z) in enumerate(zip(out, wide_out))}
    file = {name: t.detach() for name, t in named}
    meta = {"op": row["name"], "args": json.dumps(args)}
    if grads and wanted:
        meta["grad"] = "1"
        for name, t in named:
            if t.requires_grad and t.grad is not None:
                expected[f"grad.{name}"] = (t.grad.clone(), wide_named[name].grad if name in wide_named else t.grad)
        places = [i for i, y in enumerate(out) if y.requires_grad][:row["results"]]
        for w, i in zip(weights, places):
            file[f"grad_out.{i}" if several else "grad_out"] = w.to(out[i].dtype)
    return file, meta, expected


# ---- comparing ----

def agrees(got, want, wide):
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype} {list(got.shape)}, expected {want.dtype} {list(want.shape)}"
    try:
        torch.testing.assert_close(got, want.detach(), equal_nan=True)
        return None
    except AssertionError:
        if not got.is_floating_point():
            return "other values"
    exact, theirs = wide.detach().double(), want.detach().double()
    finite = torch.isfinite(exact) & torch.isfinite(theirs)
    if not bool(finite.any()):
        return "other values"
    error = (got.double() - exact).abs()
    allowed = 4 * ((theirs - exact).abs()[finite].max() + torch.finfo(got.dtype).eps * exact.abs()[finite].max())
    rest = torch.equal(torch.nan_to_num(got.double()[~finite]), torch.nan_to_num(theirs[~finite]))
    if rest and bool((error <= allowed)[finite].all()):
        return None
    worst = torch.argmax(torch.nan_to_num(error, nan=1e30))
    return f"{got.flatten()[worst].item():.9g}, expected {theirs.flatten()[worst].item():.9g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ringtorch", type=pathlib.Path)
    parser.add_argument("--op")
    parser.add_argument("--types", default="float32,float64,int64,int32,uint8,bool")
    parser.add_argument("--keep", type=pathlib.Path, help="leave samples and results there")
    parser.add_argument("--verbose", action="store_true", help="name every sample that does not agree")
    opts = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return run(opts, opts.keep or pathlib.Path(scratch))


def fits_in_place(file, meta, expected):
    first, out = next(iter(file.values())), expected["out"][0]
    return first.shape == out.shape and first.dtype == out.dtype


def write_samples(opts, listed_ops, all_ops, root):
    cases, skipped = {}, collections.defaultdict(collections.Counter)
    for ours, (theirs, adapt) in OPS.items():
        info = info_of(theirs)
        if ours not in listed_ops or (opts.op and ours != opts.op) or not info:
            continue
        for dtype in (getattr(torch, t) for t in opts.types.split(",")):
            if dtype not in info.dtypes:
                continue
            grads = dtype.is_floating_point and listed_ops[ours]["differentiable"]
            torch.manual_seed(0)
            for i, sample in enumerate(info.sample_inputs("cpu", dtype, requires_grad=grads and info.supports_autograd)):
                try:
                    case = case_of(listed_ops[ours], info, adapt, sample, grads)
                except Differs as why:
                    skipped[ours][str(why)] += 1
                    continue
                except RuntimeError as why:
                    skipped[ours]["PyTorch refuses: " + str(why).split("\n")[0][:60]] += 1
                    continue
                place = f"{str(dtype).split('.')[1]}.{i:03}"
                for op in [ours] + ([ours + "_"] if ours + "_" in all_ops and fits_in_place(*case) else []):
                    write(root / "in" / f"{op}.{place}.safetensors", case[0], {**case[1], "op": op})
                    cases[f"{op}.{place}"] = (op, case[2])
    return cases, skipped


def run(opts, root):
    for part in ("in", "out"):
        (root / part).mkdir(parents=True, exist_ok=True)
    rows = json.loads(subprocess.run([opts.ringtorch, "op", "--list", "--json"], capture_output=True, check=True).stdout)
    listed_ops = {r["name"]: r for r in rows if not r["in_place"]}
    cases, skipped = write_samples(opts, listed_ops, {r["name"] for r in rows}, root)
    done = subprocess.run([opts.ringtorch, "op", root / "in", root / "out"], capture_output=True, text=True)
    refusals = {pathlib.Path(l.split(".safetensors")[0].split(": ")[-1]).name: l for l in done.stderr.splitlines()}
    counts = collections.defaultdict(collections.Counter)
    for name, (ours, expected) in cases.items():
        path = root / "out" / f"{name}.safetensors"
        kind, why = "refused", refusals.get(name, "no result")
        if path.exists():
            got = read(path)
            wrong = [f"{k}: {w}" for k, (y, z) in expected.items()
                     if (w := agrees(got[k], y, z) if k in got else "missing")]
            kind, why = ("differs" if wrong else "agrees"), "; ".join(wrong)
        if kind == "refused" and REFUSED.get(ours.rstrip("_"), ("?",))[0] not in why:
            kind = "unstated"
            print(f"{name}: refused: {why}")
        counts[ours][kind] += 1
        if kind != "agrees" and opts.verbose:
            print(f"{name}: {kind}: {why}")
    report(counts, skipped, listed_ops, opts)
    return 1 if any(c["differs"] or c["unstated"] for c in counts.values()) else 0


def report(counts, skipped, listed_ops, opts):
    print(f"{'operation':30} agrees differs refused without counterpart")
    for ours in sorted(set(counts) | set(skipped)):
        c, s = counts[ours], skipped[ours]
        reasons = [f"refused: {REFUSED[ours.rstrip('_')][1]}"] if c["refused"] else []
        print(f"{ours:30} {c['agrees']:6} {c['differs']:7} {c['refused'] + c['unstated']:7} {sum(s.values()):7} " +
              "; ".join(reasons + [f"{n} {why}" for why, n in s.most_common(3)]))
    total = sum(counts.values(), collections.Counter())
    print(f"{'all ' + str(len(counts)):30} {total['agrees']:6} {total['differs']:7} {total['refused'] + total['unstated']:7}")
    rest = sorted(set(listed_ops) - set(OPS) - NO_SAMPLES)
    if rest and not opts.op:
        print("no row in OPS: " + ", ".join(rest))


if __name__ == "__main__":
    sys.exit(main())
