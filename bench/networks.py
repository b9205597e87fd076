"""The networks of the benchmarks and how to compile them."""

import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.path.normpath(os.environ.get("KILN_SHARED", ROOT + "/../shared"))
KILN = os.path.abspath(os.environ.get("KILN", ROOT + "/build/kiln"))
OUT = os.path.abspath(os.environ.get("OUT", ROOT + "/build/bench"))

TINY = SHARED + "/models/mlperf-tiny/"
PEERS = SHARED + "/bench-peers/models/"

# What these tables said before channels were pruned, ops fused and arenas
# planned in place: microseconds on the host, instructions on Cortex-M4 and
# bytes of the arena there.
BEFORE_HOST = {"kws": 14.4, "ad01": 2.3, "resnet8": 45, "vww": 53}
BEFORE_M4 = {"kws": (5075326, 20096), "vww": (14.8e6, 75280),
             "ic": (18431004, 51840), "ad": (464833, 1408),
             "ww": (1435116, 6656)}


def log(text):
    print(text, file=sys.stderr, flush=True)


def compile_model(model, name, target=None, options=()):
    """Compiles `model` into OUT/TARGET/NAME.{o,h,json}. Returns the path
    without extension and the report, with CPU seconds and peak_mb added."""
    folder = os.path.join(OUT, target or "host")
    os.makedirs(folder, exist_ok=True)
    base = os.path.join(folder, name)
    command = [KILN, "compile", model, "-o", base, f"--report={base}.json"]
    command += [f"--target={target}"] if target else []
    child = subprocess.Popen(command + list(options),
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"failed with {child.returncode}: "
                 + " ".join(command + list(options)))
    with open(base + ".json", encoding="utf-8") as f:
        report = json.load(f)
    report["seconds"] = usage.ru_utime + usage.ru_stime
    report["peak_mb"] = usage.ru_maxrss / 1024
    return base, report


def tensor_bytes(base):
    """Bytes of the input and the output, from the header BASE.h."""
    with open(base + ".h", encoding="utf-8") as f:
        text = f.read()
    size = 4 if is_float(base) else 1
    counts = re.findall(r"^#define \w+_COUNT (\d+)$", text, re.M)
    return [size * int(count) for count in counts]


def is_float(base):
    """Are the tensors of the header BASE.h floats, not bytes?"""
    with open(base + ".h", encoding="utf-8") as f:
        return re.search(r"^  const float \*", f.read(), re.M) is not None


def number(x):
    """1234567 as 1 234 567."""
    return f"{x:,}".replace(",", " ")


def table(heading, rows):
    """A Markdown table; all columns but the first are right-aligned."""
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1)] + rows
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()
