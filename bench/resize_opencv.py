"""OpenCV's side of `npm run bench resize`: the original's loop over the images of a data set, one thread."""

import json
import resource
import sys
import time
from pathlib import Path

import cv2

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


def answer(value):
    print(json.dumps(value), flush=True)


answer({"ready": True})
done = 0
for line in sys.stdin:
    if line.strip() == "end":
        answer({"peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024})
        break
    started = time.perf_counter()
    preprocess(Path(spec["work"], "theirs", str(done)))
    done += 1
    answer({"ms": 1000 * (time.perf_counter() - started)})
