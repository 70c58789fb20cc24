"""MATLAB files by scipy, and what is in them: the references of test/datasets/matlab.test.ts.

python3 -m venv .cache/scipy
.cache/scipy/bin/pip install scipy==1.17.1 numpy==2.4.6
.cache/scipy/bin/python test/golden/make_matlab.py
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

HERE = Path(__file__).parent / "matlab"

# Stanford Cars' cars_annos.mat in small: the same variables, fields and types.
FIELDS = [
    ("relative_im_path", object),
    ("bbox_x1", object),
    ("bbox_y1", object),
    ("bbox_x2", object),
    ("bbox_y2", object),
    ("class", object),
    ("test", object),
]
CARS = [
    ("car_ims/000001.jpg", 112, 7, 853, 717, 1, 0),
    ("car_ims/000002.jpg", 48, 24, 441, 202, 1, 1),
    ("car_ims/000003.jpg", 7, 4, 277, 180, 3, 0),
    ("car_ims/000004.jpg", 33, 50, 197, 150, 2, 0),
]
NAMES = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Citroën C3 \u2116 4 \U0001f697"]


def cars() -> dict:
    annotations = np.empty((1, len(CARS)), dtype=FIELDS)
    for i, (path, *numbers) in enumerate(CARS):
        x1, y1, x2, y2, label, test = numbers
        annotations[0, i] = (path, np.uint8(x1), np.uint8(y1), np.uint16(x2), np.uint16(y2), np.uint8(label), np.uint8(test))
    names = np.empty((1, len(NAMES)), dtype=object)
    names[0] = NAMES
    return {"annotations": annotations, "class_names": names}


def kinds() -> dict:
    nested = np.empty((2, 2), dtype=object)
    nested[0, 0], nested[1, 0], nested[0, 1], nested[1, 1] = "a", np.array([[1.5, 2.5]]), np.empty((0, 0)), [[7]]
    return {
        "int8": np.array([[-128, 127]], np.int8),
        "uint16": np.array([[0, 65535]], np.uint16),
        "int32": np.array([[-(2**31)], [2**31 - 1]], np.int32),
        "int64": np.array([[-(2**53) + 1, 2**53 - 1]], np.int64),
        "single": np.array([[0.5, -1.25]], np.float32),
        # Row by row 1 2 3 / 4 5 6: MATLAB keeps columns.
        "double": np.array([[1, 2, 3], [4, 5, 6]], np.float64),
        "logical": np.array([[True, False]]),
        "text": np.array(["abc", "xyz"]),
        "empty": "",
        "cell": nested,
        "inner": {"one": {"two": np.array([[3.0]])}},
        "complex": np.array([[1 + 2j]]),
        "huge": np.array([[2**60]], np.int64),
    }


for name, content in {"cars": cars(), "kinds": kinds()}.items():
    savemat(HERE / f"{name}.mat", content, do_compression=False)
    savemat(HERE / f"{name}_compressed.mat", content, do_compression=True)
