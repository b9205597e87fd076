"""Ten samples of f32[1,1,2,2]: calibrate.py OUT"""

import array
import sys

samples = [[0, 1, 1.5, -1], [-2, 3, 0, 0]]
samples += [[i / 8, 1 - i / 16, -i / 32, 2] for i in range(1, 9)]
with open(sys.argv[1], "wb") as f:
    for sample in samples:
        f.write(array.array("f", sample).tobytes())
