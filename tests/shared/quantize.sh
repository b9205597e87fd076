# Float networks of all kinds to int8: at most half a point of top-1 goes; the
# other schemes lose no more than they may. The objects are the
# interpreter's, byte for byte, on every kind of target.
# REQUIRES: shared
failed=0
data=$SHARED/data
cifar=$data/cifar10-test1000
calibration=$data/cifar10-calib500/cifar10_train500.bin

# hits MODEL TEST LABELS: right answers of ten thousand, of the samples `of`
of=
hits() {
  "$KILN" eval "$1" --data "$2" --labels "$3" ${of:+--samples "$of"} \
    --json 2>/dev/null |
    sed -n 's/.*"top1": *\([0-9.]*\).*/\1/p' | awk '{print int(1e4 * $1 + .5)}'
}

# check MODEL PREPROCESS SAMPLES TEST LABELS DROP [OPTION ...]: drop in
# hundredths of a point
check() {
  local model=$SHARED/models/$1 steps=$2 from=$3 test=$4 labels=$5 drop=$6
  shift 6
  "$KILN" convert "$model" --preprocess "$steps" -o "$TMP/float.kiln" \
    2>/dev/null || { failed=1; return; }
  "$KILN" quantize "$TMP/float.kiln" --data "$from" --samples 500 "$@" \
    -o "$TMP/q.kiln" >/dev/null || { failed=1; return; }
  local real integer
  real=$(hits "$TMP/float.kiln" "$test" "$labels")
  integer=$(hits "$TMP/q.kiln" "$test" "$labels")
  echo "${model##*/} $*: $real, $integer of 10000"
  [ -n "$integer" ] && [ $((real - integer)) -le "$drop" ] || failed=1
}

# verified TARGET ...: of the network quantized last
verified() {
  local target
  for target; do
    "$KILN" verify "$TMP/q.kiln" --target="$target" --samples=1 || failed=1
  done
}

# agrees N TEST: says what the float model does on N or more of the samples
agrees() {
  local got
  got=$("$KILN" eval "$TMP/q.kiln" --data "$2" --against "$TMP/float.kiln" \
    --metric agreement | sed -n 's/^agreement.*(\([0-9]*\) of [0-9]*)$/\1/p')
  echo "agreement on $got"
  [ -n "$got" ] && [ "$got" -ge "$1" ] || failed=1
}

torch="scale=1/255 mean=0.4914,0.4822,0.4465 std=0.247,0.2435,0.2616 layout=nchw"
pixels="u8[32,32,3]"
test=$cifar/cifar10_test1000.bin:$pixels
labels=$cifar/y_labels.csv:2
on_cifar() {
  local model=$1 steps=$2
  shift 2
  check "$model" "$steps" "$calibration:$pixels" "$test" "$labels" "$@"
}
on_cifar mlperf-tiny-onnx/model_ic.onnx "$torch" 50
verified host aarch64 cortex-m4
on_cifar mlperf-tiny-onnx/model_ic.onnx "$torch" 50 --activations=int16
verified host aarch64 cortex-m4
on_cifar mlperf-tiny-onnx/model_ic.onnx "$torch" 50 --activations=dynamic
verified host
on_cifar mlperf-tiny-onnx/model_ic.onnx "$torch" 200 --per-tensor
verified host
on_cifar mlperf-tiny-onnx/model_ic.onnx "$torch" 200 --scale-bits=1
verified host cortex-m4
on_cifar frameworks/torch_resnet_cifar10_fp32.onnx "$torch" 50
for model in torch_resnet_cifar10_fp32 torch_vgg_cifar10_fp32; do
  on_cifar frameworks/$model.onnx "$torch" 20 --activations=int16 \
    --weights=int12
  agrees 998 "$test"
done
verified host aarch64 cortex-m4

images=$data/mnist/t10k-images-idx3-ubyte.gz
labels=$data/mnist/t10k-labels-idx1-ubyte.gz
check mnist/mnist_cnn_cntk.onnx "scale=1" "$images" "$images" "$labels" 50
of=8000:10000 # the others are what these were trained on
check frameworks/keras_dscnn_mnist_fp32.tflite "scale=1/255" "$images" \
  "$images" "$labels" 50
check frameworks/keras_attention_mnist_fp32.tflite "scale=1/255" "$images" \
  "$images" "$labels" 50

of=
# Of 100 images one more or less is a point: what the float model says counts.
images=$data/imagenet-sample/rgb_224.bin:u8[224,224,3]
labels=$data/imagenet-sample/labels.csv:2
mobilenet=imagenet/mobilenet_v1_0.25_224_float.tflite
check $mobilenet "scale=1/127.5 mean=1" "$images" "$images" "$labels" 200
agrees 80 "$images"
check $mobilenet "scale=1/127.5 mean=1" "$images" "$images" "$labels" 600 \
  --per-tensor
agrees 65 "$images"
exit $failed
