# The top-1 of LiteRT's reference kernels, sample for sample.
# REQUIRES: shared
failed=0

# check MODEL HITS DATA LABELS
check() {
  local got
  got=$("$KILN" eval "$SHARED/models/$1.tflite" --data "$SHARED/data/$3" \
    --labels "$SHARED/data/$4" 2>/dev/null | head -1)
  case $got in
  *"($2 of "*) echo "$1: $got" ;;
  *)
    echo "$1: $got, expected $2"
    failed=1
    ;;
  esac
}

check mlperf-tiny/kws_ref_model 901 kws01/kws01.bin:i8 kws01/y_labels.csv:2
check mlperf-tiny/pretrainedResnet_quant 175 \
  'ic01/ic01.bin:u8[32,32,3]' ic01/y_labels.csv:2
check mlperf-tiny/pretrainedResnet_quant 877 \
  'cifar10-test1000/cifar10_test1000.bin:u8[32,32,3]' \
  cifar10-test1000/y_labels.csv:2
check mlperf-tiny/vww_96_int8 111 \
  'vww-coco-val128/rgb_96.bin:u8[96,96,3]' vww-coco-val128/y_labels.csv:2
check mlperf-tiny/str_ww_ref_model 41 \
  sww-calib45/calibration_samples.npz:specs \
  sww-calib45/calibration_samples.npz:labels
check imagenet/mobilenet_v1_0.25_128_quant 46 \
  'imagenet-sample/rgb_128.bin:u8[128,128,3]' imagenet-sample/labels.csv:2
check imagenet/mobilenet_v1_0.5_160_quant 68 \
  'imagenet-sample/rgb_160.bin:u8[160,160,3]' imagenet-sample/labels.csv:2
check imagenet/mobilenet_v2_1.0_224_quant 86 \
  'imagenet-sample/rgb_224.bin:u8[224,224,3]' imagenet-sample/labels.csv:2
exit $failed
