"""Writes docs/PERFORMANCE.md from what ops.py measured."""
import subprocess

import torch

# Why an operation takes more than twice PyTorch's time.
EXACT = "computed in double, for 0.501 units in the last place (NUMERICS.md); PyTorch computes in float32"
REASONS = {
    "erfinv": EXACT, "erfc": EXACT, "acos": EXACT, "asin": EXACT,
    "log2": "computed with numbers of two floats, for 0.6 units in the last place; PyTorch's with one", "log10": "as log2",
    "randperm": "number i is computed from i alone, by a keyed bijection, so that any worker can make any part; PyTorch shuffles in order",
    "poisson": "made of some thirty operations in float64, with lgamma and three logarithms for each attempt, so that a number depends on its place "
               "alone; PyTorch's is a loop of its own",
    "angle": "of real numbers: three operations (below 0, zeros that keep NaN, a choice), where PyTorch has a kernel",
    "nansum": "three passes: a comparison, a choice and a sum; PyTorch's sum skips NaN by itself",
    "bincount": "least and largest are looked for first, and ones are added by scatter_add; PyTorch counts in a loop",
    "linspace": "computed in float64 from both ends, put together and converted: passes over twice the bytes",
    "cummax": "one plain loop for all types and for both extremes, which asks of each element whether it is NaN",
    "embedding_bag": "the rows are gathered, then a mean is taken of them: two passes",
    "rot90": "the gradient is copied transposed, an element of each line of the cache at a time",
    "atan": "as asin", "tan": "as asin", "atanh": "as asin",
    "silu": "divides numbers of two floats, for 1.1 units in the last place",
    "tanh": "a polynomial and an exponential for each, for 1.5 units in the last place",
    "huber_loss": "three kernels over a temporary, where PyTorch has one", "smooth_l1_loss": "as huber_loss",
}

PAGE = """# Performance of operations

Every operation beside PyTorch's on one thread: `bench/vs_torch/ops.py --page docs/PERFORMANCE.md` measured all {count} and wrote this page
(PyTorch {torch}, {capability}, {mkl}; ours {computes}; {machine}). None should be slower than PyTorch by more than twice; those that are
stand below with the reason where it is known. Trainings are compared by `bench/vs_torch/run`, kernels with the machine's limits by `bench/bench_kernels`.

## How it was measured

- A process with our operation and one with PyTorch take turns, {rounds} rounds of {milliseconds:.0f} ms each. The number is the processor's time of a call in the
  fastest batch: other load on the machine affects both, and only slows them down.
- Sizes are those of a layer's activations, mostly 512 x 512 float32, which fit in the cache; `bench/vs_torch/op_table.py` has all. *forward*
  records nothing; *both* is forward with the gradients of all float tensors, for a dense gradient of the first result.
- Each side has a dense gradient, its own memory and one thread. glibc's malloc, which PyTorch uses, is told to keep the memory it has. It still
  hands out other blocks than those used last, so that a gradient of PyTorch is often written to memory outside of the cache; our pool
  hands out the block that was freed last. Much of the difference of cheap operations in *both* is that.
- Views, and `clone`, which copies when one of the two is written, take less than a microsecond of ours; PyTorch's are called from Python, whose
  share is some microseconds. Ratios of what takes less than {small:.0f} µs there say nothing, and are in brackets.

## Slower than PyTorch by more than twice

{slow}
## All ratios

Our time by PyTorch's, forward and both; below 1 ours is faster. Of {counted} operations with a ratio {faster} are faster in all that was measured,
{equal} are within twice PyTorch's time, and {slower} beyond.

```
{ratios}
```
"""
SMALL = 20e3  # nanoseconds
KINDS = ("forward", "backward")


def ratio(r, kind):
    return r[kind][0] / r[kind][1]


def counts(r, kind):
    return kind in r and r[kind][1] >= SMALL


def worst(r):
    return max((ratio(r, kind) for kind in KINDS if counts(r, kind)), default=0)


def time_of(ns):
    return f"{ns / 1e3:.3g} µs" if ns < 1e6 else f"{ns / 1e6:.3g} ms"


def slow_table(results):
    rows = sorted((r for r in results if worst(r) > 2), key=lambda r: -worst(r))
    if not rows:
        return "None.\n"
    lines = ["| operation | sizes | | ours | PyTorch | ratio | why |", "|---|---|---|---|---|---|---|"]
    for r in rows:
        for kind in (k for k in KINDS if counts(r, k) and ratio(r, k) > 2):
            lines.append(f"| `{r['op']}` | {r['sizes'] or '-'} | {'both' if kind == 'backward' else kind} | {time_of(r[kind][0])} | "
                         f"{time_of(r[kind][1])} | {ratio(r, kind):.2f} | {REASONS.get(r['op'], 'not examined yet')} |")
    return "\n".join(lines) + "\n"


def cell(r):
    texts = [f"{ratio(r, k):.2f}" if counts(r, k) else f"({ratio(r, k):.2f})" if k in r else "-" for k in KINDS]
    return f"{r['op']:32}{texts[0]:>7}{texts[1]:>7}"


def ratios_table(results, columns=3):
    cells = [cell(r) for r in sorted(results, key=lambda r: r["op"])]
    height = -(-len(cells) // columns)
    lines = ["    ".join(f"{'':32}forward   both" for _ in range(columns)).rstrip()]
    return "\n".join(lines + ["    ".join(cells[i::height]).rstrip() for i in range(height)])


def machine():
    rows = dict(line.split(":", 1) for line in subprocess.check_output(["lscpu"], text=True).splitlines() if ":" in line)
    return f"{rows['Model name'].strip()}, {rows.get('L2 cache', '?').strip()} L2"


def write_page(results, path, rounds, seconds):
    ratios = [worst(r) for r in results if worst(r)]
    path.write_text(PAGE.format(
        count=len(results), torch=results[0]["torch"], computes=results[0]["computes"], machine=machine(), rounds=rounds,
        capability=torch.backends.cpu.get_cpu_capability(), mkl="MKL" if torch.backends.mkl.is_available() else "OpenBLAS",
        milliseconds=seconds * 1e3, small=SMALL / 1e3, slow=slow_table(results), ratios=ratios_table(results), counted=len(ratios),
        faster=sum(x <= 1 for x in ratios), equal=sum(1 < x <= 2 for x in ratios), slower=sum(x > 2 for x in ratios)))
