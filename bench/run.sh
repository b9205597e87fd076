#!/usr/bin/env bash
# The figures of docs/performance.md as Markdown: Kiln beside its peers on
# this machine, and on Cortex-M under qemu. Needs the shared folder; run it
# with nothing else heavy running.
#
# usage: run.sh [host|cortex-m] [NETWORK ...]
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

# Sets python to one with the peers.
find_python() {
  python=${KILN_BENCH_PYTHON:-build/bench-venv/bin/python}
  [ -x "$python" ] && return
  python3 -m venv build/bench-venv # Debian: python3-venv
  grep -v '^iree' "$shared/bench-peers/requirements.txt" \
    >build/bench-venv/requirements.txt
  "$python" -m pip install --quiet -r build/bench-venv/requirements.txt
}

part=${1-all}
[ $# -eq 0 ] || shift
case $part in
host | cortex-m | all) ;;
*)
  echo "usage: bench/run.sh [host|cortex-m] [NETWORK ...]" >&2
  exit 1
  ;;
esac
if [ "$part" != cortex-m ]; then
  find_python
  python3 bench/host.py "$python" "$@"
fi
if [ "$part" != host ]; then
  python3 bench/cortex_m.py "$@"
fi
