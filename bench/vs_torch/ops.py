#!/usr/bin/python3
"""Times every operation beside PyTorch's on one thread, and writes docs/PERFORMANCE.md.

    bench/vs_torch/ops.py [--bench build/bin/bench/bench_ops] [--op NAME,NAME] [--rounds N] [--seconds S] [--keep FILE] [--page FILE]

Run it with a python that has PyTorch, on a release build. op_table.py has the operations with their sizes. For each, a process with our
operation (bench/bench_ops.c) and PyTorch in this process take turns: forward, and forward with backward, in every round. Times are the
processor's, the best of all rounds, since other load on the machine affects both and only slows them down. PyTorch runs with a malloc that
keeps its memory, as ours does, because new pages cost more than the work of most operations. --keep adds results to a file of JSON lines
and reads those that are there instead of measuring them again; --page writes the page from all of them.
"""
import argparse
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_TOP_PAD_": "100000000",
               "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
if any(os.environ.get(k) != v for k, v in KEEP_MEMORY.items()):
    os.execve(sys.executable, [sys.executable] + sys.argv, {**os.environ, **KEEP_MEMORY})

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/golden"))
from op_page import write_page
from op_table import CONSTANTS, ROWS
from opinfo.files import write


class Failed(Exception):
    """What went wrong with one operation; the others go on."""


class Ours:
    """The process that times our operations."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().rstrip("\n")
        if not answer or answer.startswith("error: "):
            raise Failed(f"{order}: {answer or 'the program ended'}")
        return answer

    def time(self, what, seconds):
        ns, _, first = self.ask(f"{what} {seconds}").partition(" ")
        return float(ns), first


def results_of(y):
    return [t for t in (y if isinstance(y, (tuple, list)) else [y]) if isinstance(t, torch.Tensor)]


def described(y):
    """Returns what our rt_describe says of the first result."""
    first = y[0] if isinstance(y, (tuple, list)) else y
    first = first if isinstance(first, torch.Tensor) else torch.tensor(first)
    return f"{str(first.dtype).split('.')[1]}[{','.join(map(str, first.shape))}] cpu"


def best_of(call, seconds):
    """Returns the nanoseconds of a call in the fastest batch; bench_ops.c measures in the same way."""
    spent, best, count = 0, float("inf"), 1
    while spent < seconds * 1e9:
        start = time.process_time_ns()
        for _ in range(count):
            call()
        t = time.process_time_ns() - start
        if t < 1e6 and count < 1 << 20:
            count *= 2
            continue
        spent += t
        best = min(best, t / count)
    return best


class Theirs:
    """PyTorch's side of an operation."""

    def __init__(self, call, tensors, params):
        self.call, self.tensors = call, tensors
        self.leaves = {k: t.clone().requires_grad_() if k in params else t for k, t in tensors.items()}
        self.params = [self.leaves[k] for k in params]
        self.dy = None

    @torch.no_grad()
    def forward(self):
        return self.call(*self.tensors.values())

    def backward(self):
        first = next((t for t in results_of(self.call(*self.leaves.values())) if t.requires_grad), None)
        if first is None:
            return False
        self.dy = torch.rand_like(first) if self.dy is None else self.dy
        torch.autograd.grad(first, self.params, self.dy, allow_unused=True)
        return True


def measure(ours, name, schema, opts, scratch):
    make, call, args = ROWS[name]
    torch.manual_seed(7)
    tensors = make()
    params = [k for k, t in tensors.items() if (t.is_floating_point() or t.is_complex()) and k not in CONSTANTS.get(name, ())]
    params = params if schema["differentiable"] and not schema["in_place"] else []
    write(scratch / "request.safetensors", tensors, {"op": name, "args": json.dumps(args), "params": "".join(k + "," for k in params)})
    computes = ours.ask(f"load {scratch / 'request.safetensors'}")
    theirs = Theirs(call, tensors, params)
    kinds = ["forward"] + (["backward"] if params and theirs.backward() else [])
    best = {kind: [float("inf"), float("inf")] for kind in kinds}
    for _ in range(opts.rounds):
        for kind in kinds:
            ns, first = ours.time(kind, opts.seconds)
            if not first.startswith(described(theirs.forward())):
                raise Failed(f"ours gives {first}, PyTorch {described(theirs.forward())}")
            best[kind] = [min(best[kind][0], ns), min(best[kind][1], best_of(getattr(theirs, kind), opts.seconds))]
    sizes = " ".join("x".join(map(str, t.shape)) or "1" for t in tensors.values())
    return {"op": name, "sizes": sizes, "computes": computes, "torch": torch.__version__.split("+")[0], **best}


def measure_all(opts, known):
    schemas = {s["name"]: s for s in json.loads(subprocess.check_output([opts.bench.parent.parent / "ringtorch", "op", "--list", "--json"]))}
    missing = [s for s in schemas if s not in ROWS and not (s.endswith("_") and s[:-1] in ROWS)]
    if missing:
        print(f"not in op_table.py: {' '.join(missing)}")
    ours, results = Ours(opts.bench), []
    with tempfile.TemporaryDirectory() as scratch:
        for name in opts.op.split(",") if opts.op else ROWS:
            if name in known:
                continue
            try:
                results.append(measure(ours, name, schemas[name], opts, pathlib.Path(scratch)))
            except (Failed, RuntimeError) as e:
                print(f"{name}: {e}", flush=True)
                continue
            print(line_of(results[-1]), flush=True)
            if opts.keep:
                with opts.keep.open("a") as out:
                    out.write(json.dumps(results[-1]) + "\n")
    return results


LABELS = {"forward": "forward", "backward": "with gradients"}


def ratio(times):
    return times[0] / times[1]


def line_of(r):
    parts = [f"{LABELS[kind]} {r[kind][0] / 1e3:9.1f} us, PyTorch {r[kind][1] / 1e3:9.1f}, ratio {ratio(r[kind]):5.2f}" for kind in ("forward", "backward")
             if kind in r]
    return f"{r['op']:28} " + "; ".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=pathlib.Path, default=ROOT / "build/bin/bench/bench_ops")
    parser.add_argument("--op", help="only these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.02, help="for each side in a round (default 0.02)")
    parser.add_argument("--keep", type=pathlib.Path, help="JSON lines of results")
    parser.add_argument("--page", type=pathlib.Path, help="write the page there")
    opts = parser.parse_args()
    torch.set_num_threads(1)
    gc.disable()
    known = {}
    if opts.keep and opts.keep.exists():
        known = {r["op"]: r for r in map(json.loads, opts.keep.read_text().splitlines())}
    results = [known[name] for name in known if not opts.op or name in opts.op.split(",")] + measure_all(opts, known)
    results.sort(key=lambda r: -max(ratio(r[kind]) for kind in ("forward", "backward") if kind in r))
    print()
    for r in results:
        print(line_of(r))
    if opts.page:
        write_page(results, opts.page, opts.rounds, opts.seconds)


if __name__ == "__main__":
    main()
