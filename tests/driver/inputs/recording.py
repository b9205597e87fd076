"""Writes PATH.npz: recordings of tiny.kiln with a wrong layer and a wrong
output, and PATH.short.npz with an input of the wrong size."""

import struct
import sys
import zipfile


def npy(shape, byte):
    head = "{'descr': '|i1', 'fortran_order': False, 'shape': %r, }" % (shape,)
    head += " " * (-(len(head) + 11) % 64) + "\n"
    count = 1
    for n in shape:
        count *= n
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head))
            + head.encode() + bytes([byte]) * count)


def write(path, arrays):
    with zipfile.ZipFile(path, "w") as z:
        for name, data in arrays:
            z.writestr(name + ".npy", data)


path = sys.argv[1]
image = npy((1, 4, 4, 2), 1)
write(path, [
    ("in_0", image), ("out_0", npy((1, 3), 7)),
    ("wrong/in0", image), ("wrong/op1_RELU_out0", npy((1, 4, 4, 3), 127)),
])
write(path.removesuffix(".npz") + ".short.npz", [
    ("in_0", npy((31,), 1)), ("out_0", npy((1, 3), 7))])
