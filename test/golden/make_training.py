"""Goldens of the loss and the optimizer, made by PyTorch (float64 where nothing else is said).

    pip install torch==2.13.0 pytorch-metric-learning==2.9.0
    python test/golden/make_training.py > test/golden/training.json

The loss is the published one (ArcFace with easy rule), written with PyTorch's own operations; inputs are kept
away from cosine 1 and -1, where the published code has no finite gradient. `edges` is the same loss with its one
mend, a clamp under the root, at these very cosines.
"""

import json
import math

import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses, miners

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


def other_loss_cases():
    """CosFace, and ArcFace on three rows a class of which the nearest counts, with a margin for each image."""
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    cases = []
    for name, K in [("CosFace", 1), ("ArcFace", 3)]:
        embeddings = torch.randn(6, 8, dtype=torch.float64).requires_grad_()
        rows = torch.randn(5 * K, 8, dtype=torch.float64).requires_grad_()
        margins = torch.linspace(0.1, 0.6, 6, dtype=torch.float64)[:, None]
        cosine = F.linear(F.normalize(embeddings), F.normalize(rows)).view(6, 5, K).max(2).values
        if name == "CosFace":
            moved = cosine - margins
        else:
            moved = cosine * torch.cos(margins) - torch.sqrt(1.0 - cosine**2) * torch.sin(margins)
            easy = cosine - torch.sin(math.pi - margins) * margins
            moved = torch.where(cosine > torch.cos(math.pi - margins), moved, easy)
        one_hot = F.one_hot(labels, 5).to(cosine.dtype)
        loss = F.cross_entropy(30.0 * (one_hot * moved + (1 - one_hot) * cosine), labels)
        loss.backward()
        cases.append(
            {
                **{"loss": name, "K": K, "s": 30.0, "margins": margins.flatten().tolist()},
                **{"embeddings": embeddings.tolist(), "rows": rows.tolist(), "labels": labels.tolist()},
                "value": loss.item(),
                "gradEmbeddings": embeddings.grad.tolist(),
                "gradRows": rows.grad.tolist(),
            }
        )
    return cases


def neck_cases():
    """The original's necks as PyTorch's own layers, without dropout; two training batches, then inference."""
    cases = []
    for name, hidden in [("simple", None), ("norm_single_linear", None), ("norm_double_linear", 2 * 4)]:
        norm = torch.nn.BatchNorm1d(10) if name != "simple" else torch.nn.Identity()
        first = torch.nn.Linear(10, hidden) if hidden else torch.nn.Identity()
        last = torch.nn.Linear(hidden or 10, 4)
        weights = {"neck.weight": last.weight, "neck.bias": last.bias}
        if name != "simple":
            torch.nn.init.normal_(norm.weight)
            torch.nn.init.normal_(norm.bias)
            weights |= {"neck.norm.weight": norm.weight, "neck.norm.bias": norm.bias}
        if hidden:
            weights |= {"neck.hidden.weight": first.weight, "neck.hidden.bias": first.bias}
        layers = torch.nn.Sequential(norm, first, last)
        batches = [torch.randn(6, 10) * 2 + 1, torch.randn(6, 10)]
        direction = torch.randn(6, 4)
        outputs = [layers(batch) for batch in batches]
        gradients = torch.autograd.grad((outputs[1] * direction).sum(), list(weights.values()))
        case = {
            "neck": name,
            "weights": {key: value.tolist() for key, value in weights.items()},
            "batches": [batch.tolist() for batch in batches],
            "direction": direction.tolist(),
            "outputs": [output.tolist() for output in outputs],
            "gradients": {key: value.tolist() for key, value in zip(weights, gradients)},
            "inference": layers.eval()(batches[0]).tolist(),
        }
        if name != "simple":
            case["running"] = {
                "neck.norm.running_mean": norm.running_mean.tolist(),
                "neck.norm.running_var": norm.running_var.tolist(),
            }
        cases.append(case)
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


def edge_cases():
    """Embeddings along axes, so that cosines are 1 and -1 exactly; the published sqrt without clamp gives NaN here."""
    cases = []
    for s, m in [(30.0, 0.3), (20.0, 0.8), (1.0, 0.3)]:
        embeddings = torch.tensor([[2.0, 0, 0], [0, -3.0, 0], [0, 0, 0.5], [0.6, 0.8, 0]], dtype=torch.float64)
        rows = torch.tensor([[4.0, 0, 0], [0, 0.25, 0], [0, 0, 1.0]], dtype=torch.float64)
        labels = torch.tensor([0, 1, 2, 0])
        embeddings.requires_grad_()
        rows.requires_grad_()
        cosine = F.linear(F.normalize(embeddings), F.normalize(rows))
        cosine.retain_grad()
        sine = torch.sqrt((1.0 - cosine**2).clamp(1e-12, 1.0))
        phi = cosine * math.cos(m) - sine * math.sin(m)
        phi = torch.where(cosine > math.cos(math.pi - m), phi, cosine - math.sin(math.pi - m) * m)
        one_hot = F.one_hot(labels, 3).to(cosine.dtype)
        loss = F.cross_entropy(s * (one_hot * phi + (1 - one_hot) * cosine), labels)
        loss.backward()
        plain = torch.tensor([1.0, -1.0], dtype=torch.float64, requires_grad=True)
        torch.sqrt(1.0 - plain**2).sum().backward()
        cases.append(
            {
                **{"s": s, "m": m, "embeddings": embeddings.tolist(), "rows": rows.tolist()},
                **{"labels": labels.tolist(), "cosines": cosine.tolist(), "loss": loss.item()},
                "gradCosines": cosine.grad.tolist(),
                "gradEmbeddings": embeddings.grad.tolist(),
                "gradRows": rows.grad.tolist(),
                "withoutClamp": [str(value) for value in plain.grad.tolist()],
            }
        )
    return cases


def averages_case():
    """EMA and SWA of five states of a batch norm and a linear layer, running values included."""
    swa_utils = torch.optim.swa_utils
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    averages = {
        "ema": swa_utils.AveragedModel(
            model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
        ),
        "swa": swa_utils.AveragedModel(model, use_buffers=True),
    }
    keys = {
        **{"neck.norm.weight": "0.weight", "neck.norm.bias": "0.bias"},
        **{"neck.norm.running_mean": "0.running_mean", "neck.norm.running_var": "0.running_var"},
        **{"neck.weight": "1.weight", "neck.bias": "1.bias"},
    }
    states, expected = [], []
    for _ in range(5):
        with torch.no_grad():
            for key in keys.values():
                model.state_dict()[key].normal_()
        states.append({name: model.state_dict()[key].tolist() for name, key in keys.items()})
        values = {}
        for kind, average in averages.items():
            average.update_parameters(model)
            values[kind] = {name: average.module.state_dict()[key].tolist() for name, key in keys.items()}
        expected.append(values)
    return {"decay": 0.9, "states": states, "expected": expected}


def beta_case():
    """AdamW with CLIP's betas, its gradients clipped together with those of a second weight."""
    weights = [torch.nn.Parameter(torch.randn(5)), torch.nn.Parameter(torch.randn(2, 2))]
    start = [weight.flatten().tolist() for weight in weights]
    optimizer = torch.optim.AdamW(weights, lr=1e-2, weight_decay=0.1, betas=(0.9, 0.98))
    gradients, norms, values = [], [], []
    for size in (3, 0.1, 1):  # the second is shorter than the limit
        for weight in weights:
            weight.grad = torch.randn_like(weight) * size
        gradients.append([weight.grad.flatten().tolist() for weight in weights])
        norms.append(torch.nn.utils.clip_grad_norm_(weights, 1.0).item())
        optimizer.step()
        values.append([weight.flatten().tolist() for weight in weights])
    case = {"lr": 1e-2, "weightDecay": 0.1, "beta1": 0.9, "beta2": 0.98, "clipNorm": 1.0, "start": start}
    return {**case, "gradients": gradients, "norms": norms, "values": values}


def pair_cases():
    """pytorch-metric-learning's own pair losses. Image 8 is alone in its class, where labels are `alone`."""
    pairs, alone = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3], [0, 0, 0, 1, 1, 1, 2, 2, 3, 1]
    names = {"pairTemperature": 0.1, "pairAlpha": 2.0, "pairBeta": 50.0, "pairBase": 0.5, "pairEpsilon": 0.1}
    cases = []
    for name, labels, changes in [
        ("SupCon", pairs, {}),
        ("SupCon", alone, {"pairTemperature": 0.5}),
        ("MultiSimilarity", pairs, {}),
        ("MultiSimilarity", alone, {"pairAlpha": 3.0, "pairBeta": 20.0, "pairBase": 0.3, "pairEpsilon": 0.4}),
        ("MultiSimilarity", pairs, {"pairEpsilon": 2.0}),
    ]:
        config = {**names, **changes}
        embeddings = (torch.randn(10, 6, dtype=torch.float64) + 0.5).requires_grad_()
        truth = torch.tensor(labels)
        mined = None
        if name == "SupCon":
            loss = losses.SupConLoss(temperature=config["pairTemperature"])
        else:
            loss = losses.MultiSimilarityLoss(config["pairAlpha"], config["pairBeta"], config["pairBase"])
            if config["pairEpsilon"] < 2:
                mined = miners.MultiSimilarityMiner(config["pairEpsilon"])(embeddings, truth)
        value = loss(embeddings, truth, mined)
        value.backward()
        cases.append(
            {
                **{"pairLoss": name, **config, "labels": labels, "embeddings": embeddings.tolist()},
                **{"value": value.item(), "gradient": embeddings.grad.tolist()},
                "mined": [len(mined[0]), len(mined[2])] if mined else None,
            }
        )
    return cases


goldens = {"arcFace": loss_cases(), "adamW": adamw_case()}
goldens = {**goldens, "otherLosses": other_loss_cases(), "necks": neck_cases()}
goldens = {**goldens, "edges": edge_cases(), "averages": averages_case()}
goldens = {**goldens, "betas": beta_case()}
print(json.dumps({**goldens, "pairs": pair_cases()}))
