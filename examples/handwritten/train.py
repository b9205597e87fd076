#!/usr/bin/env python3
"""Trains the dense layers of network.kiln and writes them to weights.npz
beside itself. Only retraining needs this:

    pip install numpy scikit-learn
    python3 train.py

The filters in front of them are written by hand and stand in network.kiln;
here they are applied as the description says. Data and split are those of
../digits/train.py.
"""

import pathlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = pathlib.Path(__file__).resolve().parent
SEED = 1
HIDDEN = 24

# As in network.kiln: a dot, edges from the left, from above, and a corner.
FILTERS = np.array([
    [[0, 1, 0], [1, 4, 1], [0, 1, 0]],
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]],
], np.float32) / 8


def features(images):
    """f32[N,8,8] -> f32[N,64]: filters, ReLU, maximum of 2x2, NHWC order."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    x = np.maximum(np.einsum("nhwij,oij->nhwo", windows, FILTERS), 0)
    n, h, w, c = x.shape
    pooled = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    return pooled.reshape(n, -1)


def main():
    data = load_digits()
    images = (data.images / 16).astype(np.float32)
    x, x_test, y, y_test = train_test_split(
        images, data.target, test_size=0.2, random_state=SEED,
        stratify=data.target)
    net = MLPClassifier((HIDDEN,), alpha=1e-2, max_iter=600,
                        random_state=SEED)
    net.fit(features(x), y)
    print("top-1", net.score(features(x_test), y_test))
    hidden, scores = (w.T.astype(np.float32) for w in net.coefs_)
    bias = [b.astype(np.float32) for b in net.intercepts_]
    np.savez(HERE / "weights.npz", **{
        "hidden.weight": np.ascontiguousarray(hidden), "hidden.bias": bias[0],
        "scores.weight": np.ascontiguousarray(scores), "scores.bias": bias[1]})


if __name__ == "__main__":
    main()
