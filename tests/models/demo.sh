#!/usr/bin/env bash
# The example works end to end, from a model of floats to host and Cortex-M4,
# with nearly the accuracy of the floats.
# REQUIRES: qemu-system-arm
set -euo pipefail
OUT=$TMP/demo "$SRC/examples/digits/demo.sh"
