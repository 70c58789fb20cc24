"""Features and gradients of small towers of every family, by the libraries they come from, for test/model/vit.test.ts.

python3 -m venv .cache/peers && .cache/peers/bin/pip install torch==2.13.0 torchvision==0.28.0 \\
    open_clip_torch==3.3.0 timm==1.0.31 transformers==5.23.0
git clone https://github.com/facebookresearch/dinov2 .cache/dinov2 && git -C .cache/dinov2 checkout b8931f7
PYTHONPATH=.cache/dinov2 .cache/peers/bin/python test/golden/make_vit.py      # writes test/golden/vit.safetensors

Per kind: weights, features and gradients under our names; features at other image sizes (21 and 35 px, by the
library's own resampling of positions); `positions`: that resampling alone.
"""
import copy
import re
from pathlib import Path

from small_towers import HEADS, IMAGE, LAYERS, PATCH, PROJECTION, RATIO, WIDTH, dinov2, randomise, siglip
import open_clip
import timm
import torch
from dinov2.models.vision_transformer import DinoVisionTransformer
from open_clip.transformer import QuickGELU, VisionTransformer
from safetensors.torch import save_file
from torch import nn
from transformers.models.dinov2.modeling_dinov2 import Dinov2Config, Dinov2Embeddings

SIZES = [21, 35]  # a smaller and a larger grid
torch.manual_seed(1)
images = {size: torch.randn(2, 3, size, size) for size in [IMAGE, *SIZES]}
slope = torch.randn(2, LAYERS * WIDTH)
tensors = {"slope": slope}
tensors |= {"images" if size == IMAGE else f"images_{size}": x.permute(0, 2, 3, 1).contiguous()
            for size, x in images.items()}

# timm's and DINOv2's names, and ours; open_clip's are ours.
RENAMED = [(r"^(cls_token|pos_embed|register_tokens)$", lambda m: {"cls_token": "class_embedding",
            "pos_embed": "positional_embedding", "register_tokens": "register_tokens"}[m[1]]),
           (r"^patch_embed\.proj", "conv1"), (r"^norm\.", "ln_post."), (r"^blocks\.", "transformer.resblocks."),
           (r"\.norm([12])\.", r".ln_\1."), (r"attn\.qkv\.", "attn.in_proj_"), (r"attn\.proj\.", "attn.out_proj."),
           (r"\.ls([12])\.", r".ls_\1."), (r"(resblocks.*)\.fc1\.", r"\1.c_fc."), (r"(resblocks.*)\.fc2\.", r"\1.c_proj.")]


def ours(name):
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def as_ours(named):
    """A leading 1 of tokens and positions is dropped, but for the latent; DINOv2's mask token is left out."""
    return {ours(name): value[0].squeeze(0) if name == "cls_token" else value[0] if
            name in ("pos_embed", "register_tokens") else value
            for name, value in named if name != "mask_token"}


def keep(kind, what, named):
    for name, value in as_ours(named).items():
        tensors[f"{kind}/{what}/{name}"] = value.detach().clone().contiguous()


def record(kind, model, features, size=IMAGE):
    """Features, and of their weighted sum the gradient of every weight."""
    model.zero_grad()
    result = features(model, images[size])
    (result * slope[:, :result.shape[1]]).sum().backward()
    tensors[f"{kind}/features"] = result.detach()
    keep(kind, "gradients", ((name, parameter.grad) for name, parameter in model.named_parameters()
                             if parameter.grad is not None))


def of_blocks(blocks, head, last):
    """Both blocks' outputs behind the model's own last steps; the last must be what the model itself gives."""
    def features(model, x):
        outputs = []
        hooks = [block.register_forward_hook(lambda _, __, y: outputs.append(y)) for block in blocks(model)]
        whole = model(x)
        for hook in hooks:
            hook.remove()
        parts = [head(model, y) for y in outputs]
        assert torch.allclose(last(model, parts[-1]), whole, atol=1e-6)
        return torch.cat(parts, 1)
    return features


# open_clip. "clip" has the sizes of the tower "tiny"; the others those of this file's head.
def clip(size=IMAGE, width=WIDTH, **changes):
    return VisionTransformer(size, PATCH, width, LAYERS, HEADS, RATIO, output_dim=PROJECTION, **changes)


def clip_features(pool):
    return of_blocks(lambda model: model.transformer.resblocks, lambda model, y: pool(model.ln_post(y)),
                     lambda model, y: y @ model.proj)


class_token = clip_features(lambda y: y[:, 0])
small = randomise(clip())
kinds = {"gelu": (clip(), class_token), "quick_gelu": (clip(act_layer=QuickGELU), class_token),
         "average": (clip(pool_type="avg"), clip_features(lambda y: y[:, 1:].mean(1))),
         "projection": (clip(), lambda model, x: model(x))}
keep("gelu", "weights", small.named_parameters())
for kind, (model, features) in kinds.items():
    model.load_state_dict(small.state_dict())
    record(kind, model.eval(), features)


def resized_clip(size):
    whole = nn.Module()
    whole.visual = clip(size)
    state = {f"visual.{name}": value for name, value in small.state_dict().items()}
    open_clip.model.resize_pos_embed(state, whole)
    whole.load_state_dict(state)
    return whole.visual.eval()


for size in SIZES:
    record(f"gelu_{size}", resized_clip(size), class_token, size)

tiny = randomise(clip(width=16))
tiny.proj = None
tensors["clip/features"] = of_blocks(lambda model: model.transformer.resblocks, lambda model, y: model.ln_post(y)[:, 0],
                                     lambda model, y: y)(tiny, images[IMAGE]).detach()
keep("clip", "weights", tiny.named_parameters())


def dinov2_features(model, x):
    layers = model.get_intermediate_layers(x, n=LAYERS, return_class_token=True, norm=True)
    return torch.cat([token for _, token in layers], 1)


towers = {"dinov2": lambda: dinov2(), "registers": lambda: dinov2(4), "swiglu": lambda: dinov2(ffn_layer="swiglufused")}
for kind, build in towers.items():
    model = build()
    keep(kind, "weights", model.named_parameters())
    record(kind, model, dinov2_features)
    for size in SIZES:
        tensors[f"{kind}_{size}/features"] = dinov2_features(model, images[size]).detach()

whole = siglip()
siglip_features = of_blocks(lambda model: model.blocks, lambda model, y: model.forward_head(model.norm(y)),
                            lambda model, y: y)
keep("siglip", "weights", whole.named_parameters())
record("siglip", whole, siglip_features)
for size in SIZES:
    resized = copy.deepcopy(whole)
    resized.set_input_size(img_size=size)
    tensors[f"siglip_{size}/features"] = siglip_features(resized, images[size]).detach()

# Positions of an 11 x 11 grid, by each of the four.
GRID, NEW = 11, [4, 10, 16]
positions = torch.randn(1 + GRID * GRID, 2)
tensors["positions"] = positions
dino = DinoVisionTransformer(GRID * PATCH, PATCH, 3, 2, 1, 1)
dino.pos_embed.data = positions[None]
hugging_face = Dinov2Embeddings(Dinov2Config(hidden_size=2, image_size=GRID * PATCH, patch_size=PATCH))
hugging_face.position_embeddings.data = positions[None]
for new in NEW:
    tokens = torch.zeros(1, 1 + new * new, 2)
    tensors[f"positions/offset/{new}"] = dino.interpolate_pos_encoding(tokens, new * PATCH, new * PATCH)[0].detach()
    tensors[f"positions/bicubic/{new}"] = hugging_face.interpolate_pos_encoding(
        tokens, new * PATCH, new * PATCH)[0].detach()
    tensors[f"positions/antialiased/{new}"] = timm.layers.resample_abs_pos_embed(positions[None], [new, new])[0]

save_file(tensors, Path(__file__).parent / "vit.safetensors", {"torch": torch.__version__})
