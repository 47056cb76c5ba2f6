#!/usr/bin/python3
"""Runs `ringtorch op` on the samples of PyTorch's OpInfo and compares results and gradients with PyTorch's.

    tests/golden/check_opinfo.py build-dev/bin/ringtorch [--op NAME] [--types float32,int64] [--keep DIR] [--verbose]

Needs PyTorch, which the project itself does not need: run it by hand after a change of operations. opinfo/ has a table for each family.
Prints a line for each operation of OpInfo: how many samples agree, differ, were refused, or have no counterpart (use an argument that
our operations lack), and at last the share of all samples of CORE that agree. A result agrees if it is as close to PyTorch's result of the same
type as PyTorch's own tests require (assert_close). It also agrees if the error of no element against the float64 result exceeds
four times PyTorch's largest error plus four roundings of the largest element. Exits with 1 if a sample differs, or is refused for
a reason that the tables do not give.
"""
import argparse
import collections
import importlib
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

from opinfo.adapt import Differs  # noqa: E402
from opinfo.core import CORE  # noqa: E402

warnings.filterwarnings("ignore")
Tensor = torch.Tensor

OPS, REFUSED = {}, {}
for file in sorted((pathlib.Path(__file__).parent / "opinfo").glob("*.py")):
    table = importlib.import_module(f"opinfo.{file.stem}")
    OPS.update(getattr(table, "OPS", {}))
    REFUSED.update(getattr(table, "REFUSED", {}))

# ---- safetensors ----

TYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
         "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool, "C64": torch.complex64,
         "C128": torch.complex128}
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
    out = out if results == "any" else out[:results]
    wanted = [y for y in out if y.requires_grad]
    if not wanted:
        return out, []
    if not weights:
        weights.extend(torch.randn(y.shape, dtype=torch.float64) for y in wanted)
    torch.autograd.backward(wanted, [w.to(y.dtype) for w, y in zip(weights, wanted)])
    return out, wanted


def wider(v):
    if isinstance(v, Tensor):
        wide = torch.float64 if v.is_floating_point() else torch.complex128 if v.is_complex() else v.dtype
        return v.detach().to(wide).requires_grad_(v.requires_grad)
    if isinstance(v, (list, tuple)):
        return type(v)(wider(x) for x in v)
    return {k: wider(x) for k, x in v.items()} if isinstance(v, dict) else v


def case_of(row, info, adapt, sample):
    """Returns the tensors for the file, its metadata, and the expected values by name: pairs of PyTorch's value and that of float64."""
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
    several = row["results"] != 1
    expected = {f"out.{i}" if several else "out": (y, z) for i, (y, z) in enumerate(zip(out, wide_out))}
    file = {name: t.detach() for name, t in named}
    meta = {"op": row["name"], "args": json.dumps(args)}
    if wanted and row["differentiable"]:
        meta["grad"] = "1"
        for name, t in named:
            if t.requires_grad and t.grad is not None:
                expected[f"grad.{name}"] = (t.grad.clone(), wide_named[name].grad if name in wide_named else t.grad)
        places = [i for i, y in enumerate(out) if y.requires_grad]
        for w, i in zip(weights, places):
            file[f"grad_out.{i}" if several else "grad_out"] = w.to(out[i].dtype)
    return file, meta, expected


# ---- comparing ----

def numbers(t):
    """Returns a copy without infinities and NaN, complex numbers as pairs."""
    return torch.nan_to_num(torch.view_as_real(t) if t.is_complex() else t)


def agrees(got, want, wide):
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype} {list(got.shape)}, expected {want.dtype} {list(want.shape)}"
    try:
        torch.testing.assert_close(got, want.detach(), equal_nan=True)
        return None
    except AssertionError:
        if not got.is_floating_point() and not got.is_complex():
            return "other values"
    double = torch.complex128 if got.is_complex() else torch.float64
    got, exact, theirs, eps = got.to(double), wide.detach().to(double), want.detach().to(double), torch.finfo(got.dtype).eps
    finite = torch.isfinite(exact) & torch.isfinite(theirs)
    if not bool(finite.any()):
        return "other values"
    error = (got - exact).abs()
    allowed = 4 * ((theirs - exact).abs()[finite].max() + eps * exact.abs()[finite].max())
    rest = torch.equal(numbers(got[~finite]), numbers(theirs[~finite]))
    if rest and bool((error <= allowed)[finite].all()):
        return None
    worst = torch.argmax(torch.nan_to_num(error, nan=1e30))
    return f"{got.flatten()[worst].item():.9g}, expected {theirs.flatten()[worst].item():.9g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ringtorch", type=pathlib.Path)
    parser.add_argument("--op", help="only this entry of OpInfo, with its variants")
    parser.add_argument("--types", default="float32,float64,bfloat16,complex64,int64,int32,uint8,bool")
    parser.add_argument("--keep", type=pathlib.Path, help="leave samples and results there")
    parser.add_argument("--verbose", action="store_true", help="name every sample that does not agree")
    opts = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return run(opts, opts.keep or pathlib.Path(scratch))


def fits_in_place(file, meta, expected):
    first, out = next(iter(file.values())), expected["out"][0]
    return first.shape == out.shape and first.dtype == out.dtype


def first_case(info, choices, listed_ops, sample):
    """Returns the case of the first of our operations that has the arguments of the sample, and that operation."""
    whys = []
    for ours, adapt in choices:
        copy = types.SimpleNamespace(input=sample.input, args=sample.args, kwargs=dict(sample.kwargs))
        try:
            return ours, case_of(listed_ops[ours], info, adapt, copy)
        except Differs as why:
            whys.append(str(why))
    raise Differs("; ".join(whys) or "no operation")


def samples_of(info, dtype):
    torch.manual_seed(0)
    wanted = info.supports_autograd and (dtype.is_floating_point or dtype.is_complex)
    return info.sample_inputs("cpu", dtype, requires_grad=wanted)


def write_samples(opts, listed_ops, all_ops, root):
    """Writes the files of all samples. Returns {file: (entry, our operation, expected)}, and by entry why samples have no file."""
    cases, skipped = {}, collections.defaultdict(collections.Counter)
    for info in op_db:
        entry = f"{info.name}/{info.variant_test_name}".rstrip("/")
        choices = [c for c in OPS.get(entry, OPS.get(info.name, [])) if c[0] in listed_ops]
        if opts.op and opts.op != info.name or not choices and info.name not in CORE:
            continue
        for dtype in (getattr(torch, t) for t in opts.types.split(",")):
            if dtype not in info.dtypes:
                continue
            for i, sample in enumerate(samples_of(info, dtype)):
                try:
                    ours, case = first_case(info, choices, listed_ops, sample)
                except Differs as why:
                    skipped[entry][str(why)] += 1
                    continue
                except RuntimeError:  # PyTorch itself refuses the sample
                    continue
                place = f"{entry.replace('/', '.')}.{str(dtype).split('.')[1]}.{i:03}"
                for op in [ours] + ([ours + "_"] if ours + "_" in all_ops and fits_in_place(*case) else []):
                    write(root / "in" / f"{op}.{place}.safetensors", case[0], {**case[1], "op": op})
                    cases[f"{op}.{place}"] = (entry, op, case[2])
    return cases, skipped


def judge(path, op, expected, refusal):
    """Returns what became of a sample (agrees, differs, refused, or unstated: refused without a row in REFUSED) and why."""
    if not path.exists():
        parts = REFUSED.get(op.rstrip("_"), ("?",))[0]
        stated = any(p in refusal for p in ([parts] if isinstance(parts, str) else parts))
        return "refused" if stated else "unstated", refusal
    got = read(path)
    wrong = [f"{k}: {w}" for k, (y, z) in expected.items() if (w := agrees(got[k], y, z) if k in got else "missing")]
    return "differs" if wrong else "agrees", "; ".join(wrong)


def run(opts, root):
    for part in ("in", "out"):
        (root / part).mkdir(parents=True, exist_ok=True)
    rows = json.loads(subprocess.run([opts.ringtorch, "op", "--list", "--json"], capture_output=True, check=True).stdout)
    listed_ops = {r["name"]: r for r in rows if not r["in_place"]}
    cases, skipped = write_samples(opts, listed_ops, {r["name"] for r in rows}, root)
    done = subprocess.run([opts.ringtorch, "op", root / "in", root / "out"], capture_output=True, text=True)
    refusals = {pathlib.Path(l.split(".safetensors")[0].split(": ")[-1]).name: l for l in done.stderr.splitlines()}
    counts, reasons = collections.defaultdict(collections.Counter), collections.defaultdict(set)
    for name, (entry, op, expected) in cases.items():
        kind, why = judge(root / "out" / f"{name}.safetensors", op, expected, refusals.get(name, "no result"))
        counts[entry][kind] += 1
        if kind == "refused":
            reasons[entry].add(REFUSED[op.rstrip("_")][1])
        if kind == "unstated" or kind != "agrees" and opts.verbose:
            print(f"{name}: {kind}: {why}")
    report(counts, skipped, reasons)
    return 1 if any(c["differs"] or c["unstated"] for c in counts.values()) else 0


def report(counts, skipped, reasons):
    print(f"{'entry of OpInfo':40} agrees differs refused without counterpart")
    for entry in sorted(set(counts) | set(skipped)):
        c, s = counts[entry], skipped[entry]
        notes = [f"refused: {why}" for why in sorted(reasons[entry])] + [f"{n} {why}" for why, n in s.most_common(3)]
        print(f"{entry:40} {c['agrees']:6} {c['differs']:7} {c['refused'] + c['unstated']:7} {sum(s.values()):7} " + "; ".join(notes))
    core = {e for e in set(counts) | set(skipped) if e.split("/")[0] in CORE}
    agree = sum(counts[e]["agrees"] for e in core)
    every = sum(sum(counts[e].values()) + sum(skipped[e].values()) for e in core)
    print(f"of {every} samples of {len(core)} core entries {agree} agree, {100 * agree / max(every, 1):.1f} %")


if __name__ == "__main__":
    sys.exit(main())
