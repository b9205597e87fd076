"""Pixels as float models take them.

    prepare.py OUT SOURCE H,W,C LAYOUT SCALE [FROM:TO]

SOURCE holds samples of bytes [H,W,C], raw or as gzipped idx; LAYOUT is nhwc
or nchw; SCALE is one of the rows below. OUT gets float32, raw."""

import array
import gzip
import sys

# real = (pixel * factor - mean) / deviation, by channel
SCALES = {
    "pixel": (1, [0], [1]),
    "unit": (1 / 255, [0], [1]),
    "symmetric": (1 / 127.5, [1], [1]),
    "kws": (0.58470291, [83 * 0.58470291], [1]),  # of signed bytes
    "cifar": (1 / 255, [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
}


def read(path):
    if not path.endswith(".gz"):
        with open(path, "rb") as f:
            return f.read()
    with gzip.open(path) as f:
        data = f.read()
    return data[4 + 4 * data[3]:]


def tables(scale, channels):
    """By channel, the value of every byte."""
    factor, mean, deviation = SCALES[scale]
    n = len(mean)
    signed = scale == "kws"
    return [array.array("f", [
        ((x - 256 * (signed and x > 127)) * factor - mean[c % n])
        / deviation[c % n] for x in range(256)]) for c in range(channels)]


def main(out, source, shape, layout, scale, part=":"):
    height, width, channels = map(int, shape.split(","))
    size = height * width * channels
    data = read(source)
    first, last = (int(x) if x else None for x in part.split(":"))
    real = tables(scale, channels)
    with open(out, "wb") as f:
        for at in range(0, len(data), size)[first:last]:
            sample = data[at:at + size]
            planes = [array.array("f", map(real[c].__getitem__,
                                           sample[c::channels]))
                      for c in range(channels)]
            if layout == "nhwc":
                mixed = array.array("f", bytes(4 * size))
                for c, plane in enumerate(planes):
                    mixed[c::channels] = plane
                planes = [mixed]
            for plane in planes:
                plane.tofile(f)


main(*sys.argv[1:])
