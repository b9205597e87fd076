#!/usr/bin/env python3
"""The peers' part of compress.py: reads networks as JSON, quantizes each with
ONNX Runtime's quantize_static and, a .tflite, with LiteRT's AI Edge Quantizer,
and prints percents of right answers as JSON. Needs numpy, onnx, onnxruntime;
for LiteRT ai-edge-litert, ai-edge-quantizer and tensorflow.

usage: compress_peers.py FOLDER <networks.json   FOLDER for what is made
"""

import contextlib
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnxruntime import quantization


def prepared(path, job):
    """Raw samples as the network takes them, as Kiln's --preprocess."""
    x = np.fromfile(path, np.uint8).reshape([-1] + job["shape"])
    steps = dict(word.split("=") for word in job["how"].split())
    scale = [float(n) for n in steps.get("scale", "1").split("/")]
    mean = np.array([float(n) for n in steps.get("mean", "0").split(",")])
    std = np.array([float(n) for n in steps.get("std", "1").split(",")])
    x = ((x * (scale[0] / (scale[1:] or [1])[0])) - mean) / std
    if steps.get("layout") == "nchw":
        x = x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x, np.float32)


def classes(spec):
    """Integers of one column of a .csv; lines without one are headings."""
    path, _, column = spec.partition(":")
    found = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            word = line.rstrip("\n").split(",")[int(column or 0)]
            found += [int(word)] if word.isdigit() else []
    return np.array(found)


def right(answers, wanted):
    """Percent of answers whose largest score is at the wanted class."""
    best = np.array([np.argmax(a) for a in answers])
    return 100 * float(np.mean(best == wanted))


# --- ONNX Runtime ----------------------------------------------------------

def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"])


def shape_of(source):
    return [n if isinstance(n, int) else 1 for n in source.shape]


def onnx_answers(path, samples):
    net = session(path)
    source = net.get_inputs()[0]
    return [net.run(None, {source.name: x.reshape(shape_of(source))})[0]
            for x in samples]


class Reader(quantization.CalibrationDataReader):
    """Calibration samples, one by one."""

    def __init__(self, path, samples):
        source = session(path).get_inputs()[0]
        self.items = ({source.name: x.reshape(shape_of(source))}
                      for x in samples)

    def get_next(self):
        return next(self.items, None)


def onnx_runtime(job, samples, data, labels, folder):
    """The best of three ways to find ranges; int8 per channel. The model is
    the one that Kiln wrote, as old operator sets know no channels."""
    best = None
    ready = os.path.join(folder, "peer.onnx")
    quantization.quant_pre_process(job["onnx"], ready,
                                   skip_symbolic_shape=True)
    for method in quantization.CalibrationMethod:
        if method.name not in ("MinMax", "Percentile", "Entropy"):
            continue
        out = os.path.join(folder, f"peer_{method.name}.onnx")
        quantization.quantize_static(
            ready, out, Reader(ready, samples), per_channel=True,
            quant_format=quantization.QuantFormat.QDQ, calibrate_method=method,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8)
        got = right(onnx_answers(out, data), labels)
        best = got if best is None else max(best, got)
    return best


# --- LiteRT ----------------------------------------------------------------

def with_signature(path, folder):
    """The quantizer wants inputs and outputs to have names."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils
    model = flatbuffer_utils.read_model(path)
    if model.signatureDefs:
        return path
    graph, signature = model.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0

    def named(kind, tensors):
        found = []
        for i, tensor in enumerate(tensors):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = f"{kind}_{i}".encode(), tensor
            found.append(entry)
        return found

    signature.inputs = named("in", graph.inputs)
    signature.outputs = named("out", graph.outputs)
    model.signatureDefs = [signature]
    out = os.path.join(folder, "peer.tflite")
    flatbuffer_utils.write_model(model, out)
    return out


def litert_answers(content, samples):
    from ai_edge_litert.interpreter import Interpreter
    net = Interpreter(model_content=content, num_threads=1)
    net.allocate_tensors()
    source, sink = net.get_input_details()[0], net.get_output_details()[0]
    answers = []
    scale, zero = source["quantization"]
    for x in samples:
        x = x.reshape(source["shape"])
        if source["dtype"] != np.float32:
            x = np.clip(np.round(x / scale) + zero, -128, 127)
        net.set_tensor(source["index"], x.astype(source["dtype"]))
        net.invoke()
        answers.append(net.get_tensor(sink["index"]))
    return answers


def litert(job, samples, data, labels, folder):
    """int8 weights per channel, int8 activations."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe
    path = with_signature(job["model"], folder)
    net = Interpreter(model_path=path)
    key = list(net.get_signature_list())[0]
    name, source = next(iter(
        net.get_signature_runner(key).get_input_details().items()))
    tool = quantizer.Quantizer(path, recipe.static_wi8_ai8())
    ranges = tool.calibrate(
        {key: [{name: x.reshape(source["shape"])} for x in samples]})
    made = tool.quantize(calibration_result=ranges).quantized_model
    return right(litert_answers(bytes(made), data), labels)


# --- both ------------------------------------------------------------------

def measure(job, folder):
    samples, data = prepared(job["calibrate"], job), prepared(job["test"], job)
    labels = classes(job["labels"])
    peers = {"ONNX Runtime": onnx_runtime}
    if job["model"].endswith(".tflite"):
        peers["LiteRT"] = litert
    found = {}
    for name, peer in peers.items():
        try:
            found[name] = peer(job, samples, data, labels, folder)
        except Exception as e:  # its own bugs are a peer's result
            print(f"{job['model']}: {name} fails: {e}", file=sys.stderr)
    return found


def main():
    jobs = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        found = {name: measure(job, sys.argv[1]) for name, job in jobs.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
