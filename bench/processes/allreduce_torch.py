"""PyTorch's side of `npm run bench allreduce`: one rank, gloo. Buckets work as in DistributedDataParallel:
gradients are copied into flat buckets, all buckets are reduced concurrently, means are copied back.
"""

import json
import os
import signal
import sys

import torch
import torch.distributed as dist
from contestant import serve


def prepare(spec):
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    sizes = spec["sizes"]
    gradients = [torch.full((size,), float((rank + 1) * (i + 1))) for i, size in enumerate(sizes)]
    means = [torch.zeros(size) for size in sizes]
    buckets, free = [], 0
    for i, size in enumerate(sizes):
        if not buckets or 4 * size > free:
            buckets.append([])
            free = spec["bucketMB"] * 1e6
        buckets[-1].append(i)
        free -= 4 * size
    flats = [torch.empty(sum(sizes[i] for i in bucket)) for bucket in buckets]

    def reduce():
        works = []
        for bucket, flat in zip(buckets, flats):
            torch.cat([gradients[i] for i in bucket], out=flat)
            flat.div_(world)
            works.append(dist.all_reduce(flat, async_op=True))
        for bucket, flat, work in zip(buckets, flats, works):
            work.wait()
            parts = flat.split([sizes[i] for i in bucket])
            torch._foreach_copy_([means[i] for i in bucket], list(parts))

    def iterate():
        for _ in range(spec["repeats"]):
            reduce()

    iterate()
    for i, mean in enumerate(means):
        expected = (world + 1) / 2 * (i + 1)
        assert torch.allclose(mean, torch.full_like(mean, expected), rtol=1e-6), (mean[0], expected)
    return rank, iterate


def main():
    rank, iterate = prepare(json.loads(sys.argv[1]))
    if rank > 0:
        while True:  # ended by the launcher
            iterate()
    serve(iterate)


if __name__ == "__main__":
    main()
    os.kill(os.getppid(), signal.SIGTERM)
