"""Perceptual hashes by scipy and imagehash's rule: python perceptual_hash.py > perceptual_hash.json

pip install numpy scipy. The grey pictures are given by formulas, so that the test can make them.
"""

import json

import numpy as np
from scipy.fft import dct

y, x = np.mgrid[0:32, 0:32].astype(np.int64)
PICTURES = {
    "waves": (128 + 100 * np.sin(x / 5) * np.cos(y / 3)).astype(np.int64),
    "squares": (x * x * 3 + y * 7 + x * y) % 256,
    "noise": (x * 7919 + y * 104729 + x * y * 31 + 17) * 2654435761 // 65536 % 256,
    "ramp": x * 8,
    "black": x * 0,
}


def phash(grey):
    low = dct(dct(grey.astype(float), axis=0), axis=1)[:8, :8].reshape(-1)
    return "".join("1" if bit else "0" for bit in low - np.median(low) > 1e-6)


print(json.dumps({name: f"{int(phash(grey), 2):016x}" for name, grey in PICTURES.items()}, indent=2))
