"""albumentations' and OpenCV's pixels for fixed augmentations: the references of test/images/augment.test.ts.

python3 -m venv .cache/peers
.cache/peers/bin/pip install opencv-python-headless==4.12.0.88 albumentations==2.0.8 numpy==2.2.6
.cache/peers/bin/python test/golden/make_augment.py
"""

import json
from functools import reduce
from math import ceil
from pathlib import Path

import albumentations as A
import cv2
import numpy as np
from albumentations.augmentations.pixel.functional import adjust_hue_torchvision, adjust_saturation_torchvision

HERE = Path(__file__).parent
WIDTH, HEIGHT = 40, 30

y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
PICTURES = {
    "smooth": np.where(c == 0, 6 * x, np.where(c == 1, 8 * y, x * y // 5)).astype(np.uint8),
    "noise": ((x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251).astype(np.uint8),
}

FLIP = {"kind": "flip"}
TONE = {"kind": "tone", "contrast": 1.0731, "brightness": 0.0417}
DARKER = {"kind": "tone", "contrast": 0.93, "brightness": -0.06}
STILL = {"kind": "warp", "scale": 1, "rotationDegrees": 0, "shiftX": 0, "shiftY": 0}
MOVE = {**STILL, "scale": 1.13, "rotationDegrees": 7.3}
SMALLER = {**STILL, "scale": 0.83, "rotationDegrees": -9.1}
SHIFT = {**SMALLER, "shiftX": 0.1, "shiftY": -0.2}
CUTOUT = {"kind": "cutout", "left": 0.25, "top": 0.5, "width": 0.15, "height": 0.2}
PALER = {"kind": "colour", "saturation": 0.61, "hue": 0}
RICHER = {"kind": "colour", "saturation": 1.37, "hue": 0}
REDDER = {"kind": "colour", "saturation": 1, "hue": -0.083}
GREENER = {"kind": "colour", "saturation": 1, "hue": 0.31}
GREY = {"kind": "grey"}
BLUR = {"kind": "blur", "sigma": 0.8}
SOFTER = {"kind": "blur", "sigma": 2.3}
PLANS = [
    *([step] for step in (FLIP, TONE, DARKER, CUTOUT, MOVE, SMALLER)),
    [FLIP, TONE, SMALLER, CUTOUT],
    *([step] for step in (SHIFT, PALER, RICHER, REDDER, GREENER, GREY, BLUR, SOFTER)),
    [TONE, FLIP, GREENER, BLUR],
]


def once(low):
    return (low, low)


def augmented(image, step):
    """A row of the recipe with one value in place of each range."""
    kind = step["kind"]
    if kind == "flip":
        row = A.HorizontalFlip(p=1)
    elif kind == "tone":
        limits = {"brightness_limit": once(step["brightness"]), "contrast_limit": once(step["contrast"] - 1)}
        row = A.RandomBrightnessContrast(**limits, p=1)
    elif kind == "warp":
        limits = {"scale_limit": once(step["scale"] - 1), "rotate_limit": once(step["rotationDegrees"])}
        border = {"border_mode": cv2.BORDER_CONSTANT, "interpolation": cv2.INTER_LINEAR}
        shifts = {"shift_limit_x": once(step["shiftX"]), "shift_limit_y": once(step["shiftY"])}
        row = A.ShiftScaleRotate(**shifts, **limits, **border, p=1)
    elif kind == "grey":
        row = A.ToGray(p=1)
    elif kind == "blur":
        size = 2 * ceil(3 * step["sigma"]) + 1
        return cv2.GaussianBlur(image, (size, size), step["sigma"], borderType=cv2.BORDER_REFLECT_101)
    elif kind == "colour":
        saturated = adjust_saturation_torchvision(image, step["saturation"])
        return adjust_hue_torchvision(saturated, step["hue"]) if step["hue"] else saturated
    elif kind == "cutout":  # by its definition: CoarseDropout draws the place itself
        left, top = round(step["left"] * WIDTH), round(step["top"] * HEIGHT)
        right, bottom = left + round(step["width"] * WIDTH), top + round(step["height"] * HEIGHT)
        result = image.copy()
        result[top:bottom, left:right] = 0
        return result
    return A.Compose([row])(image=image)["image"]


cases = [
    {"picture": name, "steps": steps, "pixels": reduce(augmented, steps, picture).ravel().tolist()}
    for name, picture in PICTURES.items()
    for steps in PLANS
]
(HERE / "augment.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
