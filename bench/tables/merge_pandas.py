"""pandas' side of `npm run bench merge`: the same five files by vectorised pandas, no loop over rows or classes.

Folds are drawn over distinct images, like ours by default. Random numbers are NumPy's, so the draws differ from ours.
"""

import json
import os
import sys

import numpy as np
import pandas as pd
from contestant import serve

MOST, LEAST, FOLDS, SEED, FOLD = 100, 20, 20, 999, 1


def read(data_dir, datasets):
    tables = []
    for name, folder in datasets:
        table = pd.read_csv(f"{data_dir}/final_data_224/{folder}_final_224.csv")
        tables.append(table.assign(dataset=name))
    return pd.concat(tables, ignore_index=True)


def merged(rows):
    """Returns new labels by first appearance, and the original classes."""
    keys = rows["dataset"].map({name: i for i, name in enumerate(rows["dataset"].unique())})
    codes, _ = pd.factorize(keys.to_numpy(np.int64) * (1 << 32) + rows["labels"].to_numpy(np.int64))
    table = pd.DataFrame(
        {"new_image_files": rows["image_files"], "new_labels": codes, "dataset": rows["dataset"]}
    )
    if table["new_image_files"].duplicated().any():
        raise ValueError("an image is in two rows")
    first = np.unique(codes, return_index=True)[1]
    classes = rows.iloc[first][["dataset", "labels"]].reset_index(names="new_labels")
    return table, classes.assign(new_labels=np.arange(len(classes)), class_name=classes["labels"])


def places(labels, random):
    """Returns the position of every row in a random order within its class, and the size of its class."""
    order = np.lexsort((random.random(len(labels)), labels))
    sizes = np.bincount(labels)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels)) - starts[labels[order]]
    return place, sizes[labels], order


def merge(data_dir, datasets, out):
    random = np.random.default_rng(SEED)
    table, classes = merged(read(data_dir, datasets))
    table.to_csv(f"{out}/final_data_224.csv", index=False)

    place, _, _ = places(table["new_labels"].to_numpy(), random)
    sampled = table[place < MOST].sort_values(["new_labels", "new_image_files"], ignore_index=True)
    sampled.to_csv(f"{out}/final_data_224_sample.csv", index=False)

    labels = sampled["new_labels"].to_numpy()
    _, _, order = places(labels, random)
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % FOLDS

    place, sizes, _ = places(labels, random)
    copies = np.where(sizes >= LEAST, 1, LEAST // sizes + (place < LEAST % sizes))
    folded = sampled.assign(fold=fold).loc[np.repeat(np.arange(len(labels)), copies)]
    columns = ["new_image_files", "new_labels", "dataset"]
    folded.to_csv(f"{out}/final_data_224_sample_balance.csv", index=False, columns=columns)
    folded.to_csv(f"{out}/final_data_224_sample_balance_fold.csv", index=False)
    classes.to_csv(f"{out}/final_data_224_classes.csv", index=False)


def open_for_training(csv):
    """Returns paths and labels of the training rows, and of the distinct validation images."""
    table = pd.read_csv(csv, usecols=["new_image_files", "new_labels", "fold"])
    train = table[table["fold"] != FOLD]
    validation = table[table["fold"] == FOLD].drop_duplicates("new_image_files")
    return train["new_image_files"], train["new_labels"], validation["new_image_files"], validation["new_labels"]


spec = json.loads(sys.argv[1])
os.makedirs(spec["out"], exist_ok=True)
if spec["work"] == "merge":
    serve(lambda: merge(spec["dataDir"], spec["datasets"], spec["out"]))
else:
    serve(lambda: open_for_training(spec["csv"]))
