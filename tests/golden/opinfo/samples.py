"""The samples of OpInfo as calls of our operations, PyTorch's results of them, and when a result agrees.

A case is a sample in our words: the tensors and the metadata of a file for `ringtorch op`, and PyTorch's values by the names that its
results have, each a pair: of the sample's type, and of float64, in the place of which a rule (rules.py) may stand.
"""
import importlib
import json
import pathlib
import random
import subprocess
import sys
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
from opinfo.files import read, write  # noqa: E402

warnings.filterwarnings("ignore")
torch.set_num_threads(1)  # so that sums have the same order on every machine
Tensor = torch.Tensor

FAMILIES = {}  # {family: its table}
for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
    if path.stem not in ("adapt", "core", "files", "rules", "samples"):
        FAMILIES[path.stem] = importlib.import_module(f"opinfo.{path.stem}")
OPS = {entry: (family, choices) for family, table in FAMILIES.items() for entry, choices in table.OPS.items()}
REFUSED = {op: row for table in FAMILIES.values() for op, row in table.REFUSED.items()}
DIFFERS = {entry: why for table in FAMILIES.values() for entry, why in getattr(table, "DIFFERS", {}).items()}


def entry_of(info):
    return f"{info.name}/{info.variant_test_name}".rstrip("/")


def choices_of(info):
    """Returns the family of an entry, and its [(our operation, adapter), ...]: the row of the variant, or else that of the name."""
    return OPS.get(entry_of(info), OPS.get(info.name, ("", [])))


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


def as_json(args):
    try:
        return json.dumps(args)
    except TypeError:  # PyTorch takes more kinds of numbers
        odd = next(v for v in args.values() if not isinstance(v, (int, float, str, list, tuple)))
        raise Differs(f"a {type(odd).__name__} for a number") from None


def case_of(row, info, adapt, sample):
    """Returns the tensors for the file, its metadata, and the expected values by name: pairs of PyTorch's value and that of float64."""
    tensors, args = adapt(sample)
    named = list(leaves(tensors))
    for _, t in named:
        t.grad = None  # samples share tensors
    file = {name: t.detach().clone() for name, t in named}  # before operations that write to what samples share
    weights = []
    wide = types.SimpleNamespace(input=wider(sample.input), args=wider(sample.args), kwargs=wider(sample.kwargs))
    out, wanted = evaluate(info, sample, weights, row["results"])
    wide_out, _ = evaluate(info, wide, weights, row["results"])
    try:
        wide_named = dict(leaves(adapt(wide)[0]))
    except Differs:
        wide_named = {}
    several = row["results"] != 1
    expected = {f"out.{i}" if several else "out": (y.detach().clone(), z.detach()) for i, (y, z) in enumerate(zip(out, wide_out))}
    meta = {"op": row["name"], "args": as_json(args)}
    if wanted and row["differentiable"]:
        meta["grad"] = "1"
        for name, t in named:
            if t.requires_grad and t.grad is not None:
                expected[f"grad.{name}"] = (t.grad.clone(), wide_named[name].grad if name in wide_named else t.grad)
        places = [i for i, y in enumerate(out) if y.requires_grad]
        for w, i in zip(weights, places):
            file[f"grad_out.{i}" if several else "grad_out"] = w.to(out[i].dtype)
    for name, rule in getattr(sample, "rules", {}).items():
        if name in expected:
            expected[name] = (expected[name][0], rule)
    return file, meta, expected


# ---- comparing ----

def numbers(t):
    """Returns a copy without infinities and NaN, complex numbers as pairs."""
    return torch.nan_to_num(torch.view_as_real(t) if t.is_complex() else t)


def is_close(got, want):
    """Returns whether the values agree as closely as PyTorch's own tests require."""
    try:
        torch.testing.assert_close(got, want.detach(), equal_nan=True)
        return True
    except AssertionError:
        return False


def check(results, given, name, want, wide):
    """Returns agrees, near or differs of a result, and for differs why. wide: the float64 result, or a rule."""
    if name not in results:
        return "differs", "missing"
    got = results[name]
    if got.shape != want.shape or got.dtype != want.dtype:
        return "differs", f"{got.dtype} {list(got.shape)}, expected {want.dtype} {list(want.shape)}"
    if callable(wide):
        why = wide(results, given, name)
        return "differs" if why else "agrees", why
    return compare(got, want, wide)


def compare(got, want, wide):
    """The same of values of one shape and type."""
    if is_close(got, want):
        return "agrees", ""
    if not got.is_floating_point() and not got.is_complex():
        return "differs", "other values"
    double = torch.complex128 if got.is_complex() else torch.float64
    got, exact, theirs, eps = got.to(double), wide.detach().to(double), want.detach().to(double), torch.finfo(got.dtype).eps
    finite = torch.isfinite(exact) & torch.isfinite(theirs)
    if not bool(finite.any()):
        return "differs", "other values"
    error = (got - exact).abs()
    allowed = 4 * ((theirs - exact).abs()[finite].max() + eps * exact.abs()[finite].max())
    rest = torch.equal(numbers(got[~finite]), numbers(theirs[~finite]))
    if rest and bool((error <= allowed)[finite].all()):
        return "near", ""
    worst = torch.argmax(torch.nan_to_num(error, nan=1e30))
    return "differs", f"{got.flatten()[worst].item():.9g}, expected {theirs.flatten()[worst].item():.9g}"


def judge(path, op, given, expected, refusal):
    """Returns what became of a case, and why: agrees, near (see check_opinfo.py), differs, refused, or unstated: refused without a row in
    REFUSED. Values are as far from PyTorch's as the worst of them."""
    if not path.exists():
        parts = REFUSED.get(op.rstrip("_"), ("?",))[0]
        stated = any(p in refusal for p in ([parts] if isinstance(parts, str) else parts))
        return "refused" if stated else "unstated", refusal
    got = read(path)
    found = [(k, *check(got, given, k, y, z)) for k, (y, z) in expected.items()]
    kinds = {kind for _, kind, _ in found}
    worst = next(kind for kind in ("differs", "near", "agrees") if kind in kinds or kind == "agrees")
    return worst, "; ".join(f"{k}: {why}" for k, kind, why in found if kind == "differs")


# ---- samples ----

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
    """Returns the samples, the same ones each time."""
    torch.manual_seed(0)
    random.seed(0)
    wanted = info.supports_autograd and (dtype.is_floating_point or dtype.is_complex)
    return info.sample_inputs("cpu", dtype, requires_grad=wanted)


def cases_of(info, dtype, ops, skipped=None):
    """Yields (number, our operation, case) of the samples that have one; counts in skipped why the others have none."""
    choices = [c for c in choices_of(info)[1] if c[0] in ops]
    for i, sample in enumerate(samples_of(info, dtype)):
        try:
            ours, case = first_case(info, choices, ops, sample)
        except Differs as why:
            if skipped is not None:
                skipped[str(why)] += 1
            continue
        except RuntimeError:  # PyTorch itself refuses the sample
            continue
        yield i, ours, case


# ---- our results ----

SCRATCH = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None  # not on a disk, which each result would wait for


def rows_of(ringtorch):
    """Returns the rows of all operations, those in place apart."""
    rows = json.loads(subprocess.run([ringtorch, "op", "--list", "--json"], capture_output=True, check=True).stdout)
    return {r["name"]: r for r in rows if not r["in_place"]}, {r["name"] for r in rows if r["in_place"]}


def run_all(ringtorch, root, cases):
    """Runs {name: (operation, case)} in the folder root. Yields the name, and what judge says."""
    for part in ("in", "out"):
        (root / part).mkdir(parents=True, exist_ok=True)
    for name, (op, (file, meta, _)) in cases.items():
        write(root / "in" / f"{name}.safetensors", file, {**meta, "op": op})
    done = subprocess.run([ringtorch, "op", root / "in", root / "out"], capture_output=True, text=True)
    refusals = {pathlib.Path(l.split(".safetensors")[0].split(": ")[-1]).name: l for l in done.stderr.splitlines()}
    for name, (op, (file, _, expected)) in cases.items():
        yield name, *judge(root / "out" / f"{name}.safetensors", op, file, expected, refusals.get(name, "no result"))
