"""Small towers with random weights, for make_vit.py and make_checkpoints.py.

peers.py stands first: it mends torchvision for open_clip and timm.
"""
import re

import peers  # noqa: F401
from dinov2.models.vision_transformer import DinoVisionTransformer
from timm.models.vision_transformer import VisionTransformer as TimmTransformer
from torch import nn

PATCH, IMAGE, LAYERS, WIDTH, HEADS, RATIO, PROJECTION = 7, 28, 2, 8, 2, 2, 4


def randomise(model):
    """Nothing stays at a neutral value (bias 0, gain 1), so that no weight can be left out unnoticed."""
    for name, parameter in model.named_parameters():
        gain = re.search(r"gamma$|lambda1$|(ln_\w+|layer_?norm\d?|layrnorm|norm\w*)\.weight$", name)
        nn.init.normal_(parameter, 1.0 if gain else 0.0, 0.3)
    return model.eval()


def dinov2(registers=0, **changes):
    """DINOv2's own code. As its hub builds them: with registers antialiased and without offset."""
    resampling = dict(interpolate_antialias=True, interpolate_offset=0.0) if registers else {}
    return randomise(DinoVisionTransformer(IMAGE, PATCH, 3, WIDTH, LAYERS, HEADS, RATIO, init_values=1.0, block_chunks=0,
                                           num_register_tokens=registers, **resampling, **changes))


def timm_tower(**changes):
    sizes = dict(embed_dim=WIDTH, depth=LAYERS, num_heads=HEADS, mlp_ratio=RATIO)
    return randomise(TimmTransformer(IMAGE, PATCH, num_classes=0, **(sizes | changes)))


def siglip():
    """timm's, with the original's activation."""
    return timm_tower(class_token=False, global_pool="map", act_layer="gelu_tanh")
