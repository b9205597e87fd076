# Single operators of a network of 16-bit activations: every byte of TFLite
# Micro's recordings, in the object and in the interpreter.
# REQUIRES: shared
archive=$SHARED/models/tflite-op-tests/seanet-int16.tar.gz
[ -f "$archive" ] || { echo "no $archive"; exit 77; }
tar xzf "$archive" -C "$TMP"
failed=0 count=0
# Not imported: transposed convolutions, and 16 bits made 32.
rm -r "$TMP"/seanet/transpose_conv "$TMP"/seanet/quantize/quantize1.tflite
for model in "$TMP"/seanet/*/*.tflite; do
  base=${model%.tflite}
  python3 "$SRC/tests/shared/inputs/csv_npz.py" "$TMP/golden.npz" \
    "$base"_golden_int16.csv "$base"_input*_int16.csv
  "$KILN" verify "$model" --samples=1 --golden="$TMP/golden.npz" \
    >"$TMP/log" 2>&1 || { cat "$TMP/log"; failed=1; }
  count=$((count + 1))
done
echo "$count operators"
exit $failed
