"""PyTorch's side of `npm run bench ladder`: a stage of the ladder in PyTorch's own layers, from the same CSV files and
backbone weights, with the same settings and number of steps. Pixels come from OpenCV, augmentation from albumentations.
Shapes: B batch, N images, F features.
"""

import csv
import json
import math
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from contestant import WITH_WORKERS, serve
from loader_torch import Images, augmentation, plain
from safetensors.torch import load_file
from torch import nn
from vit_torch import Tower, arc_face

EMBED_BATCH = 64


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class Model(nn.Module):
    """Tower, standardisation, dropout, neck; `rows` are the head's."""

    def __init__(self, spec, classes):
        super().__init__()
        shape = spec["tower"]
        self.last_blocks = spec["lastBlocks"]
        self.tower = Tower(spec["imageSize"], shape["width"], shape["layers"], shape["heads"], dino=True)
        count = shape["width"] * self.last_blocks
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("scale", torch.ones(count))
        self.dropout, self.neck = nn.Dropout(spec["dropout"]), nn.Linear(count, spec["embeddingDim"])
        self.rows = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, spec["embeddingDim"])))

    def load_tower(self, path):
        """Reads open_clip's names into the layers of vit_torch.py."""
        stored = load_file(path)
        names = {"positional_embedding": "positions", "attn.in_proj_": "qkv.", "attn.out_proj": "out_proj"}
        names |= {"ls_1.gamma": "gamma_1", "ls_2.gamma": "gamma_2", "mlp.": "", "transformer.resblocks": "blocks"}
        weights = {}
        for name, value in stored.items():
            for theirs, ours in names.items():
                name = name.replace(theirs, ours)
            weights[name] = value
        self.tower.load_state_dict(weights)

    def features(self, images):
        return self.tower(images, self.last_blocks)

    def embed(self, features):
        return self.neck(self.dropout((features - self.mean) * self.scale))


class Labelled(Images):
    def __init__(self, paths, labels, chain):
        super().__init__(paths, chain)
        self.labels = labels

    def __getitem__(self, index):
        return super().__getitem__(index), self.labels[index]


@torch.inference_mode()
def features_of(model, paths, spec, name):
    """Features of images as they are, [N, F]; those of the untrained tower are kept for the other seeds."""
    kept = Path(spec["out"]).parent / f"features_{name}.pt"
    if spec["stage"] == "frozen" and kept.exists():
        return torch.load(kept)
    images = Images(paths, plain(spec["imageSize"], spec["tower"]["mean"], spec["tower"]["std"]))
    batches = torch.utils.data.DataLoader(images, batch_size=EMBED_BATCH, num_workers=2)
    features = torch.cat([model.features(batch) for batch in batches])
    if spec["stage"] == "frozen":
        torch.save(features, kept)
    return features


@torch.inference_mode()
def score(model, spec):
    """mP@5 and R@1 of each query, None without an expected image; no query finds itself."""
    model.eval()
    folder = Path(spec["dataDir"])
    names = ("queries", "index")
    sets = [read_csv(folder / "retrieval" / f"{name}.csv") for name in names]
    files = [[row["image_files"] for row in rows] for rows in sets]
    asked, held = ([int(row["labels"]) for row in rows] for rows in sets)
    queries, index = (
        F.normalize(model.embed(features_of(model, [str(folder / file) for file in some], spec, name)))
        for some, name in zip(files, names, strict=True)
    )
    scores = {"mp5": [], "r1": []}
    for row, cosines in enumerate(queries @ index.T):
        others = [i for i, file in enumerate(files[1]) if file != files[0][row]]
        expected = sum(held[i] == asked[row] for i in others)
        found = sorted(others, key=lambda i: -cosines[i].item())[:5]
        right = [held[i] == asked[row] for i in found]
        depth = min(expected, 5)
        scores["mp5"].append(sum(right[:depth]) / depth if depth else None)
        scores["r1"].append(float(right[0]) if depth else None)
    return scores


def rate_of(spec, step, total):
    """The schedule `cosine`; steps count from 1."""
    warm_up = math.ceil(0.1 * total)
    if step <= warm_up:
        return spec["initLr"] * step / warm_up
    share = (step - warm_up) / (total - warm_up + 1)
    return spec["finalLr"] + 0.5 * (spec["initLr"] - spec["finalLr"]) * (1 + math.cos(math.pi * share))


def train(spec):
    torch.manual_seed(spec["seed"])
    folder = Path(spec["dataDir"])
    table = read_csv(folder / spec["csv"])
    classes = 1 + max(int(row["new_labels"]) for row in table)
    table = [row for row in table if int(row["fold"]) != spec["fold"]]
    paths = [str(folder / row["new_image_files"]) for row in table]
    labels = torch.tensor([int(row["new_labels"]) for row in table])
    Path(spec["out"]).parent.mkdir(parents=True, exist_ok=True)
    model = Model(spec, classes).eval()
    model.load_tower(spec["towerFile"])
    steps_of = {"frozen": frozen_steps, "fine_tune": fine_tune_steps}[spec["stage"]]
    seconds = steps_of(model, paths, labels, spec)
    if spec["stage"] == "frozen":
        kept = {name: value for name, value in model.state_dict().items() if not name.startswith("tower.")}
        torch.save(kept, spec["out"])
    return {"seconds": seconds, **score(model, spec)}


def frozen_steps(model, paths, labels, spec):
    """Trains neck and head on features in memory. Returns the seconds of its steps."""
    distinct = sorted(set(paths))
    features = features_of(model, distinct, spec, "train").clone()
    places = {path: place for place, path in enumerate(distinct)}
    rows = torch.tensor([places[path] for path in paths])
    model.mean.copy_(features.mean(0))
    model.scale.copy_((features.var(0, unbiased=False) + 1e-6).rsqrt())
    groups = [{"params": [*model.neck.parameters(), model.rows], "factor": 1}]

    def batches():
        while True:
            order = torch.randperm(len(rows))
            for start in range(0, len(rows) - spec["batchSize"] + 1, spec["batchSize"]):
                some = order[start : start + spec["batchSize"]]
                yield features[rows[some]], labels[some]

    return optimise(model, groups, batches(), spec)


def fine_tune_steps(model, paths, labels, spec):
    """Trains all parts on augmented images. Returns the seconds of its steps."""
    model.load_state_dict(torch.load(spec["start"]), strict=False)
    chain = augmentation(spec["imageSize"], spec["tower"]["mean"], spec["tower"]["std"])
    options = {"shuffle": True, "drop_last": True, "num_workers": 2}
    images = Labelled(paths, labels, chain)
    loaded = iter(torch.utils.data.DataLoader(images, batch_size=spec["batchSize"], **options))
    groups = [
        {"params": [*model.neck.parameters(), model.rows], "factor": 1},
        {"params": [*model.tower.parameters()], "factor": spec["backboneLrFactor"]},
    ]
    return optimise(model, groups, ((model.features(batch), some) for batch, some in loaded), spec)


def optimise(model, groups, batches, spec):
    model.train()
    optimizer = torch.optim.AdamW(groups, weight_decay=spec["weightDecay"], fused=True)
    started_at = time.perf_counter()
    for step in range(1, spec["steps"] + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(spec, step, spec["steps"]) * group["factor"]
        features, some = next(batches)
        optimizer.zero_grad()
        loss = arc_face(model.embed(features), model.rows, some, spec["s"], spec["margin"])
        loss.backward()
        optimizer.step()
        loss.item()
    return time.perf_counter() - started_at


if __name__ == "__main__":
    torch.set_num_threads(2)
    more = {}
    serve(lambda: more.update(train(json.loads(sys.argv[1]))), lambda: more, WITH_WORKERS)
