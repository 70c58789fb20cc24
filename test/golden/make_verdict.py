"""Makes verdict.json: best scores of labelled queries, area under the ROC, tail and logistic curve, by NumPy and
scikit-learn.

python -m pip install numpy scikit-learn; python test/golden/make_verdict.py
"""
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(5)
centres = rng.standard_normal((12, 6))
labels = np.sort(rng.integers(0, 12, 90))
labels[-1] = 12  # alone in its class
rows = centres[np.minimum(labels, 11)] + rng.standard_normal((90, 6)) * 0.6
rows = rows.astype(np.float32)
unit = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
cosines = unit @ unit.T
np.fill_diagonal(cosines, -np.inf)
same = labels[:, None] == labels[None]
mate = np.where(same, cosines, -np.inf).max(1)
impostor = np.where(same, -np.inf, cosines).max(1)
known = mate > -np.inf
best = np.maximum(mate, impostor)[known]

threshold = 0.8
rates = {
    "falseAccept": float((impostor >= threshold).mean()),
    "trueAccept": float(((mate > impostor) & (mate >= threshold))[known].mean()),
    "wrongAccept": float(((mate <= impostor) & (impostor >= threshold))[known].mean()),
}

# peaks over threshold by probability-weighted moments: Hosking and Wallis 1987, equations 8 to 10
scores = np.sort(rng.gumbel(0.3, 0.1, 400))[::-1]
repeats = rng.integers(0, 3, 400)
drawn = np.sort(np.repeat(scores, repeats))[::-1]
count = int(0.1 * len(drawn))
while drawn[count] == drawn[count - 1]:
    count -= 1
excess = np.sort(drawn[:count] - drawn[count])
a0 = excess.mean()
a1 = (excess * (count - 1 - np.arange(count)) / (count - 1)).mean()
k, alpha = a0 / (a0 - 2 * a1) - 2, 2 * a0 * a1 / (a0 - 2 * a1)
tail = drawn[count] + alpha / k * (1 - (0.01 * len(drawn) / count) ** k)

truths = np.r_[(mate > impostor)[known], np.zeros(len(labels), bool)]
x = np.r_[best, impostor]
weights = np.r_[np.full(known.sum(), 0.5 * len(x) / known.sum()), np.full(len(labels), 0.5 * len(x) / len(labels))]
mean = np.average(x, weights=weights)
deviation = np.sqrt(np.average((x - mean) ** 2, weights=weights))
fitted = LogisticRegression(C=1.0, tol=1e-12, max_iter=10000).fit(
    ((x - mean) / deviation)[:, None], truths, sample_weight=weights
)
slope = fitted.coef_[0, 0] / deviation

golden = {
    "rows": rows.ravel().tolist(),
    "labels": labels.tolist(),
    "mate": [float(score) if score > -np.inf else None for score in mate],
    "impostor": impostor.tolist(),
    "auroc": float(roc_auc_score(np.r_[np.ones(len(best)), np.zeros(len(impostor))], x)),
    "threshold": threshold,
    "rates": rates,
    "scores": scores.tolist(),
    "repeats": repeats.tolist(),
    "tail": float(tail),
    "calibration": {"intercept": float(fitted.intercept_[0] - slope * mean), "slope": float(slope)},
}
(Path(__file__).parent / "verdict.json").write_text(json.dumps(golden) + "\n")
