#!/usr/bin/python3
"""Writes tests/golden/weights: state_dicts of small nets, as PyTorch users save them, and outputs.safetensors: the nets' outputs.

Run it by hand (Debian: python3-torch); the tests need only the files. batch_norm.safetensors is from a net trained for a few steps,
so its running statistics and its int64 counts of batches differ from the initial ones; tied.safetensors has one parameter under two names.
"""
import json
import pathlib
import struct

import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent / "weights"
TYPES = {torch.float32: "F32", torch.int64: "I64"}


def write(name, tensors):
    """Writes a file like save_file of safetensors."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for key, value in tensors.items():
        raw = value.detach().contiguous().numpy().tobytes()
        header[key] = {"dtype": TYPES[value.dtype], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (HERE / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def batch_norm_net():
    """Returns a net for images of 28 x 28, with which a run can begin."""
    net = nn.Sequential(nn.Conv2d(1, 2, 4, stride=4), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(98, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(torch.rand(16, 1, 28, 28)), torch.randint(10, (16,))).backward()
        optimizer.step()
    return net, torch.rand(2, 1, 28, 28)


def tied_net():
    linear = nn.Linear(6, 6)
    return nn.Sequential(linear, nn.Tanh(), linear), torch.rand(2, 6)


def main():
    torch.manual_seed(1)
    outputs = {}
    for name, (net, x) in {"batch_norm": batch_norm_net(), "tied": tied_net()}.items():
        write(name, net.state_dict())
        outputs[f"{name}.x"], outputs[f"{name}.y"] = x, net.eval()(x)
    write("outputs", outputs)


main()
