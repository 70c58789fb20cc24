"""faiss's side of `npm run bench knn`: IndexFlatIP, as many threads as cores."""

import json
import sys
from pathlib import Path

import faiss
import numpy as np
from contestant import serve

spec = json.loads(sys.argv[1])
folder, length, k = Path(spec["folder"]), spec["length"], spec["k"]


def read(name):
    return np.fromfile(folder / name, dtype=np.float32).reshape(-1, length)


queries = read("queries.f32")
index = faiss.IndexFlatIP(length)
for shard in spec["shards"]:
    index.add(read(shard))
found = []


def search():
    found[:] = index.search(queries, k)


def write_found():
    scores, positions = found
    scores.astype(np.float32).tofile(folder / f"found_faiss_{k}.f32")
    positions.astype(np.int32).tofile(folder / f"found_faiss_{k}.i32")
    return {}


serve(search, write_found)
