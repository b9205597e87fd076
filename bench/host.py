#!/usr/bin/env python3
"""Kiln beside its peers on this machine, one thread, all in one run of
../shared/bench-peers/bench_peers.py a network, which interleaves them.

usage: host.py PYTHON [avx2] [NETWORK ...]   PYTHON has the peers' packages

avx2: Kiln's objects for x86-64-v3 beside peers that see a CPU with AVX2 and
nothing later (bench/hide_cpuid.c). Without networks both tables are made.
"""

import json
import os
import subprocess
import sys

from networks import (BEFORE_HOST, OUT, PEERS, ROOT, SHARED, TINY,
                      compile_model, is_float, log, table, tensor_bytes)
from peer_models import made

ALL_CHANNELS = ["--disable-pass=prune-channels,prune-channels-float"]


class Network:
    """The model that Kiln compiles, a path or the name of one to be made; its
    other forms for the peers likewise; options of kiln compile."""

    def __init__(self, model, forms=(), options=()):
        self.model = model
        self.forms = forms
        self.options = options


# Random weights have channels that no real network has: V1, V2 and ResNet-50
# are timed with all of them.
NETWORKS = {
    "kws": Network(TINY + "kws_ref_model.tflite", [
        PEERS + "kws_int8.onnx", PEERS + "kws_s8s8.onnx",
        PEERS + "kws_u8s8.onnx"]),
    "ad01": Network(TINY + "ad01_int8.tflite", [
        PEERS + "ad01_int8.onnx", PEERS + "ad01_u8s8.onnx"]),
    "resnet8": Network(TINY + "pretrainedResnet_quant.tflite", [
        PEERS + "resnet8_int8.onnx", PEERS + "resnet8_u8s8.onnx"]),
    "vww": Network(TINY + "vww_96_int8.tflite", [
        PEERS + "vww_int8.onnx", PEERS + "vww_s8s8.onnx",
        PEERS + "vww_u8s8.onnx"]),
    "mobilenet_v1": Network(PEERS + "mnv1_224_int8.tflite", [
        PEERS + "mnv1_224_u8s8.onnx"], ALL_CHANNELS),
    "mobilenet_v2": Network(PEERS + "mnv2k_224_int8.tflite", [
        PEERS + "mnv2k_224_u8s8.onnx"], ALL_CHANNELS),
    "resnet50": Network(PEERS + "resnet50_int8.tflite", [
        "resnet50_u8s8.onnx"], ALL_CHANNELS),
    "bert_layer": Network(PEERS + "bertlayer_int8.tflite", [
        PEERS + "bertlayer_dyn.onnx", "bert_u8s8.onnx", "bert_s8s8.onnx"]),
    "kws_f32": Network(TINY + "kws_ref_model_float32.tflite", [
        "kws_f32.onnx"]),
    "resnet8_f32": Network(TINY + "pretrainedResnet.tflite", [
        "resnet8_f32.onnx"]),
    "vww_f32": Network(TINY + "vww_96_float.tflite", ["vww_f32.onnx"]),
    "mobilenet_v1_f32": Network("mnv1_224_f32.tflite", ["mnv1_224_f32.onnx"],
                                ALL_CHANNELS),
    "resnet50_f32": Network("resnet50_f32.tflite", ["resnet50_f32.onnx"],
                            ALL_CHANNELS),
    "bert_layer_f32": Network("bert_f32.onnx"),
}
AVX2_TARGET = "x86-64-v3"
AVX2_NETWORKS = ["kws", "ad01", "resnet8", "vww", "mobilenet_v1",
                 "mobilenet_v2", "resnet50", "bert_layer"]
# Label in bench_peers.py (its first word): heading. The faster of LiteRT's
# two interfaces counts.
RUNTIMES = {
    "litert": "LiteRT",
    "litert-cm": "LiteRT",
    "ort": "ONNX Runtime",
    "openvino": "OpenVINO",
}
HEADINGS = list(dict.fromkeys(RUNTIMES.values()))


def path_of(python, name, tflite=None):
    return name if os.path.isabs(name) else made(python, name, tflite)


def timer(base, name):
    """bench/timer.c with NAME.o: in a process of its own, as the peers are,
    but without an interpreter between the clock and the call."""
    source, result = tensor_bytes(base)
    subprocess.run(
        ["cc", "-O2", f"-DMODEL_H=\"{base}.h\"", f"-DRUN={name}_run",
         f"-DARENA_BYTES={name.upper()}_ARENA_BYTES", f"-DIN_BYTES={source}",
         f"-DOUT_BYTES={result}", f"-DIN_FLOAT={int(is_float(base))}",
         ROOT + "/bench/timer.c", base + ".o", "-o", base], check=True)
    return base


def held_to_avx2():
    """The environment in which a program sees no later instructions."""
    library = os.path.join(OUT, "hide_cpuid.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC",
                    ROOT + "/bench/hide_cpuid.c", "-o", library], check=True)
    return dict(os.environ, LD_PRELOAD=library, ONEDNN_MAX_CPU_ISA="AVX2")


def measure(python, name, network, target=None):
    """The rows of bench_peers.py and Kiln's report."""
    model = path_of(python, network.model)
    tflite = model if model.endswith(".tflite") else None
    forms = [path_of(python, f, tflite) for f in network.forms]
    base, report = compile_model(model, name, target, network.options)
    result = base + "_peers.json"
    command = [python, SHARED + "/bench-peers/bench_peers.py", model, *forms,
               "--peers", ",".join(RUNTIMES), "--json", result,
               "--ours-cmd", timer(base, name)]
    log(f"{name}: timing")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL,
                   env=held_to_avx2() if target else None)
    with open(result, encoding="utf-8") as f:
        return json.load(f)["rows"], report


def best_times(rows):
    """Least microseconds of Kiln (key "cmd") and of every runtime."""
    best = {}
    for row in rows:
        word = row["entrant"].replace(":", " ").split()[0]
        key = RUNTIMES.get(word, word)
        best[key] = min(row["min_us"], best.get(key, row["min_us"]))
    return best


def table_row(name, rows, report):
    best = best_times(rows)
    ours = best["cmd"]
    peers = [best.get(heading) for heading in HEADINGS]
    ratio = min(filter(None, peers)) / ours
    return [name, f"{report['macs'] / 1e6:.2f}",
            f"**{ours:.1f}** ({report['macs'] / ours / 1e3:.0f})"] + [
                f"{p:.1f}" if p else "-" for p in peers] + [f"{ratio:.2f}"]


def before_row(name, rows):
    was, now = BEFORE_HOST[name], best_times(rows)["cmd"]
    return [name, f"{was:.1f}", f"{now:.1f}", f"{was / now:.2f}"]


def print_times(names, results, kind="network"):
    target = results[names[0]][1]["target"]
    print("Microseconds an inference (the least of many), one thread, "
          f"object for {target};\nin brackets GMAC/s. Ratio: best peer / "
          "Kiln.\n")
    table([kind, "MMAC", "Kiln"] + HEADINGS + ["ratio"],
          [table_row(n, *results[n]) for n in names])


def print_host(python, names):
    results = {n: measure(python, n, NETWORKS[n]) for n in names}
    print_times(names, results)
    print("Microseconds before channels were pruned, ops fused and arenas "
          "planned in place, and\nnow.\n")
    table(["network", "us before", "us now", "faster"],
          [before_row(n, results[n][0]) for n in names if n in BEFORE_HOST])
    print("What Kiln made, and what that took.\n")
    table(["network", "flash B", "arena B", "stack B", "compile s",
           "peak MB"],
          [[n] + [f"{r[k]}" for k in ("flash_bytes", "arena_bytes",
                                      "stack_bytes")]
           + [f"{r['seconds']:.2f}", f"{r['peak_mb']:.0f}"]
           for n, (_, r) in results.items()])


def print_avx2(python, names):
    results = {n: measure(python, n, NETWORKS[n], AVX2_TARGET) for n in names}
    print_times(names, results, "network on AVX2")


def main():
    python, names = sys.argv[1], sys.argv[2:]
    avx2 = names[:1] == ["avx2"]
    names = names[avx2:]
    if not avx2:
        print_host(python, names or list(NETWORKS))
    if avx2 or not names:
        print_avx2(python, names or AVX2_NETWORKS)


if __name__ == "__main__":
    main()
