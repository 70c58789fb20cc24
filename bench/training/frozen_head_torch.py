"""PyTorch's side of `npm run bench frozen_head`: the same loop, features in memory."""

import json
import struct
import sys
from pathlib import Path

import torch
from contestant import serve
from torch import nn
from torch.nn import functional as F

spec = json.loads(sys.argv[1])
K, S, MARGIN = 3, 30.0, 0.5
torch.manual_seed(1)
torch.set_num_threads(2)


def read_features(folder):
    parts = []
    for path in sorted(Path(folder).glob("features_*.safetensors")):
        data = path.read_bytes()
        start = 8 + struct.unpack("<Q", data[:8])[0]
        parts.append(torch.frombuffer(bytearray(data[start:]), dtype=torch.float16))
    return torch.cat(parts).view(-1, spec["length"]).float()


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.neck = nn.Linear(spec["length"], 64)
        self.dropout = nn.Dropout(0.2)
        self.weight = nn.Parameter(torch.empty(spec["classes"] * K, 64))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, labels):
        units = F.normalize(self.neck(self.dropout(x)))
        cosines = F.linear(units, F.normalize(self.weight)).view(len(x), -1, K).amax(2)
        cos, sin = torch.cos(torch.tensor(MARGIN)), torch.sin(torch.tensor(MARGIN))
        rows = torch.arange(len(x))
        truth = cosines[rows, labels]
        shifted = truth * cos - torch.sqrt((1 - truth**2).clamp(1e-12, 1)) * sin
        shifted = torch.where(truth > -cos, shifted, truth - MARGIN * sin)
        logits = cosines.index_put((rows, labels), shifted)
        return F.cross_entropy(S * logits, labels)


features = read_features(spec["folder"])
labels = torch.arange(spec["rows"]) % spec["classes"]
head = Head()
optimizer = torch.optim.AdamW(head.parameters(), lr=2e-2, weight_decay=1e-4, fused=True)
order = torch.randperm(spec["rows"])
done = 0


def steps():
    global order, done
    for _ in range(spec["steps"]):
        if done + spec["batch"] > len(order):
            order, done = torch.randperm(spec["rows"]), 0
        rows = order[done : done + spec["batch"]]
        done += spec["batch"]
        loss = head(features[rows], labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()


serve(steps)
