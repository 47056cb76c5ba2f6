#!/usr/bin/python3
"""Writes tests/golden/rules.h: three parameters after each of ten steps of Adam with AMSGrad, LAMB and Adafactor.

    /usr/bin/python3 tests/golden/make_rules_golden.py > tests/golden/rules.h

Adam is torch.optim's. LAMB is algorithm 2 of You et al. 2020 with bias correction, Adafactor that of torch.optim in PyTorch 2.5
(Shazeer and Stern 2018). Both are written out here in float64; float32 results may differ from it only by their rounding.

The parameters are a matrix, a vector and a stack of matrices. Element i of all of them, one after the other, starts at (i - 14) / 8, and
its gradient at step t is ((7 * i + 3 * t) % 11 - 5) / (8 + 8 * t).
"""
import torch

SHAPES, STEPS = [(3, 4), (5,), (2, 2, 3)], 10


def lamb(p, g, state, t, lr, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
    step = m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + eps) + weight_decay * p
    trust = p.norm() / step.norm() if p.norm() > 0 and step.norm() > 0 else 1
    return p - lr * trust * step


def adafactor(p, g, state, t, lr, beta2_decay=-0.8, eps1=torch.finfo(torch.float32).eps, eps2=1e-3, d=1.0, weight_decay=0.0):
    weight = t**beta2_decay
    rho = min(lr, 1 / t**0.5)
    alpha = max(eps2, p.norm().item() / p.numel() ** 0.5) * rho
    p = p * (1 - lr * weight_decay)
    if p.dim() > 1:
        row = g.square().mean(dim=-1, keepdim=True)
        col = g.square().mean(dim=-2, keepdim=True)
        row = state["row"] = torch.lerp(state.get("row", torch.zeros_like(row)), row, weight)
        col = state["col"] = torch.lerp(state.get("col", torch.zeros_like(col)), col, weight)
        estimate = row @ col / row.mean(dim=-2, keepdim=True).clamp(min=eps1)
    else:
        estimate = state["var"] = torch.lerp(state.get("var", torch.zeros_like(g)), g.square(), weight)
    update = estimate.clamp(min=eps1 * eps1).rsqrt() * g
    return p - alpha / max(1.0, update.norm().item() / (update.numel() ** 0.5 * d)) * update


CASES = [
    ("adam, plain", torch.optim.Adam, dict(lr=0.01)),
    ("adam, amsgrad", torch.optim.Adam, dict(lr=0.01, betas=(0.5, 0.7), amsgrad=True, weight_decay=0.1)),
    ("lamb, plain", lamb, dict(lr=0.01)),
    ("lamb, decay", lamb, dict(lr=0.02, beta1=0.8, beta2=0.9, eps=1e-3, weight_decay=0.1)),
    ("adafactor, plain", adafactor, dict(lr=0.01)),
    ("adafactor, decay", adafactor, dict(lr=0.5, beta2_decay=-0.5, eps1=0.01, eps2=0.5, d=0.5, weight_decay=0.1)),
]


def cut(flat):
    """Splits a list of all elements into the parameters."""
    out, at = [], 0
    for shape in SHAPES:
        n = torch.Size(shape).numel()
        out.append(flat[at : at + n].reshape(shape))
        at += n
    return out


ELEMENTS = sum(torch.Size(s).numel() for s in SHAPES)


def gradients(t, dtype):
    return cut(torch.tensor([((7 * i + 3 * t) % 11 - 5) / (8 + 8 * t) for i in range(ELEMENTS)], dtype=dtype))


def start(dtype):
    return cut(torch.tensor([(i - 14) / 8 for i in range(ELEMENTS)], dtype=dtype))


def run_torch(optimiser, options):
    params = [torch.nn.Parameter(p.clone()) for p in start(torch.float32)]
    o = optimiser(params, **options)
    for t in range(STEPS):
        for p, g in zip(params, gradients(t, torch.float32)):
            p.grad = g.clone()
        o.step()
        yield [x for p in params for x in p.detach().flatten().tolist()]


def run_written(rule, options):
    params, states = start(torch.float64), [{} for _ in SHAPES]
    for t in range(STEPS):
        params = [rule(p, g, s, t + 1, **options) for p, g, s in zip(params, gradients(t, torch.float64), states)]
        yield [x for p in params for x in p.flatten().tolist()]


def number(v):
    text = "%.9g" % v
    return text + ("f" if "." in text or "e" in text else ".0f")


def main():
    print("/* Made by make_rules_golden.py with PyTorch %s: parameters after each step. */" % torch.__version__)
    print("#ifndef RINGTORCH_TESTS_GOLDEN_RULES_H\n#define RINGTORCH_TESTS_GOLDEN_RULES_H")
    print("/* clang-format off */")
    print("enum { RULES_ELEMENTS = %d, RULES_STEPS = %d };" % (ELEMENTS, STEPS))
    print("static const struct golden_rule {\n    const char *name;")
    print("    float after[RULES_STEPS][RULES_ELEMENTS];\n} golden_rules[] = {")
    for name, rule, options in CASES:
        print('    {"%s", {' % name)
        for row in (run_torch if isinstance(rule, type) else run_written)(rule, options):
            print("        {" + ", ".join(number(v) for v in row) + "},")
        print("    }},")
    print("};\n/* clang-format on */\n#endif")


if __name__ == "__main__":
    main()
