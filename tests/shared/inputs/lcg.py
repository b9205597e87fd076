"""lcg.py make SHAPE OUT.npy: the input of the recorded hashes (bytes
s >> 24 of s = s * 1664525 + 1013904223 from 12345).
lcg.py hash IN.npy: FNV-1a (32 bit) over the data of an array of bytes."""

import ast
import math
import struct
import sys


def make(shape, path):
    s, data = 12345, bytearray()
    for _ in range(math.prod(shape)):
        s = (s * 1664525 + 1013904223) & 0xFFFFFFFF
        data.append(s >> 24)
    head = "{'descr': '|i1', 'fortran_order': False, 'shape': %r, }" % (shape,)
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)))
        f.write(head.encode() + data)


def fnv(path):
    with open(path, "rb") as f:
        raw = f.read()
    h = 2166136261
    for byte in raw[10 + struct.unpack_from("<H", raw, 8)[0]:]:
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


if sys.argv[1] == "make":
    make(ast.literal_eval(sys.argv[2]), sys.argv[3])
else:
    print(fnv(sys.argv[2]))
