"""Writes PATH.npy and PATH.f32.npy (one sample of tiny.kiln), PATH.i8, .u8
and .f32 (20 samples in three forms) and PATH.csv (number, class)."""

import random
import struct
import sys


def npy(descr, shape, data):
    head = "{'descr': %r, 'fortran_order': False, 'shape': %r, }" % (
        descr, shape)
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head))
            + head.encode() + data)


def write(suffix, data):
    with open(sys.argv[1] + suffix, "wb") as f:
        f.write(data)


SHAPE = (1, 4, 4, 2)
rng = random.Random(1)
q = [rng.randint(-128, 127) for _ in range(20 * 32)]
write(".i8", struct.pack("<640b", *q))
write(".u8", bytes(x + 128 for x in q))
write(".f32", struct.pack("<640f", *(0.5 * (x - 3) for x in q)))
write(".npy", npy("|i1", SHAPE, struct.pack("<32b", *q[:32])))
write(".f32.npy", npy("<f4", SHAPE, bytes(128)))
write(".csv", "".join(f"{i},{i % 3}\n" for i in range(20)).encode())
