#!/usr/bin/env bash
# The example works end to end, host and Cortex-M4, with the accuracy of the
# reference kernels.
# REQUIRES: qemu-system-arm
set -euo pipefail
OUT=$TMP/demo "$SRC/examples/digits/demo.sh"
