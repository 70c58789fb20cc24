"""PyTorch's side of `npm run bench vit`: the same tower, neck and loss in PyTorch's own layers; eager, compiled
(`compile`), or with its matrix products in bfloat16 (`autocast`).

Like ours, the last block continues with only the class token after its attention. AdamW is PyTorch's fused one.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F
from contestant import serve
from torch import nn

CLASSES, EMBEDDING, SCALE, MARGIN = 1000, 64, 30.0, 0.3


class Block(nn.Module):
    def __init__(self, width, heads, layer_scale, eps):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.qkv, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        gamma = (lambda: nn.Parameter(1e-5 * torch.ones(width))) if layer_scale else (lambda: None)
        self.gamma_1, self.gamma_2 = gamma(), gamma()

    def forward(self, x, class_only):
        B, N, D = x.shape
        q, k, v = self.qkv(self.ln_1(x)).view(B, N, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, D)
        if class_only:
            mixed, x = mixed[:, 0], x[:, 0]
        x = x + self.scaled(self.out_proj(mixed), self.gamma_1)
        return x + self.scaled(self.c_proj(F.gelu(self.c_fc(self.ln_2(x)))), self.gamma_2)

    @staticmethod
    def scaled(x, gamma):
        return x if gamma is None else x * gamma


class Tower(nn.Module):
    def __init__(self, imageSizePx, width, layers, heads, dino):
        super().__init__()
        tokens = 1 + (imageSizePx // 14) ** 2
        eps = 1e-6 if dino else 1e-5
        self.conv1 = nn.Conv2d(3, width, 14, 14, bias=dino)
        self.class_embedding = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.positions = nn.Parameter(torch.randn(tokens, width) / math.sqrt(width))
        self.ln_pre = nn.Identity() if dino else nn.LayerNorm(width, eps=eps)
        self.blocks = nn.ModuleList(Block(width, heads, dino, eps) for _ in range(layers))
        self.ln_post = nn.LayerNorm(width, eps=eps)

    def forward(self, images, last_blocks=1):
        x = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], 1) + self.positions
        x = self.ln_pre(x)
        features = []
        for i, block in enumerate(self.blocks):
            x = block(x, class_only=i == len(self.blocks) - 1)
            if i >= len(self.blocks) - last_blocks:
                features.append(self.ln_post(x if x.dim() == 2 else x[:, 0]))
        return torch.cat(features, 1) if last_blocks > 1 else features[0]


def arc_face(embeddings, rows, labels, scale=SCALE, margin=MARGIN):
    cosines = F.linear(F.normalize(embeddings), F.normalize(rows))
    truth = cosines.gather(1, labels[:, None])
    shifted = truth * math.cos(margin) - torch.sqrt((1 - truth**2).clamp(1e-12, 1)) * math.sin(margin)
    easy = truth - margin * math.sin(margin)
    shifted = torch.where(truth > -math.cos(margin), shifted, easy)
    return F.cross_entropy(scale * cosines.scatter(1, labels[:, None], shifted), labels)


def prepare(spec):
    torch.manual_seed(1)
    size, width, batch = spec["imageSizePx"], spec["width"], spec["batch"]
    tower = Tower(size, width, spec["layers"], spec["heads"], spec["base"].startswith("dinov2"))
    forward = torch.compile(tower) if spec.get("compile") else tower
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=spec.get("autocast", False))
    images = torch.randn(batch, 3, size, size)
    if spec["work"] == "forward":

        @torch.inference_mode()
        def features():
            with autocast:
                return forward(images)

        return features
    neck, labels = nn.Linear(width, EMBEDDING), torch.arange(batch)
    head = nn.Parameter(nn.init.xavier_uniform_(torch.empty(CLASSES, EMBEDDING)))
    weights = [*tower.parameters(), *neck.parameters(), head]
    optimizer = torch.optim.AdamW(weights, lr=1e-5, weight_decay=1e-5, fused=True)

    def step():
        optimizer.zero_grad()
        with autocast:
            features = forward(images)
        loss = arc_face(neck(features.float()), head, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


if __name__ == "__main__":
    serve(prepare(json.loads(sys.argv[1])))
