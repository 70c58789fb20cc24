"""State dicts as PyTorch saves them, for test/checkpoints/pytorch.test.ts.

python3 -m venv .cache/peers && .cache/peers/bin/pip install torch==2.13.0 numpy safetensors
.cache/peers/bin/python test/golden/make_pytorch.py      # writes test/golden/pytorch/*
"""
import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

folder = Path(__file__).parent / "pytorch"
folder.mkdir(exist_ok=True)


def save(name, value, zip=True):
    torch.save(value, folder / name, _use_new_zipfile_serialization=zip)


# Every value is a small multiple of 1/8: exact in half precision and bfloat16 too.
counting = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8
tensors = OrderedDict(
    float=counting,
    half=-counting.half(),
    bfloat16=(counting + 1).bfloat16(),
    long=torch.tensor([1, -2]),
    scalar=torch.tensor(0.5),
    empty=torch.zeros(0, 3),
    transposed=counting.t(),
    part=counting[1:, 2:],
    shared=counting,
    parameter=nn.Parameter(counting[0].clone()),
    expanded=torch.tensor([[1.0]]).expand(2, 3),
)
save("types.pt", tensors)
save("types_legacy.pt", tensors, zip=False)

# nn.Module.state_dict() carries `_metadata`; a training checkpoint holds more than weights.
module = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), norm=nn.BatchNorm1d(2)))
for index, parameter in enumerate(module.parameters()):
    nn.init.constant_(parameter, index + 0.25)
optimizer = torch.optim.AdamW(module.parameters())
save("nested.pt", {"epoch": 3, "name": "run", "state_dict": module.state_dict(), "optimizer": optimizer.state_dict()})
save("nested_twice_legacy.pt", {"model": {"state_dict": module.state_dict()}}, zip=False)

# A whole CLIP of open_clip's training, its image tower the "clip" one of vit.safetensors.
tower = {name.removeprefix("clip/weights/"): value
         for name, value in load_file(folder.parent / "vit.safetensors").items() if name.startswith("clip/weights/")}
clip = {f"module.visual.{name}": value for name, value in tower.items()}
clip |= {"module.logit_scale": torch.tensor(4.6), "module.token_embedding.weight": torch.zeros(2, 2)}
save("clip.pt", {"epoch": 1, "state_dict": clip})


class Malicious:
    """Unpickled by Python, this runs a command."""

    def __reduce__(self):
        return os.system, ("touch /tmp/pickle_was_run",)


save("malicious.pt", {"weight": counting, "other": Malicious()})
save("malicious_legacy.pt", {"other": Malicious()}, zip=False)
for protocol in (2, 4):
    (folder / f"malicious_protocol{protocol}.bin").write_bytes(pickle.dumps(Malicious(), protocol))
save("whole_module.pt", nn.Linear(2, 2))

buffer = io.BytesIO()
torch.jit.save(torch.jit.script(nn.Linear(2, 2)), buffer)
(folder / "torchscript.pt").write_bytes(buffer.getvalue())


class BytesBomb:
    """Opens a pickle within the pickle."""

    def __reduce__(self):
        return torch.storage._load_from_bytes, (b"anything",)


save("load_from_bytes.pt", {"weight": BytesBomb()})
