#!/usr/bin/env bash
# The way through another framework and back: a pruned model as ONNX knows how
# its samples are preprocessed, a quantized one as ONNX makes the object that it
# makes as text.
set -euo pipefail
digits=$SRC/examples/digits
calibration="$digits/calibration_images.bin:i8[8,8,1]"
test=(--data "$digits/test_images.bin:i8[8,8,1]"
  --labels "$digits/test_labels.csv")
cd "$TMP"

"$KILN" prune "$digits/digits.onnx" --params=-30% --data "$calibration" \
  -o pruned.onnx
"$KILN" eval pruned.onnx "${test[@]}" | tee eval
grep -qE '\(3(5[3-9]|60) of 360\)' eval

"$KILN" quantize pruned.onnx --data "$calibration" -o quantized.kiln
"$KILN" eval quantized.kiln "${test[@]}" | tee eval
grep -qE '\(3(5[3-9]|60) of 360\)' eval
"$KILN" convert quantized.kiln -o quantized.onnx
for form in kiln onnx; do
  mkdir $form
  "$KILN" compile quantized.$form --name=digits -o $form/digits >/dev/null
done
cmp kiln/digits.o onnx/digits.o
