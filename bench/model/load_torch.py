"""The peer of `npm run bench load`: PyTorch with the safetensors library, every value copied into its own memory."""
import json
import os
import sys

import torch
from contestant import serve
from safetensors.torch import load_file, save_file

spec = json.loads(sys.argv[1])


def load():
    tensors = load_file(spec["path"])  # mapped: nothing is read yet
    return {name: torch.empty(tensor.shape).copy_(tensor) for name, tensor in tensors.items()}


weights = load() if spec["work"] == "save" else None


def iterate():
    if spec["work"] == "load":
        return load()
    path = spec["path"] + ".theirs"
    save_file(weights, path)
    with open(path) as file:
        os.fsync(file.fileno())
    os.remove(path)


serve(iterate)
