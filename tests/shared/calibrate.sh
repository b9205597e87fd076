# Calibration of float models: sixteen parts are one run, and so are the model
# as text and the interpreter.
# REQUIRES: shared
data=$SHARED/data
models=$SHARED/models
set -e

cifar="$data/cifar10-calib500/cifar10_train500.bin:u8[32,32,3]"
normal="scale=1/255 mean=0.4914,0.4822,0.4465 std=0.247,0.2435,0.2616 \
layout=nchw"
resnet=$models/frameworks/torch_resnet_cifar10_fp32.onnx
start=$(date +%s%N)
"$KILN" calibrate "$resnet" --data "$cifar" --preprocess "$normal" \
  -o "$TMP/all"
echo "500 images in $((($(date +%s%N) - start) / 1000000)) ms"
for k in 5 16 1 2 3 4 6 7 8 9 10 11 12 13 14 15; do
  "$KILN" calibrate "$resnet" --data "$cifar" --preprocess "$normal" \
    --shard $k/16 -o "$TMP/part.$k"
done
"$KILN" calibrate --merge "$TMP"/part.* -o "$TMP/merged"
cmp "$TMP/all" "$TMP/merged"

# same MODEL DATA STEPS: four samples
same() {
  local how=(--data "$2" --preprocess "$3" --samples 4)
  "$KILN" convert "$models/$1" --consts=file -o "$TMP/model.kiln"
  "$KILN" calibrate "$models/$1" "${how[@]}" -o "$TMP/model"
  "$KILN" calibrate "$TMP/model.kiln" "${how[@]}" -o "$TMP/text"
  "$KILN" calibrate "$models/$1" "${how[@]}" -o "$TMP/interp" --interpreter
  cmp "$TMP/model" "$TMP/text"
  cmp "$TMP/model" "$TMP/interp"
  echo "$1: $(grep -c ^tensor "$TMP/model") tensors"
}
same frameworks/torch_resnet_cifar10_fp32.onnx "$cifar" "$normal"
same frameworks/torch_vgg_cifar10_fp32.onnx "$cifar" "$normal"
same mlperf-tiny-onnx/model_ic.onnx "$cifar" "$normal"
images=$data/mnist/t10k-images-idx3-ubyte.gz
same frameworks/keras_dscnn_mnist_fp32.tflite "$images" scale=1/255
same frameworks/keras_lstm2_mnist.onnx "$images" scale=1/255
