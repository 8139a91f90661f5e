"""Pictures: large ones, which are scaled down within 400 MB or refused without being decoded, and damaged ones."""

import pathlib
import struct
import zlib

# What a picture of 50 megapixels may take.
MOST_MB_OF_LARGE = 400

RGBA, RGB, GRAY = 6, 2, 0


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, color, pixel):
    """Returns a PNG of 8 bits a channel whose pixels are all the same."""
    row = b"\0" + pixel * width
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def send(child, picture, **limits):
    path = pathlib.Path(child.home, "a.png")
    path.write_bytes(picture)
    return child.run(["--demo", "send", "-n", "-a", str(path), "hello"], **limits)


def fixed(child):
    for color, pixel in [(RGBA, b"\x80\x80\x80\xff"), (RGB, b"\x80\x80\x80"), (GRAY, b"\x80")]:
        child.trying = f"a PNG of 50 megapixels, color type {color}"
        _, _, errors = send(child, png(8330, 6000, color, pixel), most_mb=MOST_MB_OF_LARGE, codes=[0])
        if "was scaled down from 8,330 × 6,000 pixels" not in errors:
            child.fail(["send"], "it was not scaled down", errors)
    child.trying = "a PNG of more than 50 megapixels"
    _, _, errors = send(child, png(8340, 6000, GRAY, b"\x80"), codes=[13])
    if "over the limit of 50 megapixels" not in errors:
        child.fail(["send"], "no word of the limit", errors)
    child.trying = ""


def at_random(child, chance):
    picture = bytearray(png(8001, chance.randrange(1, 9), chance.choice([RGB, GRAY]), b"\x80\x80\x80"))
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(8, len(picture))
        picture[place : place + chance.choice([0, 1, 4])] = chance.randbytes(chance.choice([0, 1, 4]))
    send(child, bytes(picture), most_mb=MOST_MB_OF_LARGE)
