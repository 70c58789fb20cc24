"""scikit-learn's StratifiedKFold: how many rows of each class each fold gets. Reference of test/tables/folds.test.ts.

python3 -m venv .cache/peers
.cache/peers/bin/pip install scikit-learn==1.9.1 numpy==2.2.6
.cache/peers/bin/python test/golden/make_folds.py
"""

import json
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

SIZES = [3, 7, 20, 25, 41, 100, 5, 19, 1, 60, 33, 3, 3]  # rows of class 0, 1, ...
FOLDS = 20

labels = np.repeat(np.arange(len(SIZES)), SIZES)
counts = np.zeros((len(SIZES), FOLDS), dtype=int)
splits = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=999).split(labels, labels)
for fold, (_, validation) in enumerate(splits):
    counts[:, fold] = np.bincount(labels[validation], minlength=len(SIZES))
golden = {"sizes": SIZES, "folds": FOLDS, "counts": counts.tolist()}
(Path(__file__).parent / "folds.json").write_text(json.dumps(golden) + "\n")
