"""Measures the rules of whitening and LDA on your photos: the tables of docs/how_to/whitening.md, by NumPy alone.

npx guie embed PHOTOS --out FEATURES --dtype float32
.venv/bin/python bench/whitening.py FEATURES [--half 1] [--classes TABLE.csv] [--only own]

A photo's class is its label in FEATURES/rows.csv, or the column class_name of TABLE.csv (image_files,class_name), else its
folder. Half 0 of the classes chose the rules, half 1 reports them. The mean of three draws of classes and photos; queries
take no part in a fit.
"""
import argparse
import csv
import json
from pathlib import Path

import numpy as np

FLOOR, OTHER_WEIGHT = 2, 0.6  # lib/retrieval/whitening.ts, lda.ts
SEEDS, QUERIES, UNSEEN_PHOTOS = 3, 10, 20


def read_features(folder):
    parts = []
    for path in sorted(Path(folder).glob("features_*.safetensors")):
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        info = json.loads(data[8 : 8 + length])["features"]
        begin, end = (8 + length + at for at in info["data_offsets"])
        dtype = {"F32": "<f4", "F16": "<f2"}[info["dtype"]]
        parts.append(np.frombuffer(data[begin:end], dtype).reshape(info["shape"]).astype(np.float64))
    return np.concatenate(parts)


def read_classes(folder, table):
    rows = list(csv.DictReader(open(Path(folder) / "rows.csv", encoding="utf8")))
    if table:
        names = {row["image_files"]: row["class_name"] for row in csv.DictReader(open(table, encoding="utf8"))}
        return np.array([names[row["image_files"]] for row in rows])
    return np.array([row.get("labels") or str(Path(row["image_files"]).parent) for row in rows])


def directions(rows):
    """Returns the directions in which centred rows vary, [F, R], and the sums of squares along them, [R]."""
    if len(rows) >= rows.shape[1]:
        squares, axes = np.linalg.eigh(rows.T @ rows)
    else:
        squares, left = np.linalg.eigh(rows @ rows.T)
        axes = rows.T @ left / np.sqrt(np.maximum(squares, 1e-30))
    kept = squares > squares[-1] * 1e-10
    return axes[:, kept][:, ::-1], squares[kept][::-1]


def scaled(rows, axes, variances, floor):
    """Returns rows with each direction divided by its deviation; directions without variance have the floor's."""
    along = rows @ axes
    return (along / np.sqrt(variances + floor)) @ axes.T + (rows - along @ axes.T) / np.sqrt(floor)


def whitening(train):
    mean, (count, length) = train.mean(0), train.shape
    axes, squares = directions(train - mean)
    variances = squares / (count - 1)
    floor = FLOOR * variances.sum() / min(length, count - 1)
    return {
        "rule": lambda rows: scaled(rows - mean, axes, variances, floor),
        **{
            str(d): lambda rows, d=d: (rows - mean) @ (axes[:, :d] / np.sqrt(variances[:d]))
            for d in (32, 64, 128, 256)
            if d <= len(variances)
        },
    }


def lda(train, labels):
    mean, (count, length) = train.mean(0), train.shape
    classes, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([train[numbers == c].mean(0) for c in range(len(classes))])
    axes, squares = directions(train - means[numbers])
    variances = squares / count
    within = lambda rows: scaled(rows, axes, variances, variances.sum() / length)
    between, _ = directions(within((means - mean) * np.sqrt(sizes)[:, None]))

    def reduce(rows):
        rows = within(rows - mean)
        along = rows @ between @ between.T
        return along + OTHER_WEIGHT * (rows - along)

    return reduce


def mp5(queries, query_labels, index, index_labels, alone=False):
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit(queries) @ unit(index).T
    if alone:
        np.fill_diagonal(cosines, -2)
    right = index_labels[np.argsort(-cosines, axis=1, kind="stable")[:, :5]] == query_labels[:, None]
    expected = (index_labels == query_labels[:, None]).sum(1) - alone
    return np.mean([row[: min(5, n)].mean() for row, n in zip(right, expected) if n > 0])


def table(title, columns, rows):
    print(f"\n{title}\n\n| classes x photos | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for size, scores in rows:
        cells = [f"{np.mean(scores[name]):.3f}" if name in scores else "" for name in columns]
        print(f"| {size} | {' | '.join(cells)} |", flush=True)


def draw(photos, classes, most, per_class, random):
    """Draws classes with at least `per_class` + 1 photos, and `per_class` photos of each; returns also the others."""
    enough = [c for c in random.permutation(classes) if len(photos[c]) > per_class][:most]
    shuffled = [random.permutation(photos[c]) for c in enough]
    if len(enough) < most:
        return None
    return np.concatenate([rows[:per_class] for rows in shuffled]), np.concatenate(
        [rows[per_class : per_class + QUERIES] for rows in shuffled]
    )


def own_index(rows, labels, photos, classes, sizes):
    for most, per_class in sizes:
        scores = {}
        for seed in range(SEEDS):
            drawn = draw(photos, classes, most, per_class, np.random.default_rng([seed, most, per_class]))
            if not drawn:
                break
            index, queries = drawn
            for name, reduce in {"raw": lambda rows: rows, **whitening(rows[index])}.items():
                score = mp5(reduce(rows[queries]), labels[queries], reduce(rows[index]), labels[index])
                scores.setdefault(name, []).append(score)
        if scores:
            yield f"{most} x {per_class}", scores


def unseen_classes(rows, labels, photos, classes, sizes):
    for most, per_class in sizes:
        scores = {}
        for seed in range(SEEDS):
            random = np.random.default_rng([seed, most, per_class])
            mixed = random.permutation(classes)
            unseen, seen = np.split(mixed, [len(mixed) // 3])
            drawn = draw(photos, seen, most, per_class, random)
            if not drawn:
                break
            train = drawn[0]
            test = np.concatenate([random.permutation(photos[c])[:UNSEEN_PHOTOS] for c in unseen])
            maps = {
                "raw": lambda rows: rows,
                "whitened": whitening(rows[train])["rule"],
                "LDA": lda(rows[train], labels[train]),
            }
            for name, reduce in maps.items():
                reduced = reduce(rows[test])
                score = mp5(reduced, labels[test], reduced, labels[test], alone=True)
                scores.setdefault(name, []).append(score)
        if scores:
            yield f"{most} x {per_class}", scores


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features")
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--classes", help="table with image_files,class_name")
    parser.add_argument("--only", choices=("own", "unseen"), help="make one of the two tables")
    given = parser.parse_args()
    rows, names = read_features(given.features), read_classes(given.features, given.classes)
    _, labels = np.unique(names, return_inverse=True)
    photos = {c: np.flatnonzero(labels == c) for c in np.unique(labels)}
    every = np.random.default_rng(0).permutation(np.unique(labels))
    half = len(every) // 2
    classes = every if given.half is None else [every[:half], every[half:]][given.half]
    if given.only != "unseen":
        sizes = [(c, n) for c in (5, 10, 20, 40, 160) for n in (3, 5, 10, 20)]
        columns = ["raw", "32", "64", "128", "256", "rule"]
        found = own_index(rows, labels, photos, classes, sizes)
        table("Index whitened by itself, mP@5; 32 to 256: plain whitening to that length", columns, found)
    if given.only != "own":
        sizes = [(5, 5), (5, 10), (10, 5), (10, 10), (20, 5), (20, 15), (27, 15), (100, 5), (250, 5)]
        found = unseen_classes(rows, labels, photos, classes, sizes)
        table("Fitted to some classes, searched among others, mP@5", ["raw", "whitened", "LDA"], found)


main()
