# Calibration of float models: sixteen parts are one run, and so are the model
# as text and the interpreter.
# REQUIRES: shared
data=$SHARED/data
models=$SHARED/models
prepare="python3 $SRC/tests/shared/inputs/prepare.py"
set -e

$prepare "$TMP/cifar" "$data/cifar10-calib500/cifar10_train500.bin" 32,32,3 \
  nchw cifar
resnet=$models/frameworks/torch_resnet_cifar10_fp32.onnx
start=$(date +%s%N)
"$KILN" calibrate "$resnet" --data "$TMP/cifar:f32" -o "$TMP/all"
echo "500 images in $((($(date +%s%N) - start) / 1000000)) ms"
for k in 5 16 1 2 3 4 6 7 8 9 10 11 12 13 14 15; do
  "$KILN" calibrate "$resnet" --data "$TMP/cifar:f32" --shard $k/16 \
    -o "$TMP/part.$k"
done
"$KILN" calibrate --merge "$TMP"/part.* -o "$TMP/merged"
cmp "$TMP/all" "$TMP/merged"

# same MODEL DATA: the first 8 samples
same() {
  "$KILN" convert "$models/$1" --consts=file -o "$TMP/model.kiln"
  "$KILN" calibrate "$models/$1" --data "$2" --shard 1/50 -o "$TMP/model"
  "$KILN" calibrate "$TMP/model.kiln" --data "$2" --shard 1/50 -o "$TMP/text"
  "$KILN" calibrate "$models/$1" --data "$2" --shard 1/50 -o "$TMP/interp" \
    --interpreter
  cmp "$TMP/model" "$TMP/text"
  cmp "$TMP/model" "$TMP/interp"
  echo "$1: $(grep -c ^tensor "$TMP/model") tensors"
}
same frameworks/torch_resnet_cifar10_fp32.onnx "$TMP/cifar:f32"
same frameworks/torch_vgg_cifar10_fp32.onnx "$TMP/cifar:f32"
same mlperf-tiny-onnx/model_ic.onnx "$TMP/cifar:f32"
$prepare "$TMP/mnist" "$data/mnist/t10k-images-idx3-ubyte.gz" 28,28,1 nhwc \
  unit 0:200
same frameworks/keras_dscnn_mnist_fp32.tflite "$TMP/mnist:f32"
same frameworks/keras_lstm2_mnist.onnx "$TMP/mnist:f32"
