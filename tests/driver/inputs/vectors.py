"""Writes PATH.i8, four samples of two_outputs.kiln; PATH.csv, their classes;
PATH.want, what its output 'real' is but for the last element, as f32."""

import struct
import sys

SAMPLES = [1, 2, 3, 6, 5, 4, 0, 1, 9, 7, 8, 0]
real = [0.5 * x for x in SAMPLES]
real[-1] = 3


def write(suffix, data):
    with open(sys.argv[1] + suffix, "wb") as f:
        f.write(data)


write(".i8", struct.pack("<12b", *SAMPLES))
write(".csv", b"2\n0\n2\n0\n")
write(".want", struct.pack("<12f", *real))
