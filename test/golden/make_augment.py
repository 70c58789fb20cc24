"""albumentations' and OpenCV's pixels for fixed augmentations: the references of test/images/augment.test.ts.

python3 -m venv .cache/peers
.cache/peers/bin/pip install opencv-python-headless==4.12.0.88 albumentations==2.0.8 numpy==2.2.6
.cache/peers/bin/python test/golden/make_augment.py
"""

import json
from pathlib import Path

import albumentations as A
import cv2
import numpy as np

HERE = Path(__file__).parent
WIDTH, HEIGHT = 40, 30

y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
PICTURES = {
    "smooth": np.where(c == 0, 6 * x, np.where(c == 1, 8 * y, x * y // 5)).astype(np.uint8),
    "noise": ((x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251).astype(np.uint8),
}

TONE = {"contrast": 1.0731, "brightness": 0.0417}
DARKER = {"contrast": 0.93, "brightness": -0.06}
MOVE = {"scale": 1.13, "rotationDegrees": 7.3}
SMALLER = {"scale": 0.83, "rotationDegrees": -9.1}
CUTOUT = {"cutout": {"left": 0.25, "top": 0.5, "width": 0.15, "height": 0.2}}
PLANS = [{"flip": True}, TONE, DARKER, CUTOUT, MOVE, SMALLER, {"flip": True, **TONE, **SMALLER, **CUTOUT}]


def once(low):
    return (low, low)


def augmented(image, plan):
    """The recipe's chain with one value in place of each range."""
    chain = []
    if plan.get("flip"):
        chain.append(A.HorizontalFlip(p=1))
    if "contrast" in plan:
        limits = {"brightness_limit": once(plan["brightness"]), "contrast_limit": once(plan["contrast"] - 1)}
        chain.append(A.RandomBrightnessContrast(**limits, p=1))
    if "scale" in plan:
        limits = {"scale_limit": once(plan["scale"] - 1), "rotate_limit": once(plan["rotationDegrees"])}
        border = {"border_mode": cv2.BORDER_CONSTANT, "interpolation": cv2.INTER_LINEAR}
        chain.append(A.ShiftScaleRotate(shift_limit=once(0), **limits, **border, p=1))
    result = A.Compose(chain)(image=image)["image"].copy()
    if hole := plan.get("cutout"):  # by its definition: CoarseDropout draws the place itself
        left, top = round(hole["left"] * WIDTH), round(hole["top"] * HEIGHT)
        right, bottom = left + round(hole["width"] * WIDTH), top + round(hole["height"] * HEIGHT)
        result[top:bottom, left:right] = 0
    return result


cases = [
    {"picture": name, "plan": plan, "pixels": augmented(picture, plan).ravel().tolist()}
    for name, picture in PICTURES.items()
    for plan in PLANS
]
(HERE / "augment.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
