#!/usr/bin/python3
"""Writes tests/golden/tasks.h: logits after steps of plain descent on torch.nn.CrossEntropyLoss, and its value before each.

    /usr/bin/python3 tests/golden/make_tasks_golden.py > tests/golden/tasks.h

The logits and labels are those of tests/unit/engine/test_tasks.c.
"""
import torch

STEPS, RATE = 6, 1.0
LOGITS = [[2, -1, 0], [0.5, 0.25, -2], [1, 1, 1], [-3, 4, 1.5], [0, 0.125, 0.5], [-1, 0, 2]]
LABELS = [0, 1, 2, 1, 2, 0]
# Class weights, smoothing, the ignored label.
CASES = [
    (None, 0, -1),
    (None, 0.1, -1),
    ((0.5, 2, 0.25), 0, -1),
    ((0.5, 2, 0.25), 0.1, -1),
    ((0.5, 2, 0), 0.3, -1),
    ((0.5, 2, 0.25), 0.2, 1),
    (None, 0.2, 1),
    ((3, 1, 1), 1, -1),
]


def numbers(values):
    return ", ".join(f"{v:.9g}" if "." in f"{v:.9g}" or "e" in f"{v:.9g}" else f"{v:.9g}.0" for v in values)


def run(weight, smoothing, ignore):
    x = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.CrossEntropyLoss(
        weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
        label_smoothing=smoothing,
        ignore_index=ignore,
    )
    descent, values = torch.optim.SGD([x], lr=RATE), []
    for _ in range(STEPS):
        descent.zero_grad()
        value = loss(x, torch.tensor(LABELS))
        value.backward()
        values.append(value.item())
        descent.step()
    return values, x.detach().flatten().tolist()


print(f"/* Made by make_tasks_golden.py with PyTorch {torch.__version__}: losses before each step, logits after the last. */")
print("#ifndef RINGTORCH_TESTS_GOLDEN_TASKS_H\n#define RINGTORCH_TESTS_GOLDEN_TASKS_H\n#include <stddef.h>\n/* clang-format off */")
print(f"enum {{ TASKS_STEPS = {STEPS} }};\nstatic const struct golden_task {{")
print("    const char *weights, *smoothing, *ignore; /* NULL: as by default */\n    double loss[TASKS_STEPS], logits[18];\n} golden_tasks[] = {")
for weight, smoothing, ignore in CASES:
    loss, logits = run(weight, smoothing, ignore)
    option = lambda key, value: f'"task.{key}={value}"'
    weights = option("weights", ",".join(f"{w:g}" for w in weight)) if weight else "NULL"
    print(f'    {{{weights}, {option("label_smoothing", smoothing)}, {option("ignore", ignore)},')
    print(f"     {{{numbers(loss)}}},\n     {{{numbers(logits)}}}}},")
print("};\n/* clang-format on */\n#endif")
