"""glow.py KILN CASE OUT.npz: what is recorded of the operator test CASE.tflite
(CASE.inp0, CASE.out0, ...) as an archive for `kiln verify --golden`. A file
is one byte and then raw elements; types and shapes are the model's."""

import re
import struct
import subprocess
import sys
import zipfile

KINDS = {"f32": "<f4", "i32": "<i4", "i64": "<i8", "bool": "|b1"}


def npy(kind, shape, data):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (
        kind, "".join(n + "," for n in shape))
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) +
            head.encode() + data)


def main(kiln, case, out):
    text = subprocess.run([kiln, "inspect", case + ".tflite"], check=True,
                          capture_output=True, text=True).stdout
    with zipfile.ZipFile(out, "w") as z:
        for word, name in (("input", "in"), ("output", "out")):
            found = re.findall(r"^%s .*: (\w+)\[([\d,]*)\]" % word, text, re.M)
            for i, (kind, shape) in enumerate(found):
                with open("%s.%s%d" % (case, name[:3].replace("in", "inp"), i),
                          "rb") as f:
                    data = f.read()[1:]
                z.writestr("%s_%d.npy" % (name, i),
                           npy(KINDS[kind], shape.split(","), data))


main(*sys.argv[1:])
