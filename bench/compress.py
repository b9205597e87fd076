#!/usr/bin/env python3
"""What compression costs in accuracy: the float networks of ../shared through
`kiln quantize` and `kiln prune`, beside the quantizers of ONNX Runtime and
LiteRT (AI Edge Quantizer) on the same calibration data. Then what pruning and
quantizing make of the CIFAR networks: accuracy, sizes, time. Prints the tables
of docs/quantization.md.

usage: compress.py [PYTHON [NETWORK ...]]   PYTHON has the peers' packages;
"-" leaves the peers out
"""

import gzip
import json
import os
import re
import subprocess
import sys

from networks import KILN, OUT, SHARED, compile_model, log, number, table

MODELS = SHARED + "/models/"
DATA = SHARED + "/data/"
FOLDER = os.path.join(OUT, "compress")


class DataSet:
    """Raw samples of one type and shape to calibrate with, others to test
    with, and a .csv of the latter's classes."""

    def __init__(self, shape, calibrate, test, labels):
        self.shape, self.calibrate = shape, calibrate
        self.test, self.labels = test, labels


def pixels(path):
    """The bytes of a gzipped idx file behind its header."""
    with gzip.open(path) as f:
        data = f.read()
    return data[4 + 4 * data[3]:]


def mnist(first):
    """500 digits to calibrate with, those from `first` on to test with."""
    os.makedirs(FOLDER, exist_ok=True)
    images = pixels(DATA + "mnist/t10k-images-idx3-ubyte.gz")
    classes = pixels(DATA + "mnist/t10k-labels-idx1-ubyte.gz")
    paths = [os.path.join(FOLDER, f"mnist{first}_{part}")
             for part in ("calibrate.bin", "test.bin", "labels.csv")]
    parts = [images[:500 * 784], images[first * 784:],
             "".join(f"{c}\n" for c in classes[first:]).encode()]
    for path, part in zip(paths, parts):
        with open(path, "wb") as f:
            f.write(part)
    return DataSet("28,28", *paths)


CIFAR = DataSet("32,32,3", DATA + "cifar10-calib500/cifar10_train500.bin",
                DATA + "cifar10-test1000/cifar10_test1000.bin",
                DATA + "cifar10-test1000/y_labels.csv:2")
VWW = DataSet("96,96,3", DATA + "vww-coco-val128/rgb_96.bin",
              DATA + "vww-coco-val128/rgb_96.bin",
              DATA + "vww-coco-val128/y_labels.csv:2")
IMAGENET = DataSet("224,224,3", DATA + "imagenet-sample/rgb_224.bin",
                   DATA + "imagenet-sample/rgb_224.bin",
                   DATA + "imagenet-sample/labels.csv:2")
CIFAR_MEAN = ("scale=1/255 mean=0.4914,0.4822,0.4465 "
              "std=0.247,0.2435,0.2616 layout=nchw")

# Name: model, data, what becomes of a pixel.
NETWORKS = {
    "ic (ONNX)": ("mlperf-tiny-onnx/model_ic.onnx", CIFAR, CIFAR_MEAN),
    "vww (ONNX)": ("mlperf-tiny-onnx/vww_96_float.onnx", VWW,
                   "scale=1/255 layout=nchw"),
    "ic (TFLite)": ("mlperf-tiny/pretrainedResnet.tflite", CIFAR, "scale=1"),
    "vww (TFLite)": ("mlperf-tiny/vww_96_float.tflite", VWW, "scale=1/255"),
    "ResNet": ("frameworks/torch_resnet_cifar10_fp32.onnx", CIFAR, CIFAR_MEAN),
    "VGG": ("frameworks/torch_vgg_cifar10_fp32.onnx", CIFAR, CIFAR_MEAN),
    "DS-CNN": ("frameworks/keras_dscnn_mnist_fp32.tflite", mnist(8000),
               "scale=1/255"),
    "CNN": ("mnist/mnist_cnn_cntk.onnx", mnist(500), "scale=1"),
    "MobileNet 0.25": ("imagenet/mobilenet_v1_0.25_224_float.tflite", IMAGENET,
                       "scale=1/127.5 mean=1"),
    "attention": ("frameworks/keras_attention_mnist_fp32.tflite", mnist(8000),
                  "scale=1/255"),
    "LSTM": ("frameworks/keras_lstm2_mnist.onnx", mnist(8000), "scale=1/255"),
}

# Column: options of kiln quantize.
SCHEMES = {
    "int8": [],
    "per tensor": ["--per-tensor", "--recover=none"],
    "per tensor, recovered": ["--per-tensor", "--recover=auto"],
    "int12x16": ["--weights=int12", "--activations=int16"],
    "int4": ["--weights=int4"],
    "int4, recovered": ["--weights=int4", "--recover=round,refine,bn"],
    "16 codes, recovered": ["--weights=code16", "--recover=auto"],
}
# Networks that are pruned, and how far.
PRUNED = ["ResNet", "VGG"]
PRUNE = ["--params=-30%"]
AFTER = ["--mixed=2", "--recover=auto"]


def kiln(*words):
    """What a command prints; None where it fails, which is logged."""
    command = [KILN, *words]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        log(f"failed with {run.returncode}: {' '.join(command)}\n{run.stderr}")
        return None
    return run.stdout


def evaluate(model, data, how):
    """Percent of right answers and microseconds an inference, of the compiled
    object; None, None: it failed."""
    told = kiln("eval", model, "--data", f"{data.test}:u8[{data.shape}]",
                "--labels", data.labels, "--preprocess", how) or ""
    right = re.search(r"top-1 +([\d.]+) %", told)
    time = re.search(r"([\d.]+) us an inference", told)
    return (float(right[1]) if right else None,
            float(time[1]) if time else None)


def made(name, what, model, command, options):
    """What a command makes of a model of network `name`, as text; None: it
    failed."""
    _, data, how = NETWORKS[name]
    stem = re.sub(r"\W+", "_", f"{name} {what}")
    path = os.path.join(FOLDER, stem + ".kiln")
    done = kiln(command, model, "--data", f"{data.calibrate}:u8[{data.shape}]",
                "--preprocess", how, "-o", path, *options)
    return path if done is not None else None


def measure(name):
    """Percent by column."""
    model, data, how = NETWORKS[name]
    row = {"float": evaluate(MODELS + model, data, how)[0]}
    for scheme, options in SCHEMES.items():
        log(f"{name}: {scheme}")
        path = made(name, scheme, MODELS + model, "quantize", options)
        row[scheme] = evaluate(path, data, how)[0] if path else None
    return row


def measure_peers(python, names):
    """Percent by network and column of compress_peers.py, which gets the
    networks as JSON; a .tflite also as ONNX, for ONNX Runtime."""
    jobs = {}
    for name in names:
        model, data, how = NETWORKS[name]
        onnx = os.path.join(FOLDER, re.sub(r"\W+", "_", name) + ".onnx")
        if kiln("convert", MODELS + model, "-o", onnx) is None:
            continue
        jobs[name] = {"model": MODELS + model, "onnx": onnx, "how": how,
                      "shape": [int(n) for n in data.shape.split(",")],
                      "calibrate": data.calibrate, "test": data.test,
                      "labels": data.labels}
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "compress_peers.py")
    run = subprocess.run([python, script, FOLDER], input=json.dumps(jobs),
                         stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def cell(percent):
    return "-" if percent is None else f"{percent:.2f}"


def print_table(rows, peers):
    """All columns, and their means over the networks that have all."""
    columns = ["float", "ONNX Runtime", "LiteRT", *SCHEMES]
    for name, row in rows.items():
        row.update(peers.get(name, {}))
    lines = [[name] + [cell(row.get(c)) for c in columns]
             for name, row in rows.items()]
    means = []
    for column in columns:
        have = [row[column] - row["float"] for row in rows.values()
                if row.get(column) is not None and row["float"] is not None]
        means.append(f"{sum(have) / len(have):+.2f} ({len(have)})"
                     if have else "-")
    lines.append(["mean difference (networks)"] + means)
    table(["top-1, %"] + columns, lines)


def forms(name):
    """Of a network: as it is, pruned, quantized, both."""
    model = MODELS + NETWORKS[name][0]
    pruned = made(name, "pruned", model, "prune", PRUNE)
    return {"float": model, "pruned": pruned,
            "int8": made(name, "int8", model, "quantize", []),
            "pruned, int8": pruned and made(name, "pruned int8", pruned,
                                            "quantize", AFTER)}


def print_sizes(names):
    """Accuracy, sizes and time of the pruned networks' forms."""
    rows = []
    for name in names:
        log(f"{name}: pruning")
        for form, path in forms(name).items():
            if not path:
                continue
            percent, time = evaluate(path, *NETWORKS[name][1:])
            stem = re.sub(r"\W+", "_", f"{name} {form}")
            _, report = compile_model(path, stem)
            rows.append([f"{name}, {form}", cell(percent),
                         number(report["weight_bytes"]),
                         number(report["flash_bytes"]),
                         number(report["arena_bytes"]),
                         number(report["macs"]), f"{time:.1f}"])
    if rows:
        table(["network", "top-1, %", "weights, B", "flash, B", "arena, B",
               "MACs", "us"], rows)


def main():
    python = sys.argv[1] if len(sys.argv) > 1 else "-"
    names = sys.argv[2:] or list(NETWORKS)
    os.makedirs(FOLDER, exist_ok=True)
    peers = {} if python == "-" else measure_peers(python, names)
    print_table({name: measure(name) for name in names}, peers)
    print_sizes([name for name in PRUNED if name in names])


if __name__ == "__main__":
    main()
