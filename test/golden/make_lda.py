"""Makes lda.json: LDA and whitening of small rows, by scikit-learn's covariances and SciPy's eigenvectors.

python -m pip install numpy scipy scikit-learn; python test/golden/make_lda.py
"""
import json
from pathlib import Path

import numpy as np
from scipy.linalg import eigh
from sklearn.covariance import empirical_covariance, shrunk_covariance

rng = np.random.default_rng(11)
F, C = 6, 3
labels = np.repeat(np.arange(C), [7, 9, 4])
centres = rng.standard_normal((C, F)) * 2
rows = (centres[labels] + rng.standard_normal((len(labels), F)) * 2.0 ** -np.arange(F) + 10).astype(np.float32)
queries = (rng.standard_normal((5, F)) * 2 + 10).astype(np.float32)
x, q = rows.astype(np.float64), queries.astype(np.float64)
mean = x.mean(0)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T).ravel().tolist()


def lda():
    means = np.stack([x[labels == c].mean(0) for c in range(C)])
    within = sum((labels == c).mean() * empirical_covariance(x[labels == c]) for c in range(C))
    between = empirical_covariance(means[labels])
    # v' within v = 1: within-whitened axes; the first C - 1 span the classes' means, the others have no such variance
    _, axes = eigh(between, shrunk_covariance(within, shrinkage=0.5))
    weights = np.where(np.arange(F) >= F - (C - 1), 1.0, 0.5)
    return cosines((q - mean) @ (axes * weights))


def whitened():
    variances, axes = eigh(np.cov(x.T))
    return cosines((q - mean) @ (axes / np.sqrt(variances + 2 * variances.mean())))


golden = {
    "length": F,
    "rows": rows.ravel().tolist(),
    "labels": labels.tolist(),
    "queries": queries.ravel().tolist(),
    "lda": lda(),
    "whitened": whitened(),
}
(Path(__file__).parent / "lda.json").write_text(json.dumps(golden) + "\n")
