"""Features and gradients of three tiny Vision Transformers by PyTorch, for test/model/vit.test.ts.

python3 -m venv .cache/peers && .cache/peers/bin/pip install torch==2.13.0 numpy safetensors
.cache/peers/bin/python test/golden/make_vit.py      # writes test/golden/vit.safetensors
"""
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

WIDTH, LAYERS, HEADS, PATCH, IMAGE = 16, 2, 2, 7, 28  # the tower "tiny"


class LayerScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * self.gamma


class Block(nn.Module):
    """open_clip's ResidualAttentionBlock, with nn.MultiheadAttention as there."""

    def __init__(self, epsilon, layer_scale):
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH, eps=epsilon)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.ls_1 = LayerScale() if layer_scale else nn.Identity()
        self.ln_2 = nn.LayerNorm(WIDTH, eps=epsilon)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(WIDTH, 2 * WIDTH))
        self.mlp.add_module("gelu", nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(2 * WIDTH, WIDTH))
        self.ls_2 = LayerScale() if layer_scale else nn.Identity()

    def forward(self, x):
        h = self.ln_1(x)
        x = x + self.ls_1(self.attn(h, h, h, need_weights=False)[0])
        return x + self.ls_2(self.mlp(self.ln_2(x)))


class Transformer(nn.Module):
    def __init__(self, epsilon, layer_scale):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(epsilon, layer_scale) for _ in range(LAYERS))


class VisionTransformer(nn.Module):
    def __init__(self, epsilon, ln_pre, patch_bias, layer_scale):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=patch_bias)
        self.class_embedding = nn.Parameter(torch.empty(WIDTH))
        self.positional_embedding = nn.Parameter(torch.empty(1 + (IMAGE // PATCH) ** 2, WIDTH))
        self.ln_pre = nn.LayerNorm(WIDTH, eps=epsilon) if ln_pre else nn.Identity()
        self.transformer = Transformer(epsilon, layer_scale)
        self.ln_post = nn.LayerNorm(WIDTH, eps=epsilon)

    def forward(self, images):
        x = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], 1) + self.positional_embedding
        x = self.ln_pre(x)
        class_tokens = []
        for block in self.transformer.resblocks:
            x = block(x)
            class_tokens.append(self.ln_post(x[:, 0]))
        return torch.cat(class_tokens, 1)


torch.manual_seed(1)
kinds = {
    "clip": VisionTransformer(1e-5, ln_pre=True, patch_bias=False, layer_scale=False),
    "dinov2": VisionTransformer(1e-6, ln_pre=False, patch_bias=True, layer_scale=True),
}
images = torch.randn(2, 3, IMAGE, IMAGE)
slope = torch.randn(2, LAYERS * WIDTH)
tensors = {"images": images.permute(0, 2, 3, 1).contiguous(), "slope": slope}
def record(kind, model):
    model.zero_grad()
    features = model(images)
    (features * slope).sum().backward()
    tensors[f"{kind}/features"] = features.detach()
    for name, parameter in model.named_parameters():
        tensors[f"{kind}/gradients/{name}"] = parameter.grad.clone()


for kind, model in kinds.items():
    # Nothing stays at a neutral value (bias 0, gain 1), so that no weight can be left out unnoticed.
    for name, parameter in model.named_parameters():
        near = 1.0 if name.endswith("gamma") or ("ln_" in name and name.endswith("weight")) else 0.0
        nn.init.normal_(parameter, near, 0.3)
    for name, parameter in model.named_parameters():
        tensors[f"{kind}/weights/{name}"] = parameter.detach()
    record(kind, model)


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


# The "clip" tower once more, with its weights and the activation of OpenAI's CLIP.
for block in kinds["clip"].transformer.resblocks:
    block.mlp.gelu = QuickGELU()
record("quick_gelu", kinds["clip"])
save_file(tensors, Path(__file__).parent / "vit.safetensors", {"torch": torch.__version__})
