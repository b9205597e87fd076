# The top-1 that ONNX Runtime and LiteRT have, within one sample, of models
# that take floats.
# REQUIRES: shared
failed=0
data=$SHARED/data

# check MODEL HITS DATA LABELS [STEPS]
check() {
  local got hits
  got=$("$KILN" eval "$SHARED/models/$1" --data "$3" --labels "$4" \
    --preprocess "${5-}" --samples "${samples:-0:99999}" 2>/dev/null | head -1)
  hits=$(sed -n 's/^top-1.*(\([0-9]*\) of .*/\1/p' <<<"$got")
  if [ -n "$hits" ] && [ $((hits - $2)) -ge -1 ] && [ $((hits - $2)) -le 1 ]
  then
    echo "$1: $got"
  else
    echo "$1: $got, expected $2"
    failed=1
  fi
}

# ic01 MODEL HITS [STEPS]; cifar: the larger set
ic01() {
  check "$1" "$2" "$data/ic01/ic01.bin:u8[32,32,3]" \
    "$data/ic01/y_labels.csv:2" "${3-}"
}
cifar() {
  check "$1" "$2" "$data/cifar10-test1000/cifar10_test1000.bin:u8[32,32,3]" \
    "$data/cifar10-test1000/y_labels.csv:2" "${3-}"
}
rgb="scale=1/255 mean=0.4914,0.4822,0.4465 std=0.2470,0.2435,0.2616 layout=nchw"
ic01 mlperf-tiny/pretrainedResnet.tflite 174
cifar mlperf-tiny/pretrainedResnet.tflite 881
ic01 mlperf-tiny-onnx/model_ic.onnx 165 "$rgb"
cifar mlperf-tiny-onnx/model_ic.onnx 829 "$rgb"
ic01 onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx 166 "$rgb"
cifar onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx 841 "$rgb"
ic01 pruned/ic_cifar10_pruned_2of4.onnx 47 "$rgb"
cifar pruned/ic_cifar10_pruned_2of4.onnx 240 "$rgb"
while read -r model hits; do
  cifar "frameworks/$model" "$hits" "$rgb"
done <<'END'
torch_resnet_cifar10_fp32.onnx 714
torch_resnet_cifar10_fp32_dynbatch.onnx 714
torch_resnet_cifar10_unstructured80.onnx 707
ort_resnet_unstructured80_qdq.onnx 704
ort_resnet_qdq_s8s8_perchannel.onnx 713
ort_resnet_qdq_u8s8_perchannel.onnx 713
torch_vgg_cifar10_fp32.onnx 760
torch_vgg_cifar10_channels40_const.onnx 754
torch_vgg_cifar10_channels40_zero.onnx 753
ort_vgg_qoperator_u8s8.onnx 763
ort_vgg_dynamic_u8.onnx 764
END

vww=$data/vww-coco-val128
check mlperf-tiny/vww_96_float.tflite 111 "$vww/rgb_96.bin:u8[96,96,3]" \
  "$vww/y_labels.csv:2" "scale=1/255"
for model in mlperf-tiny-onnx/vww_96_float pruned/vww_96_pruned40 \
  onnx-quantised/vww_96_qdq_s8s8_perchannel \
  onnx-quantised/vww_96_qoperator_u8u8; do
  check $model.onnx 111 "$vww/rgb_96.bin:u8[96,96,3]" "$vww/y_labels.csv:2" \
    "scale=1/255 layout=nchw"
done

mnist() {
  check "$1" "$2" "$data/mnist/t10k-images-idx3-ubyte.gz" \
    "$data/mnist/t10k-labels-idx1-ubyte.gz" "${3-}"
}
mnist mnist/mnist_cnn_cntk.onnx 9891
mnist onnx-quantised/mnist_cnn_qoperator_u8s8.onnx 9890
while read -r model hits; do
  samples=8000:10000 mnist "frameworks/$model" "$hits" "scale=1/255"
done <<'END'
keras_dscnn_mnist_fp32.tflite 1927
keras_dscnn_mnist_int8.tflite 1929
keras_dscnn_mnist_int16x8.tflite 1926
keras_dscnn_mnist_dynamic.tflite 1930
keras_dscnn_mnist.onnx 1927
keras_attention_mnist_fp32.tflite 1701
keras_attention_mnist_dynamic.tflite 1699
keras_attention_mnist.onnx 1701
keras_lstm2_mnist.onnx 1777
tensorflow_mlp_mnist_int8.tflite 1897
jax_cnn_mnist_int8.tflite 1950
END

# 0.58470291 (x - 83)
check mlperf-tiny/kws_ref_model_float32.tflite 905 \
  "$data/kws01/kws01.bin:i8[49,10]" "$data/kws01/y_labels.csv:2" \
  "mean=83 std=1/0.58470291"

# Pictures as they are, and cut to size.
images=$data/imagenet-sample
mobilenet=imagenet/mobilenet_v1_0.25_224_float.tflite
check $mobilenet 52 "$images/rgb_224.bin:u8[224,224,3]" "$images/labels.csv:2" \
  "scale=1/127.5 mean=1"
check $mobilenet 52 "$images/images" "$images/labels.csv:2" \
  "resize=256 crop=224 scale=1/127.5 mean=1"
exit $failed
