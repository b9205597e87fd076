# The outputs of LiteRT's reference kernels and of TFLite Micro with
# CMSIS-NN for one recorded input, as FNV-1a hashes.
# REQUIRES: shared, x86-64
failed=0
lcg="$SRC/tests/shared/inputs/lcg.py"

# check MODEL SHAPE ROUNDING HASH
check() {
  local got
  python3 "$lcg" make "$2" "$TMP/in.npy"
  "$KILN" run "$SHARED/models/mlperf-tiny/$1.tflite" --rounding="$3" \
    --input "$TMP/in.npy" --output "$TMP/out" 2>/dev/null
  got=$(python3 "$lcg" hash "$TMP/out/out_0.npy")
  echo "$1 $3: $got"
  if [ "$got" != "$4" ]; then
    echo "expected $4"
    failed=1
  fi
}

for rounding in tflite tflm; do
  check kws_ref_model "(1, 49, 10, 1)" $rounding 4038422865
  check vww_96_int8 "(1, 96, 96, 3)" $rounding 1768032157
  check pretrainedResnet_quant "(1, 32, 32, 3)" $rounding 3853670657
  check str_ww_ref_model "(1, 30, 1, 40)" $rounding 3139040054
done
check ad01_int8 "(1, 640)" tflite 821884797
check ad01_int8 "(1, 640)" tflm 533982470
exit $failed
