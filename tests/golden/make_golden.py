#!/usr/bin/python3
"""Writes <family>.safetensors: PyTorch's results for every row of unit/engine/cases/<family>.def and kernels/elementwise.def.

Run it by hand after a change of the tables (Debian: python3-torch); the tests need only the files. For each case there is <name> (the value, as float32) and
<name>.<i> (the gradient of sum(value * w) by input i); float64.<name> and float64.<name>.<i> are those of float64 inputs.
Complex values are there as pairs of floats, with a last axis of 2, and weights have that shape.
"""
import json
import pathlib
import re
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

TYPES = {"F32": np.float32, "F64": np.float64}
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Operations with another name in PyTorch. All others are torch.<name> or torch.nn.functional.<name>. The gradient of hardsigmoid has the
# 1/6 of float32 for float64, too.
OTHER_NAMES = {"gelu_tanh": 'F.gelu(t[0], approximate="tanh")', "elu": "torch._C._nn.elu(t[0], 0.7, 1.3)", "digamma": "digamma(t[0])",
               "hardsigmoid": "F.relu6(t[0] + 3) / 6", "replace_nonfinite": "torch.nan_to_num(t[0], 0.5, 8, -8)"}


class Digamma(torch.autograd.Function):
    """torch.digamma with the gradient by torch.special.zeta: that of PyTorch, its trigamma, has ten digits, in float32 four."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.digamma(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * torch.special.zeta(2, ctx.saved_tensors[0])


def torch_expression(name, numbers=""):
    """Returns the call in PyTorch, by the same name or that of OTHER_NAMES, with numbers in the same order."""
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    for module, short in ((torch, "torch"), (F, "F")):
        if hasattr(module, name):
            return f"{short}.{name}(t[0]{numbers})"
    sys.exit(f"{name}: neither in torch nor in torch.nn.functional: give its expression in OTHER_NAMES")


def arguments(text, at):
    """Splits the macro arguments that begin after the parenthesis at text[at]; returns them and the end."""
    parts, depth, start, quoted = [], 0, at + 1, False
    for i in range(at, len(text)):
        c = text[i]
        quoted ^= c == '"'
        if quoted:
            continue
        depth += (c in "([{") - (c in ")]}")
        if (c == "," and depth == 1) or depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
        if depth == 0:
            return parts, i
    raise ValueError("unbalanced parentheses")


def rows(path, macro):
    """Yields the arguments of each row of a table."""
    # Remove comments, so that an example in a comment does not count as a row.
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
    for m in re.finditer(r"^" + macro + r"\(", text, flags=re.M):
        yield arguments(text, m.end() - 1)[0]


def values(number, count, lo, hi):
    """Returns the elements of input `number`, evenly spread in [lo, hi); test_ops.c has the same formula."""
    u = (np.arange(1, count + 1) * 0.6180339887498949 + (number + 1) * 0.7548776662466927) % 1.0
    return lo + (hi - lo) * u


def make_input(number, spec, floats):
    kind, args = spec[0], [float(v) for v in arguments(spec, 1)[0]]
    lo, hi, shape = args[0], args[1], [int(v) for v in args[2:]]
    if kind == "Z":
        v = values(number, 2 * int(np.prod(shape)), lo, hi).astype(floats).reshape(shape + [2])
        return torch.view_as_complex(torch.from_numpy(v)).requires_grad_()
    v = values(number, int(np.prod(shape)), lo, hi)
    v = v.astype(floats) if kind == "F" else np.floor(v).astype(np.int64)
    return torch.from_numpy(v.reshape(shape)).requires_grad_(kind == "F")


def run(name, specs, expression, with_grad, out):
    run_as(np.float32, name, specs, expression, with_grad, out)
    if any(spec[0] in "FZ" for spec in specs):
        torch.set_default_dtype(torch.float64)
        run_as(np.float64, f"float64.{name}", specs, expression.replace(".float()", ".double()"), with_grad, out)
        torch.set_default_dtype(torch.float32)


def run_as(floats, name, specs, expression, with_grad, out):
    t = [make_input(i, s, floats) for i, s in enumerate(specs)]
    y = eval(expression, {"t": t, "torch": torch, "F": F, "digamma": Digamma.apply})
    y = torch.view_as_real(y.resolve_conj()) if y.is_complex() else y
    out[name] = y.detach().numpy().astype(floats)
    if not with_grad:
        return
    w = values(99, y.numel(), -1, 1).astype(floats).reshape(y.shape)
    (y * torch.from_numpy(w)).sum().backward()
    for i, x in enumerate(t):
        if x.requires_grad:
            out[f"{name}.{i}"] = (torch.view_as_real(x.grad.resolve_conj()) if x.is_complex() else x.grad).numpy()


def read_safetensors(path):
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    data, tensors = raw[8 + size:], {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def keep_what_agrees(known, tensors):
    """Keeps known values where they differ only by rounding, which in PyTorch depends on the processor."""
    for name, new in tensors.items():
        old = known.get(name, np.empty(0))
        if new.shape == old.shape and new.size:
            if np.abs(new - old).max() <= 8 * np.finfo(old.dtype).eps * max(1, np.abs(old).max()):
                tensors[name] = old


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, v in tensors.items():
        raw = np.ascontiguousarray(v).tobytes()
        header[name] = {"dtype": "F64" if v.dtype == np.float64 else "F32", "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    out, elementwise = {}, ROOT / "kernels/elementwise.def"
    for name, _reads, _f, _df, _ddf, lo, hi in rows(elementwise, "UNARY(?:_INT)?"):
        run(name, [f"F({lo}, {hi}, 3, 17)"], torch_expression(name), True, out.setdefault("elementwise", {}))
    for name, _names, _reads, _f, _df, _ddf, tests, lo, hi in rows(elementwise, "PARAMETRIC"):
        expression = torch_expression(name, f", {tests.strip('()')}")
        run(name, [f"F({lo}, {hi}, 3, 17)"], expression, True, out.setdefault("elementwise", {}))
    for name, _reads, _times, _f, _dx, lo, hi in rows(elementwise, "UNARY_(?:OPS|WIDE)"):
        run(name, [f"F({lo}, {hi}, 3, 17)"], torch_expression(name), True, out.setdefault("elementwise", {}))
    for name, _names, _reads, _times, _f, _dx, tests, lo, hi in rows(elementwise, "PARAMETRIC_OPS"):
        expression = torch_expression(name, f", {tests.strip('()')}")
        run(name, [f"F({lo}, {hi}, 3, 17)"], expression, True, out.setdefault("elementwise", {}))
    for path in sorted((ROOT / "tests/unit/engine/cases").glob("*.def")):
        for name, inputs, _ours, expression, skip in rows(path, "CASE"):
            if "NO_TORCH" not in skip:
                run(name, arguments(inputs, 2)[0], expression, "NO_GRAD" not in skip.split(" | "), out.setdefault(path.stem, {}))
    known = {}
    for old in HERE.glob("*.safetensors"):
        known.update(read_safetensors(old))
        if old.stem not in out:
            old.unlink()
    for family, tensors in out.items():
        keep_what_agrees(known, tensors)
        write_safetensors(HERE / f"{family}.safetensors", tensors)
        print(f"{family}: {len(tensors)} tensors")
    print(f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
