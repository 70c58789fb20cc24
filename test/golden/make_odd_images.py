"""Small images of odd kinds with hashes of the pixels that OpenCV and Pillow read, for test/images/odd_images.test.ts.

python3 -m venv .cache/peers/golden
.cache/peers/golden/bin/pip install opencv-python-headless==5.0.0.93 numpy==2.4.6 pillow==13.0.0 pillow-heif==1.8.1 imagecodecs==2026.3.6
.cache/peers/golden/bin/python test/golden/make_odd_images.py
"""

import base64
import hashlib
import io
import json
import struct
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image

OUT = Path(__file__).parent / "odd_images.json"
COLOURS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (10, 20, 30), (200, 100, 50)]
COLOURS += [(i * 3 % 256, i * 7 % 256, i * 11 % 256) for i in range(7, 256)]
pillow_heif.register_heif_opener()
draw = np.random.default_rng(1)
files = {}


def photo(width, height, seed=0):
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(float)
    waves = 60 * np.sin(x / 5 + c + seed) + 50 * np.cos(y / 7 - c) + 20 * ((x // 8 + y // 8) % 2)
    return Image.fromarray(np.clip(120 + waves, 0, 255).astype(np.uint8))


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bmp(width, height, bits, rows, compression=0, colours=None, os2=False, header=40, gap=0):
    count = 0 if bits > 8 else colours or 1 << bits
    palette = b"".join(bytes((b, g, r)) + (b"" if os2 else b"\0") for r, g, b in COLOURS[:count])
    if os2:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(rows), 0, 0, colours or 0, 0)
        head += b"\0" * (header - 40)
    start = 14 + len(head) + len(palette) + gap
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + head + palette + b"\0" * gap + rows


def packed(indices, bits):
    rows = b""
    for line in indices[::-1]:
        text = "".join(format(int(value), f"0{bits}b") for value in line)
        text += "0" * (-len(text) % 32)
        rows += int(text, 2).to_bytes(len(text) // 8, "big")
    return rows


def run_lengths(indices, bits):
    """Runs where values repeat, else plain stretches of three and more."""
    data = b""
    for line in indices[::-1]:
        x = 0
        while x < len(line):
            rest = [int(value) for value in line[x:]]
            run = next((i for i, value in enumerate(rest) if value != rest[0]), len(rest))
            if run == 1 and len(rest) >= 3:
                values = rest if bits == 8 else [a << 4 | b for a, b in zip(rest[::2], rest[1::2] + [0])]
                data += bytes([0, len(rest)]) + bytes(values) + b"\0" * (len(values) % 2)
                x = len(line)
            else:
                data += bytes([run, rest[0] if bits == 8 else rest[0] * 17])
                x += run
        data += b"\0\0"
    return data[:-2] + b"\0\1"


for width in (1, 5, 6, 7):
    for bits in (1, 4, 8):
        indices = draw.integers(0, 1 << bits, (3, width))
        files[f"bmp of {bits} bits, {width} wide"] = bmp(width, 3, bits, packed(indices, bits))
        files[f"bmp of OS/2, {bits} bits, {width} wide"] = bmp(width, 3, bits, packed(indices, bits), os2=True)
    for bits, compression in ((8, 1), (4, 2)):
        rows = run_lengths(draw.integers(0, 3, (3, width)), bits)
        files[f"bmp of run lengths, {bits} bits, {width} wide"] = bmp(width, 3, bits, rows, compression)
pixels = packed(draw.integers(0, 256, (4, 15)), 8)  # 5 pixels of 24 bits
files["bmp of OS/2, 24 bits"] = bmp(5, 4, 24, pixels, os2=True)
files["bmp of OS/2's long header"] = bmp(5, 4, 24, pixels, header=64)
files["bmp with a gap before its pixels"] = bmp(5, 4, 24, pixels, gap=10)
files["bmp of 5 colours"] = bmp(7, 3, 4, packed(draw.integers(0, 5, (3, 7)), 4), colours=5)

jpeg = saved(photo(40, 30), "JPEG", quality=90)
cmyk = saved(photo(24, 17).convert("CMYK"), "JPEG", quality=95)


def segment(marker):
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    return at


def inserted(marker, stray):
    at = segment(marker)
    return jpeg[:at] + stray + jpeg[at:]


scan = segment(0xDA)
transform = cmyk.find(b"Adobe") + 11
adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\7"
files["jpeg, stray bytes before its tables"] = inserted(0xDB, b"\1\2\3")
files["jpeg, stray zeros before its frame"] = inserted(0xC0, b"\0\0")
files["jpeg, a stuffed byte before its scan"] = inserted(0xDA, b"\xff\0\5")
files["jpeg, padded markers"] = inserted(0xC4, b"\xff\xff\xff")
files["jpeg, no scan parameters"] = jpeg[: scan + 11] + b"\0\0\0" + jpeg[scan + 14 :]
files["jpeg, progressive scan parameters"] = jpeg[: scan + 11] + b"\1\5\x11" + jpeg[scan + 14 :]
files["jpeg, JFIF 2"] = jpeg[:11] + b"\2" + jpeg[12:]
files["jpeg, transform 7"] = jpeg[:2] + adobe + jpeg[2:]
files["jpeg, zeros before its end"] = jpeg[:-2] + b"\0" * 40 + jpeg[-2:]
files["jpeg, CMYK"] = cmyk
files["jpeg, YCCK"] = cmyk[:transform] + b"\2" + cmyk[transform + 1 :]
files["jpeg, CMYK, transform 5"] = cmyk[:transform] + b"\5" + cmyk[transform + 1 :]

tiff = saved(photo(17, 11), "TIFF")


def with_entries(change):
    """The TIFF with its directory written anew, behind the pixels."""
    start = struct.unpack("<I", tiff[4:8])[0]
    count = struct.unpack("<H", tiff[start : start + 2])[0]
    entries = change([tiff[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)])
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    body = tiff + b"\0" * (len(tiff) % 2)
    return body[:4] + struct.pack("<I", len(body)) + body[8:] + directory


def with_software(value):
    entry = struct.pack("<HHI", 305, 2, 4) + value
    return with_entries(lambda entries: sorted([*entries, entry], key=lambda e: struct.unpack("<H", e[:2])))


files["tiff, tags backwards"] = with_entries(lambda entries: entries[::-1])
files["tiff, a tag twice"] = with_entries(lambda entries: entries[:1] + entries)
files["tiff, a 0 in a text"] = with_software(b"a\0b\0")
files["tiff, a text without its 0"] = with_software(b"abcd")
files["tiff, YCbCr"] = saved(photo(17, 11).convert("YCbCr"), "TIFF")
files["tiff, CMYK"] = saved(photo(17, 11).convert("CMYK"), "TIFF")

clear = photo(16, 8).convert("RGBA")
clear.putalpha(Image.fromarray(np.tile((np.arange(16) * 17).astype(np.uint8), (8, 1))))
files["png, transparent"] = saved(clear, "PNG")
files["png, a transparent palette"] = saved(clear.convert("RGB").convert("P"), "PNG", transparency=3)
files["webp, transparent"] = saved(clear, "WEBP", lossless=True, exact=True)

turned = Image.Exif()
turned[274] = 6
two = pillow_heif.from_pillow(photo(64, 48))
two.add_from_pillow(photo(40, 32, 3))
buffer = io.BytesIO()
two.save(buffer, quality=-1, chroma=444, matrix_coefficients=0, primary_index=1)
lossless = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}
files["heic"] = saved(photo(64, 48), "HEIF", **lossless)
files["heic, turned"] = saved(photo(64, 48), "HEIF", exif=turned.tobytes(), **lossless)
files["heic, the second of two pictures is its primary"] = buffer.getvalue()
files["jpeg 2000"] = saved(photo(17, 11), "JPEG2000")
files["jpeg 2000, no box"] = saved(photo(17, 11), "JPEG2000", no_jp2=True)
files["pnm, grey"] = saved(photo(17, 11).convert("L"), "PPM")
files["pnm"] = saved(photo(17, 11), "PPM")
planes = np.moveaxis(np.asarray(photo(9, 5)), 2, 0).tobytes()
files["psd"] = b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 5, 9, 8, 3) + b"\0" * 14 + planes
files["jpeg xl"] = imagecodecs.jpegxl_encode(np.asarray(photo(17, 11)), lossless=True)


def by_opencv(data):
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else image[:, :, ::-1]


def by_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def of(name, data):
    image = np.asarray(photo(17, 11)) if name == "jpeg xl" else by_opencv(data)
    if image is None:
        image = by_pillow(data)
    height, width = image.shape[:2]
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
    file = base64.b64encode(data).decode()
    return {"name": name, "width": width, "height": height, "sha256": digest, "file": file}


cases = [json.dumps(of(name, data)) for name, data in files.items()]
OUT.write_text("[\n" + ",\n".join(cases) + "\n]\n")
print(len(cases), OUT.stat().st_size)
