# What `kiln quantize --recover` wins back. Of vww and mobilenet there are no
# images but those that are tested.
# REQUIRES: shared
failed=0
data=$SHARED/data
prepare="python3 $SRC/tests/shared/inputs/prepare.py"

# check LEAST MODEL CALIBRATION DATA LABELS OPTION ...: top-1 hits
check() {
  local least=$1 model=$2 calibration=$3 test=$4 labels=$5 got hits
  shift 5
  "$KILN" quantize "$SHARED/models/$model" --data "$calibration:f32" "$@" \
    -o "$TMP/q.kiln" >"$TMP/log" 2>&1 || cat "$TMP/log"
  got=$("$KILN" eval "$TMP/q.kiln" --data "$test:f32" --labels "$labels" \
    2>&1 | grep top-1 | head -1)
  hits=$(sed -n 's/^top-1.*(\([0-9]*\) of .*/\1/p' <<<"$got")
  echo "$model $*: $got"
  if [ "${hits:-0}" -lt "$least" ]; then
    echo "expected at least $least"
    failed=1
  fi
}

# One scale a tensor, four fifths of the loss: of 111, 109 are left without.
vww=$data/vww-coco-val128
$prepare "$TMP/vww" "$vww/rgb_96.bin" 96,96,3 nchw unit
check 111 mlperf-tiny-onnx/vww_96_float.onnx "$TMP/vww" "$TMP/vww" \
  "$vww/y_labels.csv:2" --per-tensor --recover=bias,round
# Of 52, 28.
images=$data/imagenet-sample
$prepare "$TMP/imagenet" "$images/rgb_224.bin" 224,224,3 nhwc symmetric
check 48 imagenet/mobilenet_v1_0.25_224_float.tflite "$TMP/imagenet" \
  "$TMP/imagenet" "$images/labels.csv:2" --per-tensor --recover=bias,round
# Of 1927, 1922.
images=$data/mnist/t10k-images-idx3-ubyte.gz
$prepare "$TMP/calib" "$images" 28,28,1 nhwc unit 0:500
$prepare "$TMP/mnist" "$images" 28,28,1 nhwc unit 8000:10000
gunzip -c "$data/mnist/t10k-labels-idx1-ubyte.gz" | tail -c 2000 >"$TMP/labels"
mnist="frameworks/keras_dscnn_mnist_fp32.tflite $TMP/calib $TMP/mnist"
check 1926 $mnist "$TMP/labels:u8" --per-tensor --recover=bias,round

# 4 bits, at most 1.5 points below the float network.
check 1898 $mnist "$TMP/labels:u8" --weights=int4 --recover=bias,round,refine
labels=$data/cifar10-test1000/y_labels.csv:2
calib=$data/cifar10-calib500/cifar10_train500.bin
test=$data/cifar10-test1000/cifar10_test1000.bin
$prepare "$TMP/calib" "$calib" 32,32,3 nchw cifar
$prepare "$TMP/cifar" "$test" 32,32,3 nchw cifar
while read -r least model; do
  check "$least" "$model" "$TMP/calib" "$TMP/cifar" "$labels" --weights=int4 \
    --recover=bias,round,refine
done <<'END'
699 frameworks/torch_resnet_cifar10_fp32.onnx
745 frameworks/torch_vgg_cifar10_fp32.onnx
814 mlperf-tiny-onnx/model_ic.onnx
END
exit $failed
