"""OpenCV's side of `npm run bench resize`: the original's loop over the images of a data set, one thread."""

import json
import sys
from itertools import count
from pathlib import Path

import cv2
from contestant import serve

SIZE, QUALITY = 224, [cv2.IMWRITE_JPEG_QUALITY, 95]
cv2.setNumThreads(1)
spec = json.loads(Path(sys.argv[1]).read_text())


def resized(image):
    height, width = image.shape[:2]
    if min(width, height) > SIZE:
        return cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    if max(width, height) > SIZE:
        return cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return image


def preprocess(folder):
    folder.mkdir(parents=True)
    for i, file in enumerate(spec["files"]):
        image = cv2.imread(f"{spec['folder']}/{file}")
        cv2.imwrite(f"{folder}/{i}.jpg", resized(image), QUALITY)


folders = count()
serve(lambda: preprocess(Path(spec["work"], "theirs", str(next(folders)))))
