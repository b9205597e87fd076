#!/usr/bin/env python3
"""Holds what `kiln convert` writes as ONNX to ONNX Runtime, without graph
optimizations: floats against the recorded outputs of ../shared; then quantized
tensors, one by one, against Kiln's object: of what `kiln quantize` makes of the
networks of compress.py, and of files that others quantized. ONNX Runtime adds
up floats, so that in the latter ties may fall differently there, and what they
fall to goes on into the layers behind. Exits with 1 when floats are off, or
more than 1 in 100 000 elements of a tensor, a step of more than one, or more
than 1 in 1 000 of the classes of a network that Kiln quantized.

usage: export.py [IMAGES [NETWORK | --OPTION ...]]   100 images; of the networks
those named, quantized with the options, and nothing else where any is named.
Needs numpy, onnx and onnxruntime, else it is skipped (exit status 77).
"""

import ctypes
import glob
import os
import re
import subprocess
import sys

from compress import CIFAR_MEAN, CIFAR, NETWORKS, VWW, made
from networks import KILN, OUT, SHARED, compile_model, log, number, table

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

FOLDER = os.path.join(OUT, "export")
WITHIN = 1e-5  # of the largest output
FLOATS = ["mlperf-tiny-onnx/*.onnx", "mnist/*.onnx", "pruned/*.onnx",
          "mlperf-tiny/pretrainedResnet.tflite",
          "mlperf-tiny/vww_96_float.tflite", "mlperf-tiny/ad01_fp32.tflite",
          "imagenet/*_float.tflite", "transformer/kwt1.tflite",
          "vision-other/ultraface_rfb_320.onnx"]
GIVEN = {os.path.basename(m): (m, data, how) for m, data, how in [
    ("frameworks/ort_resnet_qdq_s8s8_perchannel.onnx", CIFAR, CIFAR_MEAN),
    ("frameworks/ort_resnet_qdq_u8s8_perchannel.onnx", CIFAR, CIFAR_MEAN),
    ("frameworks/ort_resnet_unstructured80_qdq.onnx", CIFAR, CIFAR_MEAN),
    ("onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx", CIFAR, CIFAR_MEAN),
    ("onnx-quantised/vww_96_qdq_s8s8_perchannel.onnx", VWW,
     "scale=1/255 layout=nchw")]}


def convert(model, path):
    subprocess.run([KILN, "convert", model, "-o", path], check=True,
                   stderr=subprocess.DEVNULL)
    if path.endswith(".onnx"):
        onnx.checker.check_model(path, full_check=True)


def session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return onnxruntime.InferenceSession(path, options,
                                        providers=["CPUExecutionProvider"])


# --- floats ----------------------------------------------------------------

def recorded(model):
    folder, name = os.path.split(model)
    return np.load(os.path.join(folder, "golden", name + ".npz"))


def difference(model):
    """The largest difference from the recording, in largest outputs."""
    path = os.path.join(FOLDER, "float.onnx")
    convert(model, path)
    net, golden = session(path), recorded(model)
    inputs = [golden[k] for k in golden.files if k.startswith("in")]
    wanted = [golden[k] for k in golden.files if k.startswith("out")]
    got = net.run(None, {source.name: x.reshape(source.shape)
                         for source, x in zip(net.get_inputs(), inputs)})
    return max(np.abs(g.ravel() - w.ravel()).max() / np.abs(w).max()
               for g, w in zip(got, wanted))


def hold_floats():
    rows, ok = [], True
    for pattern in FLOATS:
        for model in sorted(glob.glob(f"{SHARED}/models/{pattern}")):
            log(model)
            far = difference(model)
            ok &= bool(far <= WITHIN)
            rows.append([os.path.basename(model), f"{far:.1e}"])
    table(["float model", "largest difference"], rows)
    return ok


# --- quantized tensors -----------------------------------------------------

def with_all_outputs(model):
    """The model as text that returns every quantized tensor, too."""
    path = os.path.join(FOLDER, "all.kiln")
    convert(model, path)
    with open(path, encoding="utf-8") as f:
        lines = f.read().rstrip().split("\n")
    tensors = [m[1] for line in lines if (m := re.match(
        r'(%(?:"[^"]*"|\S+)) : [iu](?:8|16)\[[\d,]*\] q\(', line))]
    given = lines[-1].removeprefix("output ").split(", ")
    lines[-1] = "output " + ", ".join(
        given + [t for t in tensors if t not in given])
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return path


def aligned(shape, dtype, align=64):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(size + align, np.uint8)
    start = -room.ctypes.data % align
    return room[start:start + size].view(dtype).reshape(shape)


class Object:
    """A compiled model of one input, with buffers for it."""

    def __init__(self, model, name, net):
        base, report = compile_model(model, name)
        subprocess.run(["cc", "-shared", "-nostdlib", base + ".o", "-o",
                        base + ".so"], check=True)
        self.run = getattr(ctypes.CDLL(base + ".so"), name + "_run")
        types = {"tensor(float)": np.float32, "tensor(int8)": np.int8,
                 "tensor(uint8)": np.uint8, "tensor(int16)": np.int16}
        source = net.get_inputs()[0]
        self.input = aligned(source.shape, types[source.type])
        self.outputs = [aligned(o.shape, types[o.type])
                        for o in net.get_outputs()]
        self.arena = aligned([report["arena_bytes"] + 1], np.uint8)

    def __call__(self, x):
        self.input[...] = x
        self.run((ctypes.c_void_p * 1)(self.input.ctypes.data),
                 (ctypes.c_void_p * len(self.outputs))(
                     *[o.ctypes.data for o in self.outputs]),
                 ctypes.c_void_p(self.arena.ctypes.data))
        return self.outputs


def images(data, how, count):
    """The first images, as the model takes them."""
    steps = dict(step.split("=") for step in how.split())

    def numbers(step, otherwise):
        return [float(x.split("/")[0]) / float((x + "/1").split("/")[1])
                for x in steps.get(step, otherwise).split(",")]
    shape = [int(n) for n in data.shape.split(",")]
    x = np.fromfile(data.test, np.uint8, count * int(np.prod(shape)))
    x = x.reshape([-1] + shape) * numbers("scale", "1")[0]
    x = (x - numbers("mean", "0")) / numbers("std", "1")
    if steps.get("layout") == "nchw":
        x = np.moveaxis(x, -1, 1)
    return x.astype(np.float32)


class Tensor:
    """Of one quantized tensor: elements, how many differ, the largest step."""

    def __init__(self, name):
        self.name, self.elements, self.differ, self.largest = name, 0, 0, 0

    def add(self, wanted, got):
        """How many differ."""
        steps = np.abs(wanted.astype(int) - got)
        bad = int(np.count_nonzero(steps))
        self.elements, self.differ = self.elements + steps.size, self.differ + bad
        self.largest = max(self.largest, int(steps.max()))
        return bad

    def rate(self):
        """Elements of 100 000 that differ."""
        return 1e5 * self.differ / self.elements


class Comparison:
    """A model in ONNX Runtime and as Kiln's object, image by image: its
    quantized tensors; elements that differ in each image's first tensor that
    does; images of another class."""

    def __init__(self, model, name):
        text, path = with_all_outputs(model), os.path.join(FOLDER, "all.onnx")
        convert(text, path)
        self.net = session(path)
        word = re.sub(r"\W+", "_", name).strip("_")
        self.compiled = Object(text, word, self.net)
        self.tensors = [Tensor(o.name) for o in self.net.get_outputs()]
        self.images = self.first = self.classes = 0

    def add(self, x):
        x = x.reshape(self.compiled.input.shape)
        wanted = self.net.run(None, {self.net.get_inputs()[0].name: x})
        got, clean = self.compiled(x), True
        self.images += 1
        self.classes += int(np.argmax(wanted[0]) != np.argmax(got[0]))
        for tensor, w, g in zip(self.tensors, wanted, got):
            if w.dtype.kind != "f":
                bad = tensor.add(w, g)
                self.first, clean = self.first + clean * bad, clean and not bad

    def row(self):
        tensors = [t for t in self.tensors if t.elements]
        worst = max(tensors, key=Tensor.rate)
        return [number(sum(t.elements for t in tensors)),
                str(sum(t.differ for t in tensors)), str(self.first),
                f"{worst.rate():.2f}" + (f" ({worst.name})"
                                         if worst.differ else ""),
                str(max(t.largest for t in tensors)),
                f"{self.classes} of {self.images}"]

    def ok(self):
        return (all(t.rate() <= 1 and t.largest <= 1
                    for t in self.tensors if t.elements)
                and self.classes <= self.images / 1000)


def compare(model, name, data, how, count):
    log(name)
    c = Comparison(model, name)
    for x in images(data, how, count):
        c.add(x)
    return c


def hold_quantized(count, names, options):
    rows, ok = [], True
    for name in names or NETWORKS:
        _, data, how = NETWORKS[name]
        path = made(name, "export", f"{SHARED}/models/{NETWORKS[name][0]}",
                    "quantize", options)
        c = compare(path, name, data, how, count)
        ok &= c.ok()
        rows.append([name] + c.row())
    for name, (model, data, how) in ({} if names else GIVEN).items():
        c = compare(f"{SHARED}/models/{model}", name, data, how, count)
        rows.append([name] + c.row())
    table(["quantized model", "elements", "differ",
           "in an image's first such tensor", "worst tensor, of 100 000",
           "largest step", "other classes"], rows)
    return ok


def main():
    words = sys.argv[2:]
    names = [w for w in words if not w.startswith("--")]
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    os.makedirs(FOLDER, exist_ok=True)
    os.makedirs(os.path.join(OUT, "compress"), exist_ok=True)
    ok = True if names else hold_floats()
    ok &= hold_quantized(count, names, [w for w in words if w not in names])
    sys.exit(not ok)


if __name__ == "__main__":
    main()
