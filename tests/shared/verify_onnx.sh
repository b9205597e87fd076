# Every ONNX model and every float TFLite model, on this machine: object
# against interpreter on random inputs, both against recorded outputs. What
# must be refused is refused, and the operator named.
# REQUIRES: shared
failed=0
cd "$SHARED/models"

# The recorded outputs of model $1, if there are any.
golden() {
  local folder=${1%/*}/golden name=${1##*/}
  for npz in "$folder/$name.npz" "$folder/${name%.*}.npz"; do
    [ ! -e "$npz" ] || echo "--golden=$npz"
  done
}

verify() {
  # shellcheck disable=SC2046
  "$KILN" verify "$1" $(golden "$1") --samples=1 >"$TMP/log" 2>&1 || {
    echo "failed: $1"
    failed=1
  }
  grep -v ' note: ' "$TMP/log"
}

for model in */*.onnx; do
  case $model in must-reject/*) continue ;; esac
  verify "$model"
done
for model in frameworks/keras_{attention,dscnn}_mnist_fp32 \
  imagenet/mobilenet_v1_0.25_224_float \
  mlp-and-text/{hello_world_float,movie_review,planestrike_tf} \
  mlperf-tiny/{ad01_fp32,pretrainedResnet,vww_96_float} \
  transformer/kwt1 vision-other/person_detect; do
  verify $model.tflite
done

# refused MODEL OPERATOR
refused() {
  local status=0
  "$KILN" check "must-reject/$1.tflite" >"$TMP/log" 2>&1 || status=$?
  if [ $status != 3 ] || ! grep -q "error E0301.*$2" "$TMP/log"; then
    echo "not refused for $2: $1, exit status $status"
    cat "$TMP/log"
    failed=1
  fi
}
refused model_invoking_error fake-op-double
for op in Energy FftAutoScale FilterBank FilterBankLog \
  FilterBankSpectralSubtraction FilterBankSquareRoot PCAN Rfft Window; do
  refused audio_preprocessor_int8 Signal$op
done
exit $failed
