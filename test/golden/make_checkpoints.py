"""Checkpoints of small towers under the names of their sources, and the features they must give.

Set-up as in make_vit.py; then
PYTHONPATH=.cache/dinov2 .cache/peers/bin/python test/golden/make_checkpoints.py   # writes test/golden/checkpoints/*

`<source>.safetensors` holds the names that such a file on a hub has, a text tower included where it would;
`features.safetensors` the images [2, 28, 28, 3] and of each source the features [2, 8], behind the projection [2, 4]
where there is one. The metadata `row` of a source's file names the row of the table whose family it is of.
"""
import io
import tempfile
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path

from small_towers import HEADS, IMAGE, LAYERS, PATCH, PROJECTION, RATIO, WIDTH, dinov2, randomise, siglip, timm_tower
import torch
import transformers
from safetensors.torch import load_file, save_file
from timm.layers import SwiGLUPacked
from torch import nn

transformers.logging.set_verbosity_error()
folder = Path(__file__).parent / "checkpoints"
folder.mkdir(exist_ok=True)
torch.manual_seed(2)
images = torch.randn(2, 3, IMAGE, IMAGE)
features = {"images": images.permute(0, 2, 3, 1).contiguous()}


def write(source, row, tensors, **values):
    save_file({name: value.detach().contiguous() for name, value in tensors.items()},
              folder / f"{source}.safetensors", {"row": row})
    features.update({f"{source}/{name}": value.detach().contiguous() for name, value in values.items()})


def saved(model):
    """As `save_pretrained` writes it; names differ from those in memory."""
    with tempfile.TemporaryDirectory() as path, redirect_stderr(io.StringIO()):
        model.save_pretrained(path)
        return load_file(Path(path) / "model.safetensors")


# Hugging Face
SIZES = dict(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS)
VISION = dict(image_size=IMAGE, patch_size=PATCH)
TEXT = dict(vocab_size=4, intermediate_size=WIDTH, max_position_embeddings=2, bos_token_id=0, eos_token_id=1)
HIDDEN = dict(intermediate_size=RATIO * WIDTH)


def hugging_face_dinov2(source, row, name, **changes):
    config = getattr(transformers, f"{name}Config")(**SIZES, **VISION, mlp_ratio=RATIO, **changes)
    model = randomise(getattr(transformers, f"{name}Model")(config))
    write(source, row, saved(model), features=model(images).pooler_output)


hugging_face_dinov2("hf_dinov2", "dinov2-vit-s-14", "Dinov2")
hugging_face_dinov2("hf_dinov2_swiglu", "dinov2-vit-g-14", "Dinov2", use_swiglu_ffn=True)
hugging_face_dinov2("hf_dinov2_registers", "dinov2-vit-s-14-reg4", "Dinov2WithRegisters", num_register_tokens=4)

clip_config = transformers.CLIPConfig(text_config=SIZES | TEXT, vision_config=SIZES | VISION | HIDDEN | {
    "hidden_act": "quick_gelu"}, projection_dim=PROJECTION)
clip = randomise(transformers.CLIPModel(clip_config))
pooled = clip.vision_model(images).pooler_output
write("hf_clip", "ViT-B-32-quickgelu", saved(clip), features=pooled, projection=clip.visual_projection(pooled))

siglip_config = transformers.SiglipConfig(text_config=SIZES | TEXT | {"projection_size": WIDTH},
                                          vision_config=SIZES | VISION | HIDDEN)
hugging_face_siglip = randomise(transformers.SiglipModel(siglip_config))
write("hf_siglip", "ViT-B-16-SigLIP", saved(hugging_face_siglip),
      features=hugging_face_siglip.vision_model(images).pooler_output)

# timm
LAYER_SCALE = dict(init_values=1.0)
REGISTERS = dict(reg_tokens=4, no_embed_class=True)
SWIGLU = dict(mlp_layer=SwiGLUPacked, act_layer=nn.SiLU, mlp_ratio=2 * RATIO)
for source, row, changes in [
    ("timm_clip", "ViT-B-32", dict(pre_norm=True, norm_layer=partial(nn.LayerNorm, eps=1e-5))),
    ("timm_dinov2", "dinov2-vit-s-14", LAYER_SCALE),
    ("timm_dinov2_registers", "dinov2-vit-s-14-reg4", LAYER_SCALE | REGISTERS),
    ("timm_dinov2_swiglu", "dinov2-vit-g-14", LAYER_SCALE | SWIGLU),
]:
    model = timm_tower(**changes)
    write(source, row, model.state_dict(), features=model(images))
whole = siglip()
write("timm_siglip", "ViT-B-16-SigLIP", whole.state_dict(), features=whole(images))
# open_clip's SigLIP holds timm's tower, beside a text tower.
in_open_clip = {f"visual.trunk.{name}": value for name, value in whole.state_dict().items()}
in_open_clip |= {"logit_scale": torch.tensor(1.0), "text.positional_embedding": torch.zeros(2, WIDTH)}
write("open_clip_siglip", "ViT-B-16-SigLIP", in_open_clip, features=whole(images))

# DINOv2's own
for source, row, changes in [
    ("dinov2", "dinov2-vit-b-14", {}),
    ("dinov2_registers", "dinov2-vit-s-14-reg4", dict(registers=4)),
    ("dinov2_swiglu", "dinov2-vit-g-14", dict(ffn_layer="swiglufused")),
]:
    model = dinov2(**changes)
    write(source, row, model.state_dict(), features=model(images))

save_file(features, folder / "features.safetensors", {"torch": torch.__version__})
