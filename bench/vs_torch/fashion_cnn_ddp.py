#!/usr/bin/python3
"""The program to compare with: the model of configs/fashion-cnn.yaml in PyTorch, 2 processes, DistributedDataParallel over gloo.

Prints one JSON line: {"images_per_second": ..., "loss": ..., ...}. All settings are those that give PyTorch its
best figure on these machines: the data set is in memory as uint8 and is drawn by index (without the cost of
DataLoader workers), each process has one thread (two processes on two cores), gradients are bucket views,
AdamW is the multi-tensor (foreach) one, gloo uses the loopback interface, and --channels-last selects the other
memory layout of convolutions. The clock starts after --warmup steps.
"""
import argparse
import gzip
import json
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def read_idx(path, header):
    with gzip.open(path, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def load(folder, split):
    images = read_idx(os.path.join(folder, split + "-images-idx3-ubyte.gz"), 16)
    labels = read_idx(os.path.join(folder, split + "-labels-idx1-ubyte.gz"), 8)
    images = torch.from_numpy(images.reshape(-1, 1, 28, 28).copy())
    return images, torch.from_numpy(labels.astype(np.int64))


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


def run(rank, args):
    torch.set_num_threads(args.threads)
    torch.manual_seed(1337)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=args.meet, rank=rank, world_size=args.workers)
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    images, labels = load(args.data, "train")
    model = DistributedDataParallel(make_model().to(memory_format=layout), gradient_as_bucket_view=True)
    adamw = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, foreach=True)
    share = args.batch // args.workers
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(7))

    for step in range(args.warmup + args.steps):
        if step == args.warmup:
            dist.barrier()
            start = time.perf_counter()
        first = (step * args.batch + rank * share) % (len(labels) - args.batch)
        ids = order[first:first + share]
        x = (images[ids].float() / 255).to(memory_format=layout)
        loss = nn.functional.cross_entropy(model(x), labels[ids])
        adamw.zero_grad(set_to_none=True)
        loss.backward()
        adamw.step()
    dist.barrier()
    seconds = time.perf_counter() - start
    if rank == 0:
        print(json.dumps({"images_per_second": round(args.steps * args.batch / seconds, 1), "seconds": round(seconds, 3),
                          "loss": round(loss.item(), 4), "steps": args.steps, "workers": args.workers,
                          "threads": args.threads, "channels_last": args.channels_last,
                          "torch": torch.__version__}), flush=True)
    dist.destroy_process_group()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--threads", type=int, default=1, help="threads a process")
    p.add_argument("--batch", type=int, default=64, help="global batch")
    p.add_argument("--steps", type=int, default=500)
    p.add_argument("--warmup", type=int, default=30)
    p.add_argument("--channels-last", action="store_true")
    args = p.parse_args()
    args.meet = "file:///tmp/ringtorch-bench-%d" % os.getpid()
    try:
        mp.spawn(run, args=(args,), nprocs=args.workers)
    finally:
        if os.path.exists(args.meet[7:]):
            os.unlink(args.meet[7:])


if __name__ == "__main__":
    main()
