# kiln prune without any retraining: 30 % fewer parameters at the price of one
# point of top-1 at most, on images that it was not given.
# REQUIRES: shared
failed=0
data=$SHARED/data
shape="u8[32,32,3]"
calib=$data/cifar10-calib500/cifar10_train500.bin:$shape
test=$data/cifar10-test1000/cifar10_test1000.bin:$shape
labels=$data/cifar10-test1000/y_labels.csv:2
steps="scale=1/255 mean=0.4914,0.4822,0.4465 std=0.247,0.2435,0.2616"

# check MODEL FLOAT_HITS PERCENT POINTS OPTION...: at least so many fewer
# parameters (or zeros), at most so many points less.
check() {
  local model=$1 float=$2 least=$3 points=$4 told less hits
  shift 4
  told=$("$KILN" prune "$SHARED/models/frameworks/$model" --data "$calib" \
    --preprocess "$steps layout=nchw" -o "$TMP/pruned.kiln" "$@" 2>&1)
  less=$(sed -n 's/.* units gone: \([0-9.]*\) % fewer par.*/\1/p' <<<"$told")
  [ "$less" != 0.0 ] ||
    less=$(sed -n 's/\([0-9.]*\) % of what stays is zero/\1/p' <<<"$told")
  hits=$("$KILN" eval "$TMP/pruned.kiln" --data "$test" --labels "$labels" \
    2>&1 | sed -n 's/^top-1.*(\([0-9]*\) of .*/\1/p')
  echo "$model $*: $less % less, $hits of 1000 right, $float before"
  awk -v less="$less" -v least="$least" -v hits="$hits" -v float="$float" \
    -v points="$points" 'BEGIN {
      exit !(less + 0 >= least && hits + 0 >= float - 10 * points) }' || {
    echo "expected $least % and at most $points points less"
    failed=1
  }
}

check torch_resnet_cifar10_fp32.onnx 714 30 1 --params=-30%
check torch_vgg_cifar10_fp32.onnx 760 30 1 --params=-30%
check torch_resnet_cifar10_fp32.onnx 714 49 1 --unstructured=50%
exit $failed
