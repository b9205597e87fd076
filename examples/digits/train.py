#!/usr/bin/env python3
"""Trains the example's network and writes it beside itself, in floats as
digits.onnx and quantized by TensorFlow as digits.tflite, with
calibration_images.bin, test_images.bin and test_labels.csv. Only retraining
needs this, and build/kiln, which writes the ONNX:

    pip install tensorflow scikit-learn
    python3 train.py

The data are the 1797 handwritten digits of 8x8 pixels that scikit-learn
ships; a fifth of them is held back as the test set. Images are stored as the
quantized model takes them: -128 is 0, 127 is 1. digits.onnx takes floats from
0 to 1, and remembers how to make them.
"""

import os
import pathlib
import subprocess

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorflow.lite.tools import flatbuffer_utils

HERE = pathlib.Path(__file__).resolve().parent
KILN = os.environ.get("KILN", HERE.parent.parent / "build" / "kiln")
SEED = 1
EPOCHS = 40
CALIBRATION = 256 # images
STORED = "scale=1/255 mean=-128/255" # bytes to floats
# What digits.onnx calls the results of its layers; it has no softmax.
LAYERS = ["edges", "strokes", "mixed", "pooled", "flat", "scores"]


def digits():
    """Images as f32[N,8,8,1] in 0..1, labels; for training and for testing."""
    data = load_digits()
    images = (data.images / 16).astype(np.float32)[..., None]
    return train_test_split(images, data.target, test_size=0.2,
                            random_state=SEED, stratify=data.target)


def shifted(images, labels):
    """The images and their copies moved by one pixel in four directions."""
    steps = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moved = [padded[:, 1 + y:9 + y, 1 + x:9 + x] for y, x in steps]
    return np.concatenate(moved), np.tile(labels, len(steps))


def network(batch=None):
    layers = tf.keras.layers
    return tf.keras.Sequential([
        layers.Input((8, 8, 1), batch_size=batch, name="image"),
        layers.Conv2D(16, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(32, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax", name="digit"),
    ])


def train(images, labels):
    model = network()
    rate = tf.keras.optimizers.schedules.CosineDecay(
        3e-3, EPOCHS * -(-len(images) // 64))
    model.compile(tf.keras.optimizers.Adam(rate),
                  "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=64, epochs=EPOCHS, verbose=2)
    return model


def converter(model):
    single = network(batch=1)
    single.set_weights(model.get_weights())
    return tf.lite.TFLiteConverter.from_keras_model(single)


def quantized(model, samples):
    """The model as an int8 flatbuffer for one image, calibrated on samples."""
    convert = converter(model)
    convert.optimizations = [tf.lite.Optimize.DEFAULT]
    convert.representative_dataset = lambda: ([s[None]] for s in samples)
    convert.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    convert.inference_input_type = tf.int8
    convert.inference_output_type = tf.int8
    return named(convert.convert())


def write_onnx(model):
    """The float model, by way of a flatbuffer whose tensors have names."""
    flatbuffer = flatbuffer_utils.convert_bytearray_to_object(
        named(converter(model).convert()))
    graph = flatbuffer.subgraphs[0]
    del graph.operators[len(LAYERS):]
    graph.outputs = graph.operators[-1].outputs
    for op, layer in zip(graph.operators, LAYERS, strict=True):
        graph.tensors[op.outputs[0]].name = layer.encode()
        for tensor, part in zip(op.inputs[1:], ["weight", "bias"]):
            graph.tensors[tensor].name = f"{layer}.{part}".encode()
    path = HERE / "digits_float.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(flatbuffer))
    subprocess.run([KILN, "convert", path, "--preprocess", STORED,
                    "-o", HERE / "digits.onnx"], check=True)
    path.unlink()


def named(flatbuffer):
    """The model with the names that its C interface shall have."""
    model = flatbuffer_utils.convert_bytearray_to_object(flatbuffer)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b"scores"
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def stored(flatbuffer, images):
    """Images as the int8 model's input."""
    net = tf.lite.Interpreter(model_content=flatbuffer)
    scale, zero = net.get_input_details()[0]["quantization"]
    return np.clip(np.round(images / scale) + zero, -128, 127).astype(np.int8)


def classify(flatbuffer, data):
    """Classes by TensorFlow's own reference kernels."""
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_REF
    net = tf.lite.Interpreter(model_content=flatbuffer,
                              experimental_op_resolver_type=resolver)
    net.allocate_tensors()
    source, sink = net.get_input_details()[0], net.get_output_details()[0]
    found = []
    for image in data:
        net.set_tensor(source["index"], image[None])
        net.invoke()
        found.append(int(np.argmax(net.get_tensor(sink["index"])[0])))
    return np.array(found)


def main():
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    images, test_images, labels, test_labels = digits()
    model = train(*shifted(images, labels))
    _, accuracy = model.evaluate(test_images, test_labels, verbose=0)
    flatbuffer = quantized(model, images[:CALIBRATION])
    data = stored(flatbuffer, test_images)
    found = classify(flatbuffer, data)
    write_onnx(model)
    (HERE / "digits.tflite").write_bytes(flatbuffer)
    (HERE / "calibration_images.bin").write_bytes(
        stored(flatbuffer, images[:CALIBRATION]).tobytes())
    (HERE / "test_images.bin").write_bytes(data.tobytes())
    np.savetxt(HERE / "test_labels.csv", test_labels, "%d")
    print(f"float {100 * accuracy:.2f} %, int8 "
          f"{np.sum(found == test_labels)} of {len(test_labels)}, "
          f"{len(flatbuffer)} bytes")


if __name__ == "__main__":
    main()
