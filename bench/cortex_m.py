#!/usr/bin/env python3
"""Instructions an inference on Cortex-M4 and M55 under qemu, counted exactly
with ../shared/bench-mcu, beside TFLite Micro with CMSIS-NN. Holds the
outputs against the known FNV-1a values, for both roundings; exits with 1
when one differs.

usage: cortex_m.py [NETWORK ...]
"""

import os
import re
import subprocess
import sys

from networks import (BEFORE_M4, OUT, ROOT, SHARED, TINY, compile_model, log,
                      number, table, tensor_bytes)

MCU = SHARED + "/bench-mcu/"


class Network:
    """A model, the hash of its output for rounding tflm (and tflite where
    that differs), and TFLite Micro's instructions, flash and arena."""

    def __init__(self, model, tflm, peer, tflite=None):
        self.model = TINY + model
        self.hash = {"tflm": tflm, "tflite": tflite or tflm}
        self.peer = peer


NETWORKS = {
    "kws": Network("kws_ref_model.tflite", 4038422865,
                   {"cortex-m4": 7699735, "cortex-m55": 1764406,
                    "flash": 107612, "arena": 22820}),
    "vww": Network("vww_96_int8.tflite", 1768032157,
                   {"cortex-m4": 24101544, "cortex-m55": 6397087,
                    "flash": 386964, "arena": 100708}),
    "ic": Network("pretrainedResnet_quant.tflite", 3853670657,
                  {"cortex-m4": 29863148, "cortex-m55": 4699188,
                   "flash": 150008, "arena": 54996}),
    "ad": Network("ad01_int8.tflite", 533982470,
                  {"cortex-m4": 582866, "cortex-m55": 64586,
                   "flash": 305188, "arena": 2580}, tflite=821884797),
    "ww": Network("str_ww_ref_model.tflite", 3139040054,
                  {"cortex-m4": 2226964, "cortex-m55": 392805,
                   "flash": 125660, "arena": 16596}),
}

# Target: qemu's machine, the compiler's triple.
BOARDS = {
    "cortex-m4": ("mps2-an386", "thumbv7em-none-eabihf"),
    "cortex-m55": ("mps3-an547", "thumbv8.1m.main-none-eabihf"),
}


class Failed(Exception):
    """A command failed; its text says how."""


def run(command):
    """Both streams of a command, which must succeed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}:\n{done.stdout}")
    return done.stdout


def link(base, name, target):
    """Links bench/mcu.c with the object; the program's path."""
    source, result = tensor_bytes(base)
    macros = [f"-DMODEL_H=\"{base}.h\"", f"-DRUN={name}_run",
              f"-DARENA_BYTES={name.upper()}_ARENA_BYTES",
              f"-DIN_BYTES={source}", f"-DOUT_BYTES={result}"]
    run(["clang-19", "--target=" + BOARDS[target][1], "-mcpu=" + target,
         "-O2", "-w", "-ffreestanding", "-nostdlib", "-fuse-ld=lld",
         "-Wl,-T," + MCU + "mcu.ld", *macros, MCU + "start.c",
         ROOT + "/bench/mcu.c", base + ".o", "-o", base + ".elf"])
    return base + ".elf"


def symbol(program, name):
    listing = run(["llvm-nm-19", program])
    return re.search(rf"^(\w+) \w {name}$", listing, re.M).group(1)


def count(program, target, plugin):
    """(hash of the output, instructions) of one inference."""
    marks = f"start=0x{symbol(program, 'bench_begin')}," \
            f"stop=0x{symbol(program, 'bench_end')}"
    text = run(["qemu-system-arm", "-M", BOARDS[target][0], "-nographic",
                "-semihosting-config", "enable=on,target=native",
                "-plugin", f"{plugin},{marks}", "-kernel", program])
    found = re.search(r"^fnv1a (\d+)$", text, re.M)
    region = re.search(r"region 1: (\d+) insns", text)
    return int(found.group(1)), int(region.group(1))


def measure(name, target, rounding, plugin):
    """(instructions or None, report, whether the hash is right)."""
    net = NETWORKS[name]
    log(f"{name}, {target}, rounding {rounding}")
    base, report = compile_model(net.model, name, target,
                                 [f"--rounding={rounding}"])
    try:
        value, instructions = count(link(base, name, target), target, plugin)
    except Failed as failure:
        log(str(failure))
        return None, report, False
    right = value == net.hash[rounding]
    if not right:
        log(f"output hash {value}, expected {net.hash[rounding]}")
    return instructions, report, right


def cell(ours, peer):
    return f"**{number(ours)}** ({peer / ours:.2f}x)" if ours else "failed"


def size_row(name, report):
    peer = NETWORKS[name].peer
    return [name, number(report["flash_bytes"]), number(peer["flash"]),
            number(report["stack_bytes"])]


def arena_row(name, report):
    """Of the report at -O2; compiles for size, too."""
    small = compile_model(NETWORKS[name].model, name, "cortex-m4", ["-Os"])[1]
    return [name, number(report["arena_bytes"]),
            f"**{number(small['arena_bytes'])}**",
            number(small["arena_lower_bound"]),
            number(small["arena_io_bytes"]),
            number(NETWORKS[name].peer["arena"])]


def before_row(name, instructions, report):
    was, arena = BEFORE_M4[name]
    ratio = f"{was / instructions:.2f}" if instructions else "failed"
    return [name, f"{was / 1e6:.2f}", f"{(instructions or 0) / 1e6:.2f}",
            ratio, number(arena), number(report["arena_bytes"]),
            f"{arena / report['arena_bytes']:.2f}"]


def main():
    names = sys.argv[1:] or list(NETWORKS)
    os.makedirs(OUT, exist_ok=True)
    plugin = OUT + "/libmcucount.so"
    run(["cc", "-O2", "-w", "-shared", "-fPIC", MCU + "count.c",
         "-o", plugin])
    results = {(name, target, rounding):
               measure(name, target, rounding, plugin)
               for name in names for target in BOARDS
               for rounding in ("tflm", "tflite")}
    rows = [[name] + [text for target in BOARDS for text in
                      (cell(results[name, target, "tflite"][0],
                            NETWORKS[name].peer[target]),
                       number(NETWORKS[name].peer[target]))]
            for name in names]
    print("Instructions an inference, rounding tflite, beside TFLite Micro + "
          "CMSIS-NN;\nin brackets theirs / Kiln's.\n")
    table(["network", "Kiln M4", "TFLM M4", "Kiln M55", "TFLM M55"], rows)
    on_m4 = {name: results[name, "cortex-m4", "tflite"] for name in names}
    print("Sizes in bytes on Cortex-M4. Flash: code and constants.\n")
    table(["network", "Kiln flash", "TFLM flash", "Kiln stack"],
          [size_row(name, on_m4[name][1]) for name in names])
    print("Arena bytes on Cortex-M4. The caller has the input and the output; "
          "with both, as\nTFLM counts, in the last columns. At least: the lower "
          "bound of -Os.\n")
    table(["network", "arena -O2", "arena -Os", "at least", "-Os with in, out",
           "TFLM"], [arena_row(name, on_m4[name][1]) for name in names])
    print("Cortex-M4 before channels were pruned, ops fused and arenas planned "
          "in place, and\nnow: million instructions, bytes of the arena at "
          "-O2.\n")
    table(["network", "M before", "M now", "ratio", "arena before",
           "arena now", "arena ratio"],
          [before_row(name, *on_m4[name][:2]) for name in names])
    right = all(result[2] for result in results.values())
    print("Outputs: " + ("the known FNV-1a value in every run, both roundings."
                         if right else "NOT ALL OF THE KNOWN VALUES."))
    sys.exit(not right)


if __name__ == "__main__":
    main()
