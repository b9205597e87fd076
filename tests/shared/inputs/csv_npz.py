"""Recorded 16-bit values of one operator as a file for `verify --golden`.

    csv_npz.py OUT.npz OUTPUT.csv INPUT.csv ..."""

import array
import sys
import zipfile


def npy(path):
    """The file's numbers as one sample of i16, in numpy's format."""
    with open(path, encoding="ascii") as f:
        values = array.array("h", map(int, f.read().replace("\n", ",")
                                      .strip(",").split(",")))
    header = ("{'descr': '<i2', 'fortran_order': False, 'shape': (1, %d), }"
              % len(values))
    header = header.ljust(117) + "\n"
    return (b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
            + header.encode("ascii") + values.tobytes())


def main(out, output, *inputs):
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("out_0.npy", npy(output))
        for i, path in enumerate(inputs):
            z.writestr("in_%d.npy" % i, npy(path))


main(*sys.argv[1:])
