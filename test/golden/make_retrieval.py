"""Makes retrieval.json: PCA by scikit-learn 1.9, mAP@R by NumPy from the definition (arXiv 2003.08505, section 3.2).

python -m pip install numpy scikit-learn; python test/golden/make_retrieval.py
"""
import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

rng = np.random.default_rng(7)
scales = 2.0 ** -np.arange(6)
rows = (rng.standard_normal((40, 6)) * scales @ rng.standard_normal((6, 6)) + 100).astype(np.float32)


def pca(whiten):
    fitted = PCA(n_components=3, whiten=whiten, svd_solver="full").fit(rows.astype(np.float64))
    reduced = fitted.transform(rows.astype(np.float64))
    return {"variances": fitted.explained_variance_.tolist(), "reduced": reduced.ravel().tolist()}


def map_at_r(vectors, labels):
    scores = []
    for query in range(len(labels)):
        others = np.delete(np.arange(len(labels)), query)
        nearest = others[np.argsort(-(vectors[others] @ vectors[query]), kind="stable")]
        right = labels[nearest] == labels[query]
        expected = int(right.sum())
        if expected == 0:
            continue
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        scores.append((precision * right)[:expected].sum() / expected)
    return {"mapAtR": float(np.mean(scores)), "queries": len(scores)}


vectors = rng.standard_normal((60, 8))
labels = np.sort(rng.integers(0, 14, 60))
vectors += rng.standard_normal((14, 8))[labels]
vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
golden = {
    "rows": rows.ravel().tolist(),
    "pca": pca(False),
    "whitened": pca(True),
    "vectors": vectors.ravel().tolist(),
    "labels": labels.tolist(),
    **map_at_r(vectors.astype(np.float64), labels),
}
(Path(__file__).parent / "retrieval.json").write_text(json.dumps(golden) + "\n")
