# What `kiln quantize --recover` wins back. Of vww and mobilenet there are no
# images but those that are tested.
# REQUIRES: shared
failed=0
data=$SHARED/data

# hits MODEL TEST LABELS: right answers of ten thousand
hits() {
  "$KILN" eval "$1" --data "$2" --labels "$3" --json 2>/dev/null |
    sed -n 's/.*"top1": *\([0-9.]*\).*/\1/p' | awk '{print int(1e4 * $1 + .5)}'
}

# model FILE PREPROCESS SAMPLES TEST LABELS: what is quantized from here on
model() {
  name=${1##*/} from=$3 test=$4 labels=$5
  "$KILN" convert "$SHARED/models/$1" --preprocess "$2" -o "$TMP/f.kiln" \
    2>/dev/null || failed=1
  real=$(hits "$TMP/f.kiln" "$test" "$labels")
}

# quantized OPTION ...: its right answers
quantized() {
  "$KILN" quantize "$TMP/f.kiln" --data "$from" --samples 500 "$@" \
    -o "$TMP/q.kiln" >/dev/null && hits "$TMP/q.kiln" "$test" "$labels"
}

# One scale a tensor: four fifths of the loss come back, where a tenth of a
# point or more was lost.
per_tensor() {
  local plain recovered
  plain=$(quantized --per-tensor --recover=none)
  recovered=$(quantized --per-tensor --recover=auto)
  echo "$name: $real, per tensor $plain, recovered $recovered of 10000"
  local lost=$((real - plain))
  [ $lost -ge 10 ] || lost=50
  [ -n "$recovered" ] && [ $((5 * (real - recovered))) -le $lost ] || failed=1
}

# 4 bits, with what else is asked for: at most 1.5 points go.
four_bits() {
  local recovered
  recovered=$(quantized --weights=int4 --recover=round,refine,bn "$@")
  echo "$name: $real, 4 bits $* $recovered of 10000"
  [ -n "$recovered" ] && [ $((real - recovered)) -le 150 ] || failed=1
}

# Tables of 16 weights: at most a point.
codes() {
  local recovered
  recovered=$(quantized --weights=code16 --recover=bias,round,refine)
  echo "$name: $real, 16 codes $recovered of 10000"
  [ -n "$recovered" ] && [ $((real - recovered)) -le 100 ] || failed=1
}

vww=$data/vww-coco-val128/rgb_96.bin:u8[96,96,3]
model mlperf-tiny-onnx/vww_96_float.onnx "scale=1/255 layout=nchw" \
  "$vww" "$vww" "$data/vww-coco-val128/y_labels.csv:2"
per_tensor
images=$data/imagenet-sample/rgb_224.bin:u8[224,224,3]
model imagenet/mobilenet_v1_0.25_224_float.tflite "scale=1/127.5 mean=1" \
  "$images" "$images" "$data/imagenet-sample/labels.csv:2"
per_tensor

images=$data/mnist/t10k-images-idx3-ubyte.gz
model frameworks/keras_dscnn_mnist_fp32.tflite "scale=1/255" "$images" \
  "$images" "$data/mnist/t10k-labels-idx1-ubyte.gz"
per_tensor
four_bits
model frameworks/keras_attention_mnist_fp32.tflite "scale=1/255" "$images" \
  "$images" "$data/mnist/t10k-labels-idx1-ubyte.gz"
four_bits
codes

torch="scale=1/255 mean=0.4914,0.4822,0.4465 std=0.247,0.2435,0.2616 layout=nchw"
for net in frameworks/torch_{resnet,vgg}_cifar10_fp32 mlperf-tiny-onnx/model_ic
do
  model $net.onnx "$torch" \
    "$data/cifar10-calib500/cifar10_train500.bin:u8[32,32,3]" \
    "$data/cifar10-test1000/cifar10_test1000.bin:u8[32,32,3]" \
    "$data/cifar10-test1000/y_labels.csv:2"
  four_bits
done
model mlperf-tiny/pretrainedResnet.tflite "scale=1" \
  "$data/cifar10-calib500/cifar10_train500.bin:u8[32,32,3]" \
  "$data/cifar10-test1000/cifar10_test1000.bin:u8[32,32,3]" \
  "$data/cifar10-test1000/y_labels.csv:2"
four_bits
four_bits --group=32
exit $failed
