#!/usr/bin/env python3
"""AArch64 without a board: instructions an inference under qemu-aarch64,
counted exactly with ../shared/bench-mcu, outputs held against the known
FNV-1a values (exits with 1 when one differs); and how near the innermost
loops of convolutions come to the rate at which the core issues their
instruction, as llvm-mca predicts.

usage: aarch64.py [--loops] [TARGET ...]
  --loops   all loops, not the summary
"""

import os
import re
import sys

from cortex_m import MCU, NETWORKS, Failed, run, symbol
from networks import (OUT, ROOT, compile_model, log, number, table,
                      tensor_bytes)

# Target: the instruction of its convolutions, and the processor whose model
# llvm-mca has; those of A76 and A72 are the one of Cortex-A57, which issues
# three operations a turn and loads one.
TARGETS = {
    "cortex-a53": "smull", "cortex-a72": "smull", "cortex-a55": "sdot",
    "cortex-a76": "sdot", "neoverse-n1": "sdot", "apple-m1": "sdot",
    "neoverse-v1": "smmla",
}
PRODUCTS = {"smull": {"smull", "smull2", "smlal", "smlal2"},
            "sdot": {"sdot"}, "smmla": {"smmla"}}


def link(base, name, target):
    """Links bench/mcu.c with the object; the program's path."""
    source, result = tensor_bytes(base)
    macros = [f"-DMODEL_H=\"{base}.h\"", f"-DRUN={name}_run",
              f"-DARENA_BYTES={name.upper()}_ARENA_BYTES",
              f"-DIN_BYTES={source}", f"-DOUT_BYTES={result}"]
    run(["clang-19", "--target=aarch64-linux-gnu", "-O2", "-w",
         "-ffreestanding", "-nostdlib", "-static", "-fuse-ld=lld", *macros,
         ROOT + "/bench/aarch64_start.c", ROOT + "/bench/mcu.c", base + ".o",
         "-o", base + ".elf"])
    return base + ".elf"


def count(program, plugin):
    """(hash of the output, instructions) of one inference."""
    marks = f"start=0x{symbol(program, 'bench_begin')}," \
            f"stop=0x{symbol(program, 'bench_end')}"
    text = run(["qemu-aarch64", "-plugin", f"{plugin},{marks}", program])
    found = re.search(r"^fnv1a (\d+)$", text, re.M)
    region = re.search(r"region 1: (\d+) insns", text)
    return int(found.group(1)), int(region.group(1))


def measure(name, target, plugin):
    """(path of the object, instructions, MACs, whether the hash is right)"""
    net = NETWORKS[name]
    log(f"{name}, {target}")
    base, report = compile_model(net.model, name, target)
    try:
        value, instructions = count(link(base, name, target), plugin)
    except Failed as failure:
        log(str(failure))
        return base, 0, report["macs"], False
    right = value == net.hash["tflite"]
    if not right:
        log(f"output hash {value}, expected {net.hash['tflite']}")
    return base, instructions, report["macs"], right


def functions(base):
    """(name, [(address, instruction)]) of the object's functions."""
    text = run(["llvm-objdump-19", "-d", "--no-show-raw-insn", base + ".o"])
    for part in re.split(r"\n(?=[0-9a-f]+ <)", text)[1:]:
        name = re.match(r"[0-9a-f]+ <(.*)>:", part).group(1)
        lines = re.findall(r"^ *([0-9a-f]+):\s+(.*)$", part, re.M)
        yield name, [(int(at, 16), code) for at, code in lines]


def innermost(code):
    """The bodies of loops without one inside, their branches left off."""
    last = 0
    for i, (at, text) in enumerate(code):
        jump = re.match(r"(?:b\.\w+|cbn?z|tbn?z)\s.*0x([0-9a-f]+) <", text)
        if not jump or int(jump.group(1), 16) > at:
            continue
        target = int(jump.group(1), 16)
        if target >= last:
            yield [t for a, t in code[:i] if a >= target]
        last = at


def cycles(body, cpu, products):
    """(cycles of a turn of the body, cycles that its products need at least)
    as llvm-mca has it."""
    source = os.path.join(OUT, "loop.s")
    with open(source, "w", encoding="utf-8") as f:
        f.writelines(line.split("//")[0].split("<")[0] + "\n" for line in body)
    text = run(["llvm-mca-19", "-mtriple=aarch64", "-mcpu=" + cpu,
                "-mattr=+dotprod,+i8mm", "-iterations=100", source])
    turn = int(re.search(r"^Total Cycles:\s+(\d+)", text, re.M).group(1)) / 100
    info = re.findall(r"^ *\d+ +\d+ +([\d.]+)[ *U]*\s(\w+)\t", text, re.M)
    return turn, sum(float(rate) for rate, code in info if code in products)


def kind_of(name, body):
    """What a loop is of: products of a dense layer for one row or of others,
    or of those and what becomes of the sums."""
    if any(re.match(r"st[rpu1]", line) for line in body):
        return "stores"
    return "dense" if "fully_connected" in name or ".qs8_1x" in name \
        else "conv"


def loops(base, target):
    """(step's kernel, kind, products, cycles, percent) of innermost loops
    that are mostly products, one of each that are the same."""
    products = PRODUCTS[TARGETS[target]]
    seen = set()
    for name, code in functions(base):
        for body in innermost(code):
            n = sum(line.split()[0] in products for line in body)
            if n < 8 or 3 * n < len(body) or "\n".join(body) in seen:
                continue
            seen.add("\n".join(body))
            turn, least = cycles(body, target, products)
            yield (name.split(".", 1)[1], kind_of(name, body), n, turn,
                   100 * least / turn)


def instruction_table(results, names, targets):
    print("Instructions an inference, and MACs an instruction.\n")
    rows = []
    for target in targets:
        rows.append([target])
        for name in names:
            _, instructions, macs, _ = results[name, target]
            rows[-1].append(f"{number(instructions)} "
                            f"({macs / (instructions or 1):.2f})")
    table(["target"] + list(names), rows)


def span(found, kind):
    """Least and median of a kind of loops."""
    good = sorted(percent for *_, k, _, _, percent in found if k == kind)
    if not good:
        return "-"
    return f"{good[0]:.0f} / {good[len(good) // 2]:.0f}"


def loop_table(results, names, targets, whole):
    print("Innermost loops: percent of the rate at which the core issues "
          "their instruction, by\nllvm-mca; least and median.\n")
    rows = []
    for target in targets:
        found = [(name, *loop) for name in names
                 for loop in loops(results[name, target][0], target)]
        if whole:
            rows += [[target, f"{name} {step}", kind, str(n), f"{turn:.1f}",
                      f"{percent:.0f}"]
                     for name, step, kind, n, turn, percent in found]
            continue
        rows.append([target, TARGETS[target]] +
                    [span(found, kind) for kind in ("conv", "dense", "stores")])
    table(["target", "loop", "kind", "products", "cycles", "percent"] if whole
          else ["target", "instruction", "convolution", "dense, one row",
                "with requantization and stores"], rows)


def main():
    words = [w for w in sys.argv[1:] if w != "--loops"]
    targets, names = words or list(TARGETS), list(NETWORKS)
    os.makedirs(OUT, exist_ok=True)
    plugin = OUT + "/libmcucount.so"
    run(["cc", "-O2", "-w", "-shared", "-fPIC", MCU + "count.c",
         "-o", plugin])
    results = {(name, target): measure(name, target, plugin)
               for target in targets for name in names}
    instruction_table(results, names, targets)
    loop_table(results, names, targets, "--loops" in sys.argv)
    right = all(result[3] for result in results.values())
    print("Outputs: " + ("the known FNV-1a value in every run." if right else
                         "NOT ALL OF THE KNOWN VALUES."))
    sys.exit(not right)


if __name__ == "__main__":
    main()
