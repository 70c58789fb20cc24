"""Names, shapes and parameter counts of the image towers by open_clip and timm, for test/model/towers.test.ts.

python3 -m venv .cache/peers && .cache/peers/bin/pip install torch==2.13.0 open_clip_torch==3.3.0 timm==1.0.31
.cache/peers/bin/python test/golden/make_towers.py      # writes test/golden/towers.json

Nothing is downloaded: the models are built without values (device "meta").
"""
import json
from pathlib import Path

import open_clip
import timm
import torch

BASES = ["ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336", "ViT-H-14", "ViT-g-14", "ViT-bigG-14"]
OPEN_CLIP = BASES + [f"{name}-quickgelu" for name in BASES if name != "ViT-g-14"]
DINOV2 = {"dinov2-vit-s-14": "vit_small_patch14_dinov2", "dinov2-vit-b-14": "vit_base_patch14_dinov2",
          "dinov2-vit-l-14": "vit_large_patch14_dinov2"}


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def open_clip_row(name):
    config = open_clip.get_model_config(name)
    with torch.device("meta"):
        model = open_clip.model.CLIP(**config)
    tower = model.visual
    # All blocks are alike: the first stands for them.
    shapes = {key: list(value.shape) for key, value in tower.state_dict().items()
              if ".resblocks." not in key or ".resblocks.0." in key}
    block = tower.transformer.resblocks[0]
    return {"parameters": count(tower), "imageSizePx": tower.image_size[0], "layers": len(tower.transformer.resblocks),
            "heads": block.attn.num_heads, "activation": type(block.mlp.gelu).__name__,
            "layerNormEpsilon": block.ln_1.eps, "shapes": shapes}


def dinov2_row(name):
    with torch.device("meta"):
        tower = timm.create_model(name, num_classes=0)
    block = tower.blocks[0]
    return {"parameters": count(tower), "layers": len(tower.blocks), "heads": block.attn.num_heads,
            "activation": type(block.mlp.act).__name__, "layerNormEpsilon": block.norm1.eps}


rows = {name: open_clip_row(name) for name in OPEN_CLIP}
rows |= {ours: dinov2_row(timms) for ours, timms in DINOV2.items()}
text = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
(Path(__file__).parent / "towers.json").write_text(f"{{\n{text}\n}}\n")
