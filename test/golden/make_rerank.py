"""Makes rerank.json, by NumPy: python -m pip install numpy; python test/golden/make_rerank.py

k_reciprocal() follows the steps of the paper's reference code (Zhong et al. 2017) on the rows of an index and one query;
expand() is alpha query expansion (Radenovic et al. 2018).
"""
import json
from pathlib import Path

import numpy as np

K1, K2, LAMBDA, SHORTLIST = 8, 4, 0.3, 30


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def expand(rows, index, n, power, own=False):
    cosines = unit(rows) @ unit(index).T
    if own:
        np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1)[:, :n]
    weights = np.maximum(np.take_along_axis(cosines, nearest, 1), 0) ** power
    return unit(unit(rows) + (weights[:, :, None] * unit(index)[nearest]).sum(1))


def k_reciprocal(query, index):
    rows = unit(np.vstack([query[None], index]))
    distances = 2 - 2 * rows @ rows.T
    np.fill_diagonal(distances, 0)
    distances = distances / distances.max(1, keepdims=True)
    ranks = np.argsort(distances, axis=1)
    count = len(rows)
    encodings = np.zeros((count, count))

    def reciprocal(row, k):
        forward = ranks[row, : k + 1]
        return forward[[row in ranks[other, : k + 1] for other in forward]]

    for row in range(count):
        own = reciprocal(row, K1)
        expanded = list(own)
        for candidate in own:
            theirs = reciprocal(candidate, int(np.around(K1 / 2.0)))
            if len(np.intersect1d(theirs, own)) > 2.0 / 3 * len(theirs):
                expanded.extend(theirs)
        expanded = np.unique(expanded)
        weights = np.exp(-distances[row, expanded])
        encodings[row, expanded] = weights / weights.sum()
    encodings = np.array([encodings[ranks[row, :K2]].mean(0) for row in range(count)])
    shared = np.minimum(encodings[0], encodings).sum(1)
    final = (1 - LAMBDA) * (1 - shared / (2 - shared)) + LAMBDA * distances[0]
    first = ranks[0][ranks[0] != 0][:SHORTLIST]
    return (first[np.argsort(final[first], kind="stable")] - 1).tolist()


def main():
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(12, 8))
    index = (centres[np.repeat(np.arange(12), 6)] + 0.9 * rng.normal(size=(72, 8))).astype(np.float32)
    queries = (centres + 0.9 * rng.normal(size=(12, 8))).astype(np.float32)
    index64, queries64 = index.astype(np.float64), queries.astype(np.float64)
    golden = {
        "index": index.ravel().tolist(),
        "queries": queries.ravel().tolist(),
        "length": 8,
        "expanded": expand(queries64, index64, 3, 3).ravel().tolist(),
        "averaged": expand(queries64, index64, 3, 0).ravel().tolist(),
        "augmented": expand(index64, index64, 3, 3, own=True).ravel().tolist(),
        "numbers": {"k1": K1, "k2": K2, "lambda": LAMBDA, "shortlist": SHORTLIST},
        "k_reciprocal": [k_reciprocal(query, index64) for query in queries64],
    }
    Path(__file__).with_name("rerank.json").write_text(json.dumps(golden) + "\n")


main()
