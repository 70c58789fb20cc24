"""The first draws of every named random stream, from the seed alone: SHA-256 and xoroshiro128+ (rotations 24, 16, 37).

python3 test/golden/make_draws.py > test/golden/draws.json   (standard library only)
"""
import hashlib
import json

MASK = (1 << 64) - 1
SEED = 999

# A line for each stream that lib names: its purpose, with the further words it is drawn for
PURPOSES = [
    ["weights"],
    ["neck and head"],
    ["epoch order", 1],
    ["epoch order by data set", 1],
    ["order of tars", 1],
    ["shuffle buffer", 1, 0],
    ["augment", 1, 0],
    ["dropout", 1, 0],
    ["patches", 1, 0],
    ["adapters", "transformer.resblocks.0.attn.in_proj_weight.lora_A"],
    ["classes", 1, 0],
    ["choice classes"],
    ["choice queries", 0],
    ["bootstrap over classes"],
    ["blocks that levels are fitted to"],
    ["bootstrap over seeds"],
    ["folds over classes"],
    ["random directions of the neck"],
    ["random projection", 384, 64],
    ["umap"],
    ["atlas"],
    ["order of photos"],
    ["two groups", 0, 1],
    ["sample of images"],
    ["held-out classes of images"],
    ["demo picture", "1f34e", "noto"],
    ["demo picture", "1f34e", "noto", 1],
    ["demo tail"],
    ["demo held out", "fruit"],
    ["demo subset", "fruit"],
]


def rotate(x, k):
    return ((x << k) | (x >> (64 - k))) & MASK


def draws(purpose, count):
    text = json.dumps([SEED, *purpose], separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).digest()
    word = lambda offset: int.from_bytes(digest[offset : offset + 4], "little")
    s0, s1 = word(0) << 32 | word(4), word(8) << 32 | word(12)
    for _ in range(count):
        low = (s0 + s1) & 0xFFFFFFFF
        s1 ^= s0
        s0, s1 = rotate(s0, 24) ^ s1 ^ ((s1 << 16) & MASK), rotate(s1, 37)
        # as a signed number from the lowest one up
        yield ((low ^ 0x80000000) & 0xFFFFFFFF) / 2**32


rows = [{"purpose": purpose, "uniforms": list(draws(purpose, 4))} for purpose in PURPOSES]
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
