"""The libraries' side of `npm run check:weights`: loads a file with strict=True and compares features."""
import json
import os
import sys
import tempfile

import peers  # noqa: F401 (test/golden/peers.py, before all that import torchvision)
import open_clip
import timm
import torch
import transformers
from safetensors.torch import load_file

spec = json.loads(sys.argv[1])
MODEL, NAMING = spec["name"], spec["naming"]
TIMM = {"dinov2-vit-s-14": "vit_small_patch14_dinov2", "dinov2-vit-b-14": "vit_base_patch14_dinov2",
        "dinov2-vit-l-14": "vit_large_patch14_dinov2", "dinov2-vit-g-14": "vit_giant_patch14_dinov2",
        "dinov2-vit-s-14-reg4": "vit_small_patch14_reg4_dinov2", "dinov2-vit-b-14-reg4": "vit_base_patch14_reg4_dinov2",
        "dinov2-vit-l-14-reg4": "vit_large_patch14_reg4_dinov2", "dinov2-vit-g-14-reg4": "vit_giant_patch14_reg4_dinov2"}
SIZES = dict(hidden_size=spec["width"], num_hidden_layers=spec["layers"], num_attention_heads=spec["heads"],
             image_size=spec["positionGrid"] * spec["patchSizePx"], patch_size=spec["patchSizePx"])


def open_clip_model():
    model = open_clip.create_model(MODEL).visual
    return model, model


def timm_model():
    """Returns timm's tower. open_clip's SigLIP is that tower with the exact GELU; the original has the tanh form."""
    if MODEL in TIMM:
        model = timm.create_model(TIMM[MODEL], num_classes=0)
        return model, model
    trunk = open_clip.create_model(MODEL).visual.trunk
    for module in trunk.modules():
        if isinstance(module, torch.nn.GELU):
            module.approximate = "tanh"
    return trunk, trunk


def from_pretrained(model):
    """Loads the file into a model by Hugging Face's own loader, which translates the names of tensors; none may be left."""
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        os.symlink(spec["file"], os.path.join(folder, "model.safetensors"))
        loaded, info = type(model).from_pretrained(folder, output_loading_info=True)
    left = {kind: names for kind, names in info.items() if names}
    assert not left, f"not loaded strictly: {left}"
    return loaded


def hugging_face_model():
    if MODEL.startswith("dinov2"):
        swiglu = spec["activation"] == "swiGlu"
        kind, more = ("Dinov2WithRegisters", dict(num_register_tokens=4)) if spec["registers"] else ("Dinov2", {})
        config = getattr(transformers, f"{kind}Config")(**SIZES, mlp_ratio=4, use_swiglu_ffn=swiglu, **more)
        model = from_pretrained(getattr(transformers, f"{kind}Model")(config))
        return model, lambda image: model(image).pooler_output
    hidden = dict(intermediate_size=spec["mlpWidth"])
    if spec["pooling"] == "attention":
        config = transformers.SiglipVisionConfig(**SIZES, **hidden)
        model = from_pretrained(transformers.SiglipVisionModel(config))
        return model, lambda image: model(image).pooler_output
    activation = dict(hidden_act="quick_gelu" if spec["activation"] == "quickGelu" else "gelu")
    config = transformers.CLIPVisionConfig(**SIZES, **hidden, **activation, projection_dim=spec["projectionWidth"])
    model = from_pretrained(transformers.CLIPVisionModelWithProjection(config))
    return model, lambda image: model(image).image_embeds


model, features = {"open_clip": open_clip_model, "timm": timm_model, "huggingface": hugging_face_model}[NAMING]()
if NAMING != "huggingface":
    model.load_state_dict(load_file(spec["file"]), strict=True)
model.eval()
expected = load_file(spec["expected"])
with torch.inference_mode():
    found = features(expected["image"].permute(0, 3, 1, 2))
difference = ((found - expected["features"]).abs().max() / expected["features"].abs().max()).item()
assert difference < 1e-4, f"features differ by {difference:.1e} of the largest"
count = sum(1 for _ in model.state_dict())
print(f"{count} tensors loaded strictly, features differ by {difference:.1e} of the largest")
