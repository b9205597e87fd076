"""Writes OUT.onnx, a model that leaves a dimension open (x is f32[N,6]) and
reshapes by an input (shape, i64[2]), and inputs for it: OUT.x.npy, f32[2,6],
and OUT.shape.npy, 3 by 4."""

import struct
import sys


def varint(x):
    out = b""
    while x > 0x7F:
        out += bytes([x & 0x7F | 0x80])
        x >>= 7
    return out + bytes([x])


def field(number, value):
    """A field with bytes, a text or a number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def info(name, dtype, dims):
    shape = b"".join(
        field(1, field(1, d) if isinstance(d, int) else field(2, d))
        for d in dims)
    tensor = field(1, dtype) + field(2, shape)
    return field(1, name) + field(2, field(1, tensor))


def node(op, inputs, outputs):
    return (b"".join(field(1, x) for x in inputs)
            + b"".join(field(2, x) for x in outputs)
            + field(3, op.lower()) + field(4, op))


def npy(path, descr, shape, data):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\1\0" + struct.pack("<H", 118))
        f.write(head.ljust(117).encode() + b"\n" + data)


def main(out):
    graph = (field(1, node("Relu", ["x"], ["positive"]))
             + field(1, node("Reshape", ["positive", "shape"], ["y"]))
             + field(2, "open") + field(11, info("x", 1, ["N", 6]))
             + field(11, info("shape", 7, [2]))
             + field(12, info("y", 1, ["a", "b"])))
    with open(out + ".onnx", "wb") as f:
        f.write(field(1, 8) + field(7, graph) + field(8, field(2, 18)))
    npy(out + ".x.npy", "<f4", (2, 6),
        struct.pack("<12f", *range(-3, 9)))
    npy(out + ".shape.npy", "<i8", (2,), struct.pack("<2q", 3, 4))


main(sys.argv[1])
