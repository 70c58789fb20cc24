"""OpenCV's resize and JPEG on made-up images: the references of test/images/resize.test.ts and of
test/datasets/crop_large.test.ts.

python3 -m venv .cache/peers
.cache/peers/bin/pip install opencv-python-headless==4.12.0.88 numpy==2.2.6
.cache/peers/bin/python test/golden/make_resize.py
"""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
METHODS = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR}

# source width, height -> target width, height
CASES = [
    ("area", 37, 29, 10, 10),
    ("area", 20, 20, 10, 10),  # halving: ties are rounded up
    ("area", 30, 30, 10, 10),
    ("area", 40, 40, 10, 10),  # ties are rounded to even
    ("area", 20, 33, 10, 10),
    ("area", 11, 97, 10, 10),
    ("linear", 37, 9, 10, 10),
    ("linear", 7, 50, 10, 10),
    ("linear", 5, 4, 10, 10),
    ("linear", 1, 7, 4, 5),
    ("linear", 2, 1, 17, 3),
    ("linear", 23, 19, 10, 19),
    ("linear", 16, 12, 8, 6),
    ("linear", 300, 200, 224, 224),
    ("linear", 224, 224, 112, 112),
    ("linear", 224, 224, 336, 336),
    ("linear", 223, 517, 98, 98),
    ("linear", 1, 1, 224, 224),
]


def noise(width, height):
    """Pixels that jump: made by the same whole numbers in the test."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251).astype(np.uint8)


def smooth(width, height):
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 255 // (width - 1), y * 255 // (height - 1)
    blue = ((x - 100) ** 2 + (y - 90) ** 2) // 200 % 256
    return np.stack([red, green, blue], -1).astype(np.uint8)


cases = []
for method, width, height, target_width, target_height in CASES:
    result = cv2.resize(noise(width, height), (target_width, target_height), interpolation=METHODS[method])
    target = {"width": target_width, "height": target_height}
    small = result.size <= 400
    pixels = {"pixels": result.ravel().tolist()} if small else {"sha256": hashlib.sha256(result.tobytes()).hexdigest()}
    cases.append({"method": method, "width": width, "height": height, "target": target, **pixels})
(HERE / "resize.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")

squashed = cv2.resize(smooth(300, 260), (224, 224), interpolation=cv2.INTER_AREA)
cv2.imwrite(str(HERE / "resize_smooth_300x260.jpg"), squashed[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])

# Food Recognition 2022: the central square of a large photo, reduced, written and read again
photo = smooth(901, 650)
crop = cv2.resize(photo[:, 125:775], (640, 640), interpolation=cv2.INTER_AREA)
_, jpeg = cv2.imencode(".jpg", crop[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
read = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[:, :, ::-1]
(HERE / "crop.json").write_text(json.dumps({"sha256": hashlib.sha256(read.tobytes()).hexdigest()}) + "\n")
