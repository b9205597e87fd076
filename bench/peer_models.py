"""Models that ../shared has no file of, made once by its make_models.py (random
weights, on which speed does not depend) and kept under build/bench/models."""

import os
import subprocess

from networks import OUT, SHARED, log

FOLDER = os.path.join(OUT, "models")
SCRIPT = SHARED + "/bench-peers/make_models.py"


def _run(*command):
    log("making: " + " ".join(command[2:]))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def _keras(python, path):
    name = os.path.basename(path).removesuffix("_f32.tflite")
    _run(python, SCRIPT, "keras", name, FOLDER)


def _onnx_of_tflite(python, path, source):
    _run(python, "-m", "tf2onnx.convert", "--tflite", source, "--output",
         path, "--opset", "17")


def _quantized(python, path):
    """PREFIX_{u8s8,s8s8,dyn}.onnx of PREFIX_f32.onnx, all at once."""
    prefix = path[:path.rindex("_")]
    source = made(python, os.path.basename(prefix) + "_f32.onnx")
    _run(python, SCRIPT, "quant", source, prefix)


def made(python, name, tflite=None):
    """Path of the model `name`: bert_f32.onnx, NET_f32.tflite, NET_f32.onnx
    (of that or of `tflite`), NET_u8s8.onnx, NET_s8s8.onnx."""
    path = os.path.join(FOLDER, name)
    os.makedirs(FOLDER, exist_ok=True)
    if os.path.exists(path):
        return path
    if name == "bert_f32.onnx":
        _run(python, SCRIPT, "bert", path)
    elif name.endswith("_f32.tflite"):
        _keras(python, path)
    elif name.endswith("_f32.onnx"):
        source = tflite or made(python, name.replace(".onnx", ".tflite"))
        _onnx_of_tflite(python, path, source)
    else:
        _quantized(python, path)
    return path
