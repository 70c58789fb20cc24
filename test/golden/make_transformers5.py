"""DINOv2 under the names that transformers 5 has in memory, for test/checkpoints/tower_names.test.ts.

Set-up as in make_vit.py, with transformers==5.24.0; then
.cache/peers/bin/python test/golden/make_transformers5.py    # writes test/golden/checkpoints/memory_hf_dinov2*.safetensors

The weights are those of make_checkpoints.py's hf_dinov2*.safetensors, loaded by transformers itself, which turns the
names of files into others; what torch.save(model.state_dict()) would hold is written. Features must be the same.
"""
import json
import tempfile
from pathlib import Path

import peers  # noqa: F401
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

SIZES = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7, mlp_ratio=2)
folder = Path(__file__).parent / "checkpoints"
golden = load_file(folder / "features.safetensors")

for source, name, changes in [
    ("hf_dinov2", "Dinov2", {}),
    ("hf_dinov2_swiglu", "Dinov2", dict(use_swiglu_ffn=True)),
    ("hf_dinov2_registers", "Dinov2WithRegisters", dict(num_register_tokens=4)),
]:
    path = folder / f"{source}.safetensors"
    config = getattr(transformers, f"{name}Config")(**SIZES, **changes)
    with tempfile.TemporaryDirectory() as saved:
        save_file(load_file(path), Path(saved) / "model.safetensors", {"format": "pt"})
        (Path(saved) / "config.json").write_text(json.dumps(config.to_dict()))
        model = getattr(transformers, f"{name}Model").from_pretrained(saved).eval()
    with torch.no_grad():
        features = model(golden["images"].permute(0, 3, 1, 2)).pooler_output
    assert (features - golden[f"{source}/features"]).abs().max() < 1e-6, source
    with safe_open(path, "pt") as file:
        row = file.metadata()["row"]
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    assert any("q_proj" in key for key in tensors), "transformers 5 is meant"
    save_file(tensors, folder / f"memory_{source}.safetensors", {"row": row})
