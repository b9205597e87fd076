"""float_samples.py OUT SAMPLES ELEMENTS: reals from -1 to 1, float32, raw."""

import array
import sys

count = int(sys.argv[2]) * int(sys.argv[3])
with open(sys.argv[1], "wb") as f:
    array.array("f", [((37 * i + 11 * (i // 7)) % 201 - 100) / 100
                      for i in range(count)]).tofile(f)
