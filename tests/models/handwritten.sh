#!/usr/bin/env bash
# The network that is written by hand: compiles, for a microcontroller too,
# runs as the interpreter does, and knows as many digits as its weights knew
# when they were trained.
set -euo pipefail
network=$SRC/examples/handwritten/network.kiln
"$KILN" compile "$network" -o "$TMP/digits" >/dev/null
"$KILN" compile "$network" --target=cortex-m4 -o "$TMP/m4" >/dev/null
"$KILN" verify "$network"
"$KILN" eval "$network" --data "$SRC/examples/digits/test_images.bin:i8[8,8,1]" \
  --labels "$SRC/examples/digits/test_labels.csv" | tee "$TMP/eval"
grep -q '(349 of 360)' "$TMP/eval"
# As text of its own, and back to the same object.
mkdir "$TMP/again"
"$KILN" convert "$network" -o "$TMP/network.kiln"
"$KILN" compile "$TMP/network.kiln" -o "$TMP/again/digits" >/dev/null
cmp "$TMP/digits.o" "$TMP/again/digits.o"
# As ONNX, and read again.
"$KILN" convert "$network" -o "$TMP/network.onnx"
"$KILN" eval "$TMP/network.onnx" \
  --data "$SRC/examples/digits/test_images.bin:i8[8,8,1]" \
  --labels "$SRC/examples/digits/test_labels.csv" | grep '(349 of 360)'
