#!/usr/bin/python3
"""Writes opinfo/<family>.safetensors: a few samples of each entry of PyTorch's OpInfo that we have an operation for, with PyTorch's results
and gradients, for tests/unit/engine/test_opinfo.c.

    tests/golden/make_opinfo.py build-dev/bin/ringtorch [--family NAME]

Run it by hand with the python of the newest PyTorch, after a change of opinfo/<family>.py; the tests need only the files. The metadata has
"made_by", "family" and "samples", a JSON list; sample i has the tensors "<i>.<name>" that are given, as `ringtorch op` names them, and the
"<i>:<name>" that are expected. The same PyTorch writes the same bytes.

Not there are samples that `ringtorch op` refuses for a reason in REFUSED, those with more than ELEMENTS, those that a rule is for instead
of PyTorch's values (opinfo/rules.py), and those whose values are roundings more than anything else: where PyTorch's own result is farther
from that of float64 than its tests allow, or ours is, but no farther than PyTorch's ("near" in check_opinfo.py). A result of ours that differs is there, and fails the test.
"""
import argparse
import itertools
import json
import pathlib
import sys
import tempfile

import torch

from opinfo.files import write
from opinfo.samples import FAMILIES, SCRATCH, cases_of, choices_of, entry_of, is_close, op_db, rows_of, run_all

PER_TYPE = {torch.float32: 3, torch.float64: 2, torch.bfloat16: 2, torch.complex64: 2, torch.int64: 1, torch.bool: 1}
MORE = {"pool": {torch.int32: 1, torch.uint8: 1}, "resize": {torch.uint8: 2}}  # of types that have their own kernels, or rules, there
CANDIDATES = 60  # the first samples of an entry and type, among which some are chosen
ELEMENTS = 150  # of all tensors of a sample together
HERE = pathlib.Path(__file__).parent


def counts_of(family):
    """Returns {type: how many samples of each entry}."""
    return {**PER_TYPE, **MORE.get(family, {})}


def size(case):
    file, _, expected = case
    return sum(t.numel() for t in file.values()) + sum(y.numel() for y, _ in expected.values())


def is_settled(case):
    """Returns whether there are PyTorch's values, and they are those of float64 as far as its tests look."""
    values = case[2].values()
    return not any(callable(z) for _, z in values) and all(
        is_close(y, z.detach().to(y.dtype)) for y, z in values if y.is_floating_point() or y.is_complex())


def kinds_of(ours, case):
    """Returns what makes a sample different from others, the coarsest first."""
    file, meta, _ = case
    args = json.loads(meta["args"])
    shapes = tuple((name, tuple(t.shape)) for name, t in file.items())
    coarse = (ours, tuple(sorted(args)), tuple(file))
    return coarse, (coarse, meta["args"]), (coarse, meta["args"], shapes)


def chosen(candidates, count):
    """Returns at most count candidates (number, our operation, case): small ones that differ as much as possible."""
    def order(candidate):
        first = next(iter(candidate[2][2].values()))[0]
        return first.numel() < 2, size(candidate[2]), candidate[0]
    ordered, result = sorted(candidates, key=order), []
    for level in range(3):
        seen = {kinds_of(ours, case)[level] for _, ours, case in result}
        for candidate in ordered:
            kind = kinds_of(*candidate[1:])[level]
            if len(result) < count and kind not in seen:
                seen.add(kind)
                result.append(candidate)
    return sorted(result, key=lambda c: c[0])


def candidates_of(family, ops, ringtorch):
    """Returns {(entry, type): samples that may be written}."""
    fit, result = {}, {}
    for info in op_db:
        for dtype in counts_of(family) if choices_of(info)[0] == family else []:
            for i, ours, case in itertools.islice(cases_of(info, dtype, ops), CANDIDATES) if dtype in info.dtypes else []:
                if case[2] and size(case) <= ELEMENTS and is_settled(case):
                    fit[f"{len(fit):06}"] = ((entry_of(info), dtype), i, ours, case)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        for name, kind, why in run_all(ringtorch, pathlib.Path(scratch), {name: row[2:] for name, row in fit.items()}):
            key, *candidate = fit[name]
            if kind not in ("refused", "near"):
                result.setdefault(key, []).append(candidate)
            if kind in ("unstated", "differs"):
                print(f"{key[0]}, {key[1]}, sample {candidate[0]}: {kind}: {why}")
    return result


def write_family(family, ops, ringtorch):
    tensors, samples = {}, []
    for (entry, dtype), candidates in candidates_of(family, ops, ringtorch).items():
        for i, ours, (file, meta, expected) in chosen(candidates, counts_of(family)[dtype]):
            at = len(samples)
            tensors.update({f"{at}.{name}": t for name, t in file.items()})
            tensors.update({f"{at}:{name}": y for name, (y, _) in expected.items()})
            samples.append({"entry": entry, "type": str(dtype).split(".")[1], "sample": i, "op": ours,
                            "args": json.loads(meta["args"]), "grad": "grad" in meta})
    path = HERE / "opinfo" / f"{family}.safetensors"
    made_by = f"PyTorch {torch.__version__.split('+')[0]}, make_opinfo.py"
    write(path, tensors, {"family": family, "made_by": made_by, "samples": json.dumps(samples, separators=(",", ":"))})
    print(f"{path}: {len(samples)} samples, {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ringtorch", type=pathlib.Path)
    parser.add_argument("--family", choices=list(FAMILIES), help="only this one")
    opts = parser.parse_args()
    ops, _ = rows_of(opts.ringtorch)
    for family in [opts.family] if opts.family else [f for f in FAMILIES if f != "random"]:
        write_family(family, ops, opts.ringtorch)


if __name__ == "__main__":
    sys.exit(main())
