"""PyTorch's side of `npm run bench train`: the demo's recipe with the model of vit_torch.py, fed by the DataLoader of
loader_torch.py. Dropout, neck and ArcFace on the standardised class tokens of the last blocks; AdamW in two groups.
"""

import json
import sys

import torch
from loader_torch import loader
from torch import nn
from contestant import serve
from vit_torch import CLASSES, EMBEDDING, Tower, arc_face


def prepare(spec):
    torch.manual_seed(1)
    tower = Tower(spec["imageSizePx"], spec["width"], spec["layers"], spec["heads"], dino=True)
    count = spec["width"] * spec["lastBlocks"]
    mean, scale = torch.zeros(count), torch.ones(count)
    dropout, neck = nn.Dropout(spec["dropout"]), nn.Linear(count, EMBEDDING)
    head = nn.Parameter(nn.init.xavier_uniform_(torch.empty(CLASSES, EMBEDDING)))
    groups = [
        {"params": tower.parameters(), "lr": 3e-5},
        {"params": [*neck.parameters(), head], "lr": 5e-4},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-5, fused=True)
    batches = loader(spec["folder"], spec["imageSizePx"], spec["batch"])

    def endless():
        while True:
            yield from batches

    images_of_steps = endless()

    def step():
        images = next(images_of_steps)
        labels = torch.arange(len(images))
        optimizer.zero_grad()
        features = (tower(images, spec["lastBlocks"]) - mean) * scale
        loss = arc_face(neck(dropout(features)), head, labels, spec["s"])
        loss.backward()
        optimizer.step()
        return loss.item()

    def iterate():
        for _ in range(spec["steps"]):
            step()

    return iterate


if __name__ == "__main__":
    serve(prepare(json.loads(sys.argv[1])))
