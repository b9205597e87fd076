# kiln prune, then kiln quantize, without any retraining: 30 % fewer parameters
# and int8 weights take a quarter of the float model's flash, at the price of one
# point of top-1 at most, on images that neither was given.
# REQUIRES: shared
data=$SHARED/data
shape="u8[32,32,3]"
calib=$data/cifar10-calib500/cifar10_train500.bin:$shape
test=$data/cifar10-test1000/cifar10_test1000.bin:$shape
labels=$data/cifar10-test1000/y_labels.csv:2
steps="scale=1/255 mean=0.4914,0.4822,0.4465 std=0.247,0.2435,0.2616"
model=$SHARED/models/frameworks/torch_resnet_cifar10_fp32.onnx

flash() {
  "$KILN" compile "$1" --target=cortex-m4 -Os -o "$TMP/net" 2>&1 |
    sed -n 's/^flash *\([0-9,]*\) bytes.*/\1/p' | tr -d ,
}

"$KILN" prune "$model" --data "$calib" --preprocess "$steps layout=nchw" \
  --params=-30% -o "$TMP/pruned.kiln" >"$TMP/told" 2>&1
less=$(sed -n 's/.* units gone: \([0-9.]*\) % fewer par.*/\1/p' "$TMP/told")
"$KILN" quantize "$TMP/pruned.kiln" --data "$calib" --mixed=2 --recover=auto \
  -o "$TMP/int8.kiln" >/dev/null 2>&1
hits=$("$KILN" eval "$TMP/int8.kiln" --data "$test" --labels "$labels" 2>&1 |
  sed -n 's/^top-1.*(\([0-9]*\) of .*/\1/p')
before=$(flash "$model")
after=$(flash "$TMP/int8.kiln")
echo "$less % fewer parameters, $hits of 1000 right, 714 before; flash $after" \
  "of $before bytes"
awk -v less="$less" -v hits="$hits" -v before="$before" -v after="$after" \
  'BEGIN { exit !(less + 0 >= 30 && hits + 0 >= 704 && after * 4 <= before) }'
