"""Goldens of the loss and the optimizer, made by PyTorch (float64 where nothing else is said).

    pip install torch==2.13.0
    python test/golden/make_training.py > test/golden/training.json

The loss is the published one (ArcFace with easy rule), written with PyTorch's own operations; inputs are kept
away from cosine 1 and -1, where the published code has no finite gradient.
"""

import json
import math

import torch
import torch.nn.functional as F

torch.manual_seed(999)


def arc_face(embeddings, rows, labels, s, m):
    cosine = F.linear(F.normalize(embeddings), F.normalize(rows))
    sine = torch.sqrt(1.0 - cosine**2)
    phi = cosine * math.cos(m) - sine * math.sin(m)
    phi = torch.where(cosine > math.cos(math.pi - m), phi, cosine - math.sin(math.pi - m) * m)
    one_hot = F.one_hot(labels, rows.shape[0]).to(cosine.dtype)
    return F.cross_entropy(s * (one_hot * phi + (1 - one_hot) * cosine), labels)


def loss_cases():
    cases = []
    for s, m in [(30.0, 0.3), (20.0, 0.8)]:
        embeddings = torch.randn(6, 8, dtype=torch.float64).requires_grad_()
        rows = torch.randn(5, 8, dtype=torch.float64).requires_grad_()
        labels = torch.tensor([0, 1, 2, 3, 4, 0])
        # row 5 looks away from its class: the easy rule beyond pi - m
        with torch.no_grad():
            embeddings[5] = -rows[0] + 0.05 * torch.randn(8, dtype=torch.float64)
        loss = arc_face(embeddings, rows, labels, s, m)
        loss.backward()
        cases.append(
            {
                "s": s,
                "m": m,
                "embeddings": embeddings.tolist(),
                "rows": rows.tolist(),
                "labels": labels.tolist(),
                "loss": loss.item(),
                "gradEmbeddings": embeddings.grad.tolist(),
                "gradRows": rows.grad.tolist(),
            }
        )
    return cases


def adamw_case():
    weight = torch.nn.Parameter(torch.randn(7))
    start = weight.tolist()
    optimizer = torch.optim.AdamW([weight], lr=1e-2, weight_decay=0.1)
    gradients, values = [], []
    for _ in range(3):
        weight.grad = torch.randn(7)
        gradients.append(weight.grad.tolist())
        optimizer.step()
        values.append(weight.tolist())
    return {"lr": 1e-2, "weightDecay": 0.1, "start": start, "gradients": gradients, "values": values}


print(json.dumps({"arcFace": loss_cases(), "adamW": adamw_case()}))
