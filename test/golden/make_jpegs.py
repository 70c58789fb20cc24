"""OpenCV's way from an image file to resized pixels, for the formats that it reads: sources in test/golden/images with
the pixels before the last JPEG as PNG, for test/images/jpeg_maker.test.ts. The target is 64 px instead of 224.

python3 -m venv .cache/peers/golden
.cache/peers/golden/bin/pip install opencv-python-headless==4.12.0.88 numpy==2.2.6
.cache/peers/golden/bin/python test/golden/make_jpegs.py
"""

from pathlib import Path

import cv2
import numpy as np

FOLDER = Path(__file__).parent / "images"
SIZE = 64
JPEG, SAMPLING = cv2.IMWRITE_JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR
CHROMA_420, CHROMA_444 = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
PROGRESSIVE = [JPEG, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, 1, SAMPLING, CHROMA_444]

# file, width, height, options of imwrite
CASES = [
    ("area.jpg", 150, 97, [JPEG, 92, SAMPLING, CHROMA_420]),
    ("halved.jpg", 128, 128, [JPEG, 92, SAMPLING, CHROMA_420]),
    ("large.jpg", 401, 523, [JPEG, 85, SAMPLING, CHROMA_420]),
    ("progressive.jpg", 111, 90, PROGRESSIVE),
    ("grey.jpg", 100, 90, [JPEG, 92]),
    ("turned.jpg", 150, 97, [JPEG, 92, SAMPLING, CHROMA_420]),
    ("linear.jpg", 200, 40, [JPEG, 92, SAMPLING, CHROMA_420]),
    ("kept.jpg", 60, 50, [JPEG, 92, SAMPLING, CHROMA_420]),
    ("area.png", 100, 90, []),
    ("deep.png", 100, 90, []),
    ("linear.png", 40, 200, []),
    ("area.webp", 100, 90, [cv2.IMWRITE_WEBP_QUALITY, 90]),
    ("area.tiff", 100, 90, []),
    ("area.bmp", 100, 90, []),
]


def photo(width, height):
    """Like a photo: slow changes, edges, a little noise."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(float)
    waves = 60 * np.sin(x / 9 + c) + 50 * np.cos(y / 13 - c) + 30 * ((x // 16 + y // 24) % 2)
    noise = np.random.default_rng(1).normal(0, 6, waves.shape)
    return np.clip(115 + waves + noise, 0, 255).astype(np.uint8)


def resized(image):
    """The original's rule."""
    height, width = image.shape[:2]
    if min(width, height) > SIZE:
        return cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    if max(width, height) > SIZE:
        return cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return image


def turn(path):
    """Puts EXIF orientation 6 (a quarter turn clockwise) behind the start of image."""
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    bytes_ = path.read_bytes()
    path.write_bytes(bytes_[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + bytes_[2:])


FOLDER.mkdir(exist_ok=True)
for name, width, height, options in CASES:
    image, path = photo(width, height), FOLDER / name
    if name.startswith("grey"):
        image = image[:, :, 1]
    if name.startswith("deep"):
        image = image.astype(np.uint16) * 256 + 77
    cv2.imwrite(str(path), image, options)
    if name.startswith("turned"):
        turn(path)
    cv2.imwrite(f"{path}.opencv.png", resized(cv2.imread(str(path))), [cv2.IMWRITE_PNG_COMPRESSION, 9])
