#!/usr/bin/python3
"""Runs `ringtorch op` on the samples of PyTorch's OpInfo and compares results and gradients with PyTorch's.

    tests/golden/check_opinfo.py build-dev/bin/ringtorch [--op NAME] [--types float32,int64] [--keep DIR] [--verbose] [--page FILE]

Needs PyTorch, which the project itself does not need: run it by hand after a change of operations, with any python that has it. opinfo/ has
a table for each family. Prints a line for each operation of OpInfo: how many samples agree, are near, differ, were refused, or have no
counterpart (use an argument that our operations lack), and at last the share of all samples of CORE that agree. A result agrees if it is
as close to PyTorch's result of the same type as PyTorch's own tests require (assert_close), or obeys a rule (opinfo/rules.py). It is near if it is not, but the error of no
element against the float64 result exceeds four times PyTorch's largest error plus four roundings of the largest element. --page writes
what does not agree as docs/OPINFO.md. Exits with 1 if a sample differs, or is refused for a reason that the tables do not give.
"""
import argparse
import collections
import pathlib
import sys
import tempfile

import torch

from opinfo.core import CORE
from opinfo.samples import DIFFERS, REFUSED, SCRATCH, cases_of, choices_of, entry_of, op_db, rows_of, run_all

KINDS = ("agrees", "near", "differs", "refused", "unstated")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ringtorch", type=pathlib.Path)
    parser.add_argument("--op", help="only this entry of OpInfo, with its variants")
    parser.add_argument("--types", default="float32,float64,bfloat16,complex64,int64,int32,uint8,bool")
    parser.add_argument("--keep", type=pathlib.Path, help="leave samples and results there")
    parser.add_argument("--verbose", action="store_true", help="name every sample that does not agree")
    parser.add_argument("--page", type=pathlib.Path, help="write what does not agree there, as Markdown")
    opts = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        return run(opts, opts.keep or pathlib.Path(scratch))


def fits_in_place(file, meta, expected):
    first, out = next(iter(file.values())), expected["out"][0]
    return first.shape == out.shape and first.dtype == out.dtype


def all_cases(opts, ops, in_place):
    """Returns {name: (entry, our operation, case)} of all samples, and by entry why samples have no case."""
    cases, skipped = {}, collections.defaultdict(collections.Counter)
    for info in op_db:
        entry = entry_of(info)
        if opts.op and opts.op != info.name or not choices_of(info)[1] and info.name not in CORE:
            continue
        for dtype in (getattr(torch, t) for t in opts.types.split(",")):
            if dtype not in info.dtypes:
                continue
            for i, ours, case in cases_of(info, dtype, ops, skipped[entry]):
                place = f"{entry.replace('/', '.')}.{str(dtype).split('.')[1]}.{i:03}"
                for op in [ours] + ([ours + "_"] if ours + "_" in in_place and fits_in_place(*case) else []):
                    cases[f"{op}.{place}"] = (entry, op, case)
    return cases, skipped


def run(opts, root):
    cases, skipped = all_cases(opts, *rows_of(opts.ringtorch))
    counts, reasons = collections.defaultdict(collections.Counter), collections.defaultdict(set)
    for name, kind, why in run_all(opts.ringtorch, root, {name: row[1:] for name, row in cases.items()}):
        entry, op, _ = cases[name]
        counts[entry][kind] += 1
        if kind == "refused":
            reasons[entry].add(REFUSED[op.rstrip("_")][1])
        if kind == "unstated" or kind != "agrees" and opts.verbose:
            print(f"{name}: {kind}: {why}")
    rows = [Row(entry, counts[entry], skipped[entry], reasons[entry]) for entry in sorted(set(counts) | set(skipped))]
    report(rows)
    if opts.page:
        write_page(rows, opts.page)
    return 1 if any(c["differs"] or c["unstated"] for c in counts.values()) else 0


class Row:
    """What became of the samples of an entry."""

    def __init__(self, entry, counts, skipped, reasons):
        self.entry, self.core = entry, entry.split("/")[0] in CORE
        self.counts, self.skipped = counts, sum(skipped.values())
        self.refused = counts["refused"] + counts["unstated"]
        self.all = sum(counts.values()) + self.skipped
        self.notes = [f"differs: {DIFFERS.get(entry, '?')}"] if counts["differs"] else []
        self.notes += [f"refused: {why}" for why in sorted(reasons)] + [f"{n} × {why}" for why, n in skipped.most_common(3)]


def share(rows):
    """Returns the sentence with the share of the samples that agree."""
    core = [row for row in rows if row.core and row.all]
    every, agree, near = (sum(n) for n in ([r.all for r in core], [r.counts["agrees"] for r in core], [r.counts["near"] for r in core]))
    return (f"of {every} samples of {len(core)} core entries {agree} agree, {100 * agree / max(every, 1):.2f} %, and {near} more are near")


def report(rows):
    print(f"{'entry of OpInfo':40}  agrees    near differs refused without counterpart")
    for row in rows:
        c = row.counts
        print(f"{row.entry:40} {c['agrees']:7} {c['near']:7} {c['differs']:7} {row.refused:7} {row.skipped:7} " + "; ".join(row.notes))
    print(share(rows))


PAGE = """# Operations against PyTorch's own samples

PyTorch tests its operations on samples, its OpInfo. `tests/golden/check_opinfo.py build-dev/bin/ringtorch --page docs/OPINFO.md` runs all samples
of the entries that we have an operation for, or that are in the core list (`tests/golden/opinfo/core.py`), and wrote this page with
PyTorch {version}: {share}.

A sample agrees if its values and its gradients are as close to PyTorch's as PyTorch's own tests require (`assert_close`). It is *near* if not, but no
element is farther from the float64 result than four times PyTorch's largest error plus four roundings: both are wrong in the last digits.
Operations in place count as samples of their own. Entries all of whose samples agree are not listed here.

Values that are no function of the arguments cannot be PyTorch's, whose generator is another one. Of random numbers (`randint`, `randn`, `normal`, `bernoulli`,
`multinomial`, `dropout` and their kin) shape, type and range are compared; of `dropout` also that each element is 0 or x / (1 - p), and of it and of `rrelu` that
gradients go the same way; of attention with dropout only shape and type. `empty` and `new_empty` are compared by shape and type with zeros (`full`), which are
what stands in an empty tensor as well as anything else: an operation by name whose result is undefined would be of no use. Where elements are equal, any of their
indices agrees (`topk`, `kthvalue`, `median`, `mode`), if the gradient goes to that element.
"""


def write_page(rows, path):
    parts = [PAGE.format(version=torch.__version__.split("+")[0], share=share(rows))]
    for title, core in (("The core list", True), ("Others", False)):
        listed = [row for row in rows if row.core == core and row.counts["agrees"] < row.all]
        listed.sort(key=lambda row: (row.counts["agrees"] - row.all, row.entry))
        parts.append(f"\n## {title}\n\n| entry | samples | agree | near | differ | refused | no counterpart | why |\n" + "|---" * 8 + "|\n")
        for row in listed:
            c = row.counts
            numbers = (row.all, c["agrees"], c["near"], c["differs"], row.refused, row.skipped)
            parts.append(f"| {row.entry} | " + " | ".join(str(n or "") for n in numbers) + f" | {'; '.join(row.notes)} |\n")
    path.write_text("".join(parts))


if __name__ == "__main__":
    sys.exit(main())
