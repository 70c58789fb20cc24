"""Goldens of settings of the model, made by PyTorch in float64, for test/model/settings.test.ts.

    pip install torch==2.13.0 safetensors==0.8.0
    python test/golden/make_model.py > test/golden/model.json
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

torch.manual_seed(999)


def gem_cases():
    """GeM as in its authors' code: x.clamp(min=eps).pow(p).mean().pow(1 / p), over an image's tokens."""
    cases = []
    for power in (1.0, 3.0, 2.5):
        tokens = torch.randn(2, 5, 3, dtype=torch.float64).requires_grad_()
        direction = torch.randn(2, 3, dtype=torch.float64)
        pooled = tokens.clamp(min=1e-6).pow(power).mean(1).pow(1 / power)
        (pooled * direction).sum().backward()
        case = {"tokens": tokens.tolist(), "direction": direction.tolist(), "gradient": tokens.grad.tolist()}
        cases.append({"power": power, "pooled": pooled.tolist(), **case})
    return cases


TOWER = {key: value.double() for key, value in load_file(Path(__file__).parent / "vit.safetensors").items()}
MATRICES = ["attn.in_proj_weight", "attn.out_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"]


def clip_features(w, images):
    """open_clip's small tower "gelu" of make_vit.py, by hand: class tokens of both blocks after ln_post."""
    norm = lambda name, x: F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])
    x = F.conv2d(images.permute(0, 3, 1, 2), w["conv1.weight"], stride=7).flatten(2).transpose(1, 2)
    x = torch.cat([w["class_embedding"].expand(len(x), 1, -1), x], 1) + w["positional_embedding"]
    x = norm("ln_pre", x)
    classes = []
    for block in ("transformer.resblocks.0", "transformer.resblocks.1"):
        qkv = F.linear(norm(f"{block}.ln_1", x), w[f"{block}.attn.in_proj_weight"], w[f"{block}.attn.in_proj_bias"])
        q, k, v = (part.unflatten(-1, (2, -1)).transpose(1, 2) for part in qkv.chunk(3, -1))
        mixed = (torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v).transpose(1, 2).flatten(2)
        x = x + F.linear(mixed, w[f"{block}.attn.out_proj.weight"], w[f"{block}.attn.out_proj.bias"])
        hidden = F.linear(norm(f"{block}.ln_2", x), w[f"{block}.mlp.c_fc.weight"], w[f"{block}.mlp.c_fc.bias"])
        x = x + F.linear(F.gelu(hidden), w[f"{block}.mlp.c_proj.weight"], w[f"{block}.mlp.c_proj.bias"])
        classes.append(norm("ln_post", x)[:, 0])
    return torch.cat(classes, 1)


def lora_case():
    """Three AdamW steps of the adapters of the last block, W + alpha / r x B A; the loss is a weighted sum."""
    rank, alpha = 2, 6.0
    prefix = "gelu/weights/"
    base = {key.removeprefix(prefix): value for key, value in TOWER.items() if key.startswith(prefix)}
    images, slope = TOWER["images"], TOWER["slope"]
    assert torch.allclose(clip_features(base, images), TOWER["gelu/features"], atol=1e-5)  # open_clip's own
    adapters = {}
    for matrix in MATRICES:
        name = f"transformer.resblocks.1.{matrix}"
        outputs, inputs = base[name].shape
        a = torch.nn.init.kaiming_uniform_(torch.empty(rank, inputs, dtype=torch.float64), a=math.sqrt(5))
        adapters[f"{name}.lora_A"] = torch.nn.Parameter(a)
        adapters[f"{name}.lora_B"] = torch.nn.Parameter(torch.zeros(outputs, rank, dtype=torch.float64))
    optimizer = torch.optim.AdamW(adapters.values(), lr=1e-2, weight_decay=0.1)
    flat = lambda named: {name: value.flatten().tolist() for name, value in named.items()}
    steps = []
    for _ in range(3):
        merged = dict(base)
        for name in list(adapters)[::2]:
            matrix = name.removesuffix(".lora_A")
            b, a = adapters[f"{matrix}.lora_B"], adapters[f"{matrix}.lora_A"]
            merged[matrix] = base[matrix] + alpha / rank * b @ a
        optimizer.zero_grad()
        loss = (clip_features(merged, images) * slope).sum()
        loss.backward()
        step = {"adapters": flat(adapters), "loss": loss.item()}
        steps.append({**step, "gradients": flat({name: value.grad for name, value in adapters.items()})})
        optimizer.step()
    return {"rank": rank, "alpha": alpha, "steps": steps}


def matryoshka_case():
    """ArcFace (easy rule) on the first 2, 4 and all 8 numbers of embeddings and rows, normalised; the mean of the three."""
    s, m, prefixes = 20.0, 0.3, [2, 4]
    embeddings = torch.randn(6, 8, dtype=torch.float64).requires_grad_()
    rows = torch.randn(5, 8, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    losses = []
    for length in [*prefixes, 8]:
        cosine = F.linear(F.normalize(embeddings[:, :length]), F.normalize(rows[:, :length]))
        phi = cosine * math.cos(m) - torch.sqrt(1.0 - cosine**2) * math.sin(m)
        phi = torch.where(cosine > math.cos(math.pi - m), phi, cosine - math.sin(math.pi - m) * m)
        one_hot = F.one_hot(labels, 5).to(cosine.dtype)
        losses.append(F.cross_entropy(s * (one_hot * phi + (1 - one_hot) * cosine), labels))
    loss = sum(losses) / len(losses)
    loss.backward()
    case = {"s": s, "margin": m, "matryoshka": prefixes, "labels": labels.tolist(), "loss": loss.item()}
    case |= {"embeddings": embeddings.tolist(), "rows": rows.tolist()}
    return case | {"gradEmbeddings": embeddings.grad.tolist(), "gradRows": rows.grad.tolist()}


print(json.dumps({"gem": gem_cases(), "lora": lora_case(), "matryoshka": matryoshka_case()}))
