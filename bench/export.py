#!/usr/bin/env python3
"""Holds what `kiln convert` writes as ONNX to ONNX Runtime, without graph
optimizations: floats against the recorded outputs of ../shared, quantized
tensors one by one against Kiln's object. Exits with 1 when floats are off;
ONNX Runtime adds up quantized layers in floats, so that ties may fall
differently there, and what they fall to goes on into the layers behind.

usage: export.py [IMAGES]   of those for quantized models; default: 100.
Needs numpy, onnx and onnxruntime, else it is skipped (exit status 77).
"""

import ctypes
import glob
import os
import re
import subprocess
import sys

from networks import KILN, OUT, SHARED, compile_model, log, table

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
CIFAR = ("cifar10-test1000/cifar10_test1000.bin", 32,
         [.4914, .4822, .4465], [.247, .2435, .2616])
VWW = ("vww-coco-val128/rgb_96.bin", 96, [0], [1])
QUANTIZED = {"frameworks/ort_resnet_qdq_s8s8_perchannel.onnx": CIFAR,
             "frameworks/ort_resnet_qdq_u8s8_perchannel.onnx": CIFAR,
             "frameworks/ort_resnet_unstructured80_qdq.onnx": CIFAR,
             "onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx": CIFAR,
             "onnx-quantised/vww_96_qdq_s8s8_perchannel.onnx": VWW}


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


def images(data, count):
    path, side, mean, std = data
    x = np.fromfile(f"{SHARED}/data/{path}", np.uint8)
    x = x.reshape(-1, side, side, 3)[:count] / 255
    return ((x - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)


def compare(model, data, count):
    """Elements of quantized tensors; how many differ; those of each image's
    first tensor that does; the largest step; images of another class."""
    name = re.sub(r"\W", "_", os.path.basename(model).removesuffix(".onnx"))
    text, path = with_all_outputs(model), os.path.join(FOLDER, "all.onnx")
    convert(text, path)
    net = session(path)
    compiled = Object(text, name, net)
    elements = differ = first = largest = classes = 0
    for x in images(data, count):
        x = x.reshape(compiled.input.shape)
        wanted = net.run(None, {net.get_inputs()[0].name: x})
        got, clean = compiled(x), True
        classes += int(np.argmax(wanted[0]) != np.argmax(got[0]))
        for w, g in zip(wanted, got):
            if w.dtype.kind == "f":
                continue
            steps = np.abs(w.astype(int) - g)
            bad = int(np.count_nonzero(steps))
            elements, differ = elements + steps.size, differ + bad
            first, clean = first + clean * bad, clean and not bad
            largest = max(largest, int(steps.max()))
    return [f"{elements:,}".replace(",", " "), str(differ), str(first),
            str(largest), str(classes)]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    os.makedirs(FOLDER, exist_ok=True)
    ok = hold_floats()
    rows = []
    for model, data in QUANTIZED.items():
        log(model)
        rows.append([os.path.basename(model)]
                    + compare(f"{SHARED}/models/{model}", data, count))
    table(["quantized model", "elements", "differ",
           "in an image's first such tensor", "largest step", "classes"], rows)
    sys.exit(not ok)


if __name__ == "__main__":
    main()
