#!/usr/bin/env bash
# The figures of docs/performance.md and docs/quantization.md as Markdown: Kiln
# beside its peers on this machine, on Cortex-M under qemu, and the accuracy of
# compressed networks. Needs the shared folder; run it with nothing else heavy
# running.
#
# usage: run.sh [host|host avx2|cortex-m|aarch64|compress]
#          [NETWORK or TARGET ...]
#
# KILN_BENCH_PYTHON is a Python with the peers' packages; else a venv with
# them is made under build/.
set -euo pipefail
cd "$(dirname "$0")/.."

shared=${KILN_SHARED:-../shared}
[ -d "$shared/bench-peers" ] || {
  echo "bench: $shared/bench-peers is not there" >&2
  exit 1
}

# Sets python to one with the peers. The file of requirements is put into the
# venv last: its presence says that the venv is complete.
find_python() {
  local venv=build/bench-venv
  python=${KILN_BENCH_PYTHON:-$venv/bin/python}
  [ -z "${KILN_BENCH_PYTHON-}" ] && [ ! -e $venv/requirements.txt ] || return 0
  python3 -m venv $venv || {
    echo "bench: install python3-venv, or set KILN_BENCH_PYTHON" >&2
    exit 1
  }
  {
    grep -v '^iree' "$shared/bench-peers/requirements.txt"
    printf '%s\n' ai-edge-quantizer==0.10.0 tensorflow==2.21.0
  } >$venv/wanted.txt
  "$python" -m pip install --quiet -r $venv/wanted.txt
  mv $venv/wanted.txt $venv/requirements.txt
}

part=${1-all}
[ $# -eq 0 ] || shift
case $part in
host | cortex-m | aarch64 | compress | all) ;;
*)
  echo "usage: bench/run.sh [host|host avx2|cortex-m|aarch64|compress] [NAME ...]" >&2
  exit 1
  ;;
esac
case $part in host | compress | all) find_python ;; esac
case $part in host | all) python3 bench/host.py "$python" "$@" ;; esac
case $part in cortex-m | all) python3 bench/cortex_m.py "$@" ;; esac
case $part in aarch64 | all) python3 bench/aarch64.py "$@" ;; esac
case $part in compress | all) python3 bench/compress.py "$python" "$@" ;; esac
