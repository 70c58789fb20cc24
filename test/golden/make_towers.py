"""Names, shapes and parameter counts of the image towers by open_clip and timm, for test/model/towers.test.ts.

python3 -m venv .cache/peers && .cache/peers/bin/pip install torch==2.13.0 torchvision==0.28.0 \\
    open_clip_torch==3.3.0 timm==1.0.31 transformers==5.23.0
.cache/peers/bin/python test/golden/make_towers.py      # writes test/golden/towers.json

Nothing is downloaded: the models are built without values (device "meta"). open_clip imports torchvision, whose
wheel for CUDA finds no operators of its own beside PyTorch's wheel for the CPU: peers.py mends that.
"""
import json
from pathlib import Path

import peers  # noqa: F401  (before open_clip)
import open_clip
import timm
import torch
from transformers import Siglip2VisionConfig, SiglipVisionConfig

BASES = ["ViT-B-32", "ViT-B-32-256", "ViT-B-16", "ViT-B-16-plus-240", "ViT-L-14", "ViT-L-14-336", "ViT-H-14",
         "ViT-H-14-378", "ViT-g-14", "ViT-bigG-14"]
QUICK = [f"{name}-quickgelu" for name in BASES]
OPEN_CLIP = BASES + [name for name in QUICK if name in open_clip.list_models()]
DINOV2 = {f"dinov2-vit-{size[0]}-14{end}": f"vit_{size}_patch14{timms}_dinov2"
          for size in ["small", "base", "large", "giant"] for end, timms in [("", ""), ("-reg4", "_reg4")]}
# i18n differs in the text tower alone.
SIGLIP = [name for name in open_clip.list_models() if "-SigLIP" in name and "i18n" not in name]


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


def timm_row(name, **changes):
    with torch.device("meta"):
        tower = timm.create_model(name, num_classes=0)
    block = tower.blocks[0]
    # timm adds the class token's position to the class token of towers with registers: one row less.
    folded = tower.embed_dim if tower.num_reg_tokens else 0
    return {"parameters": count(tower) + folded, "layers": len(tower.blocks), "heads": block.attn.num_heads,
            "activation": type(block.mlp.act).__name__, "layerNormEpsilon": block.norm1.eps, **changes}


def siglip_row(name):
    config = open_clip.get_model_config(name)["vision_cfg"]
    # timm builds some with the exact GELU: the activation is Hugging Face's, the original's.
    hugging_face = Siglip2VisionConfig() if "SigLIP2" in name else SiglipVisionConfig()
    return timm_row(config["timm_model_name"], imageSizePx=config["image_size"], activation=hugging_face.hidden_act)


rows = {name: open_clip_row(name) for name in OPEN_CLIP}
rows |= {ours: timm_row(timms) for ours, timms in DINOV2.items()}
rows |= {name: siglip_row(name) for name in SIGLIP}
text = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
(Path(__file__).parent / "towers.json").write_text(f"{{\n{text}\n}}\n")
