"""Files as training scripts leave them, for test/checkpoints/weight_files.test.ts.

Set-up as in make_pytorch.py; then
.cache/peers/bin/python test/golden/make_weight_files.py    # writes test/golden/weight_files/*

The tower is the "clip" of vit.safetensors, the row `tiny`. Where a file holds two, the values of the second are twice
those of the first.
"""
import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

here = Path(__file__).parent
folder = here / "weight_files"
folder.mkdir(exist_ok=True)
tower = {name.removeprefix("clip/weights/"): value for name, value in load_file(here / "vit.safetensors").items()
         if name.startswith("clip/weights/") and name != "clip/weights/proj"}
twice = {name: 2 * value for name, value in tower.items()}
# an optimizer that has taken a step keeps tensors of its own
parameter = torch.nn.Parameter(torch.ones(2))
parameter.grad = torch.ones(2)
optimizer = torch.optim.AdamW([parameter])
optimizer.step()


def below(prefix, tensors):
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def save(name, value):
    torch.save(value, folder / name)


# DINO's and iBOT's training: student, teacher, the script's arguments (a Namespace), the loss' own buffer
save("dino.pth", {
    "student": below("module.backbone.", tower) | {"module.head.last_layer.weight": torch.zeros(2, 2)},
    "teacher": below("backbone.", twice) | {"head.last_layer.weight": torch.zeros(2, 2)},
    "optimizer": optimizer.state_dict(), "epoch": 3, "args": argparse.Namespace(lr=1e-3, arch="vit_tiny"),
    "dino_loss": {"center": torch.zeros(1, 2)},
})
# timm's CheckpointSaver, DeiT's and MoCo v3's
save("timm_ema.pth.tar", {
    "epoch": 3, "arch": "vit_tiny", "version": 2, "args": argparse.Namespace(lr=1e-3), "metric": 0.5,
    "state_dict": tower, "state_dict_ema": twice, "optimizer": optimizer.state_dict(),
})
save("deit_ema.pth", {"model": tower, "model_ema": twice, "scaler": {}, "optimizer": optimizer.state_dict()})
save("moco.pth", {"state_dict": below("module.base_encoder.", tower) | below("module.momentum_encoder.", twice)})
save_file(below("model.", tower) | below("ema.", twice), folder / "flat_ema.safetensors")

# one tower, nested in the ways that scripts have
for key in ["net", "teacher", "model_state_dict"]:
    save(f"nested_{key}.pt", {"epoch": 1, key: below("module.", tower), "optimizer": optimizer.state_dict()})
averaged = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(2, 2)).state_dict()
save("averaged_model.pt", {"n_averaged": averaged["n_averaged"]} | below("module.", tower))

# types of numbers
save("float64.pt", {name: value.double() for name, value in tower.items()})
save_file({name: value.double() for name, value in tower.items()}, folder / "float64.safetensors")
every = torch.arange(256, dtype=torch.uint8)
for dtype in [torch.float8_e4m3fn, torch.float8_e5m2]:
    name = str(dtype).removeprefix("torch.")
    numbers = every.view(dtype)
    matrix = torch.arange(-6, 6).reshape(3, 4).to(dtype)
    # what torch makes of all 256, NaN as such
    save_file({"numbers": numbers, "matrix": matrix, "expected": numbers.float()}, folder / f"{name}.safetensors")
    save(f"{name}.pt", {"numbers": numbers, "matrix": matrix.t(), "expected": numbers.float()})

# quantised
scale = torch.tensor(0.01)
int8 = {name: (value / scale).round().clamp(-127, 127).to(torch.int8) if value.ndim > 1 else value
        for name, value in tower.items()}
save_file(int8 | {"conv1.weight_scale": scale.reshape(1)}, folder / "int8.safetensors")
save_file({name: value.to(torch.float8_e4m3fn) if value.ndim > 1 else value for name, value in tower.items()}
          | {"conv1.weight_scale": scale.reshape(1)}, folder / "float8_scaled.safetensors")
save("quantised.pt", {"conv1.weight": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)})

# not to be read as they are
save("expanded.pt", {"weight": torch.zeros(1).expand(200_000_000), "small": torch.ones(1).expand(2, 3)})
infinite = dict(tower)
infinite["ln_post.weight"] = infinite["ln_post.weight"].double()
infinite["ln_post.weight"][3] = 1e300
save("beyond_float32.pt", infinite)
torch.serialization.set_crc32_options(False)
save("no_crc.pt", tower)
