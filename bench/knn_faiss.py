"""faiss's side of `npm run bench knn`: IndexFlatIP, as many threads as cores."""

import json
import resource
import sys
import time
from pathlib import Path

import faiss
import numpy as np

spec = json.loads(sys.argv[1])
folder, length, k = Path(spec["folder"]), spec["length"], spec["k"]


def read(name):
    return np.fromfile(folder / name, dtype=np.float32).reshape(-1, length)


def answer(value):
    print(json.dumps(value), flush=True)


queries = read("queries.f32")
index = faiss.IndexFlatIP(length)
for shard in spec["shards"]:
    index.add(read(shard))
answer({"ready": True})
for line in sys.stdin:
    if line.strip() == "end":
        scores.astype(np.float32).tofile(folder / f"found_faiss_{k}.f32")
        positions.astype(np.int32).tofile(folder / f"found_faiss_{k}.i32")
        answer({"peakMB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)})
        break
    started_at = time.perf_counter()
    scores, positions = index.search(queries, k)
    answer({"ms": (time.perf_counter() - started_at) * 1000})
