#!/usr/bin/env python3
"""Kiln beside its peers on this machine, one thread, all in one run of
../shared/bench-peers/bench_peers.py a network, which interleaves them.

usage: host.py PYTHON [NETWORK ...]   PYTHON has the peers' packages
"""

import json
import os
import subprocess
import sys

from networks import (BEFORE_HOST, OUT, PEERS, SHARED, TINY, compile_model,
                      log, table)

# Name: the .tflite that Kiln compiles, its other forms for the peers.
NETWORKS = {
    "kws": (TINY + "kws_ref_model.tflite",
            ["kws_int8.onnx", "kws_s8s8.onnx", "kws_u8s8.onnx"]),
    "ad01": (TINY + "ad01_int8.tflite", ["ad01_int8.onnx", "ad01_u8s8.onnx"]),
    "resnet8": (TINY + "pretrainedResnet_quant.tflite",
                ["resnet8_int8.onnx", "resnet8_u8s8.onnx"]),
    "vww": (TINY + "vww_96_int8.tflite",
            ["vww_int8.onnx", "vww_s8s8.onnx", "vww_u8s8.onnx"]),
    "mobilenet_v1": (PEERS + "mnv1_224_int8.tflite", ["mnv1_224_u8s8.onnx"]),
    "mobilenet_v2": (PEERS + "mnv2k_224_int8.tflite",
                     ["mnv2k_224_u8s8.onnx"]),
}
# Label in bench_peers.py (its first word): heading. The faster of LiteRT's
# two interfaces counts.
RUNTIMES = {
    "litert": "LiteRT",
    "litert-cm": "LiteRT",
    "ort": "ONNX Runtime",
    "openvino": "OpenVINO",
}
HEADINGS = list(dict.fromkeys(RUNTIMES.values()))


def shared_library(base):
    """Links NAME.o by itself: it needs nothing."""
    subprocess.run(["cc", "-shared", "-nostdlib", base + ".o",
                    "-o", base + ".so"], check=True)
    return base + ".so"


def measure(python, name, model, forms):
    """The rows of bench_peers.py and Kiln's report."""
    base, report = compile_model(model, name)
    library = shared_library(base)
    result = os.path.join(OUT, name + "_peers.json")
    command = [python, SHARED + "/bench-peers/bench_peers.py", model]
    command += [PEERS + form for form in forms]
    command += ["--peers", ",".join(RUNTIMES), "--json", result, "--ours",
                f"{library}:{name}:{report['arena_bytes']}"]
    log(f"{name}: timing")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(result, encoding="utf-8") as f:
        return json.load(f)["rows"], report


def best_times(rows):
    """Least microseconds of Kiln (key "ours") and of every runtime."""
    best = {}
    for row in rows:
        word = row["entrant"].replace(":", " ").split()[0]
        key = RUNTIMES.get(word, word)
        best[key] = min(row["min_us"], best.get(key, row["min_us"]))
    return best


def table_row(name, rows, report):
    best = best_times(rows)
    ours = best["ours"]
    peers = [best.get(heading) for heading in HEADINGS]
    ratio = min(filter(None, peers)) / ours
    return [name, f"{report['macs'] / 1e6:.2f}",
            f"**{ours:.1f}** ({report['macs'] / ours / 1e3:.0f})"] + [
                f"{p:.1f}" if p else "-" for p in peers] + [f"{ratio:.2f}"]


def before_row(name, rows):
    was, now = BEFORE_HOST[name], best_times(rows)["ours"]
    return [name, f"{was:.1f}", f"{now:.1f}", f"{was / now:.2f}"]


def main():
    python, names = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    results = {n: measure(python, n, *NETWORKS[n]) for n in names}
    target = results[names[0]][1]["target"]
    print("Microseconds an inference (the least of many), one thread, "
          f"object for {target};\nin brackets GMAC/s. Ratio: best peer / "
          "Kiln.\n")
    table(["network", "MMAC", "Kiln"] + HEADINGS + ["ratio"],
          [table_row(n, *results[n]) for n in names])
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


if __name__ == "__main__":
    main()
