# The top-1 that ONNX Runtime and LiteRT have, within one sample, of models
# that take floats.
# REQUIRES: shared
failed=0
data=$SHARED/data
prepare="python3 $SRC/tests/shared/inputs/prepare.py"

# check MODEL HITS DATA LABELS
check() {
  local got hits
  got=$("$KILN" eval "$SHARED/models/$1" --data "$3:f32" --labels "$4" \
    2>&1 | grep -v ' note: ' | head -1)
  hits=$(sed -n 's/^top-1.*(\([0-9]*\) of .*/\1/p' <<<"$got")
  if [ -n "$hits" ] && [ $((hits - $2)) -ge -1 ] && [ $((hits - $2)) -le 1 ]
  then
    echo "$1: $got"
  else
    echo "$1: $got, expected $2"
    failed=1
  fi
}

cifar() {
  $prepare "$TMP/$1" "$data/$2" 32,32,3 "$3" "$4"
}
cifar ic01 ic01/ic01.bin nchw cifar
cifar ic01.pixel ic01/ic01.bin nhwc pixel
cifar cifar cifar10-test1000/cifar10_test1000.bin nchw cifar
cifar cifar.pixel cifar10-test1000/cifar10_test1000.bin nhwc pixel
ic01=$data/ic01/y_labels.csv:2
cifar=$data/cifar10-test1000/y_labels.csv:2
check mlperf-tiny/pretrainedResnet.tflite 174 "$TMP/ic01.pixel" "$ic01"
check mlperf-tiny/pretrainedResnet.tflite 881 "$TMP/cifar.pixel" "$cifar"
check mlperf-tiny-onnx/model_ic.onnx 165 "$TMP/ic01" "$ic01"
check mlperf-tiny-onnx/model_ic.onnx 829 "$TMP/cifar" "$cifar"
check onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx 166 "$TMP/ic01" "$ic01"
check onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx 841 "$TMP/cifar" \
  "$cifar"
check pruned/ic_cifar10_pruned_2of4.onnx 47 "$TMP/ic01" "$ic01"
check pruned/ic_cifar10_pruned_2of4.onnx 240 "$TMP/cifar" "$cifar"
while read -r model hits; do
  check "frameworks/$model" "$hits" "$TMP/cifar" "$cifar"
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
$prepare "$TMP/vww.nhwc" "$vww/rgb_96.bin" 96,96,3 nhwc unit
$prepare "$TMP/vww.nchw" "$vww/rgb_96.bin" 96,96,3 nchw unit
check mlperf-tiny/vww_96_float.tflite 111 "$TMP/vww.nhwc" "$vww/y_labels.csv:2"
for model in mlperf-tiny-onnx/vww_96_float pruned/vww_96_pruned40 \
  onnx-quantised/vww_96_qdq_s8s8_perchannel \
  onnx-quantised/vww_96_qoperator_u8u8; do
  check $model.onnx 111 "$TMP/vww.nchw" "$vww/y_labels.csv:2"
done

images=$data/mnist/t10k-images-idx3-ubyte.gz
labels=$data/mnist/t10k-labels-idx1-ubyte.gz
$prepare "$TMP/mnist" "$images" 28,28,1 nchw pixel
check mnist/mnist_cnn_cntk.onnx 9891 "$TMP/mnist" "$labels"
check onnx-quantised/mnist_cnn_qoperator_u8s8.onnx 9890 "$TMP/mnist" "$labels"
$prepare "$TMP/mnist" "$images" 28,28,1 nhwc unit 8000:10000
gunzip -c "$labels" | tail -c 2000 >"$TMP/labels"
while read -r model hits; do
  check "frameworks/$model" "$hits" "$TMP/mnist" "$TMP/labels:u8"
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

kws=$data/kws01
$prepare "$TMP/kws" "$kws/kws01.bin" 49,10,1 nhwc kws
check mlperf-tiny/kws_ref_model_float32.tflite 905 "$TMP/kws" \
  "$kws/y_labels.csv:2"

images=$data/imagenet-sample
$prepare "$TMP/imagenet" "$images/rgb_224.bin" 224,224,3 nhwc symmetric
check imagenet/mobilenet_v1_0.25_224_float.tflite 52 "$TMP/imagenet" \
  "$images/labels.csv:2"
exit $failed
