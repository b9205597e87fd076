# Sourced by passes_*.sh: runs all passes, one after another, over models, and
# the interpreter behind each that changed one: every value that is left has
# to have the bytes that it had, but for what the pass's class allows. Passes
# that are not in the default pipeline run as well.

PASSES=$("$KILN" passes --names | paste -sd,)

# What models that leave things open need beside their file.
options() {
  case $1 in
  transformer/tiny_random_gpt2_past.onnx)
    echo --dim past_seq_len=4 --dim seq_len=2 --dim total_seq_len=6
    ;;
  transformer/*.onnx) echo --dim tokens=8 ;;
  audio-and-recurrent/silero*.onnx)
    {
      printf '\x93NUMPY\x01\x00\x46\x00%-69s\n' \
        "{'descr': '<i8', 'fortran_order': False, 'shape': (), }"
      printf '\x80\x3e\0\0\0\0\0\0'
    } >"$TMP/sr.npy"
    echo --dim sequence=512 --bind sr="$TMP/sr.npy"
    ;;
  esac
}

# hold_passes SAMPLES FOLDER ...: the models in these folders. One with an
# operator that Kiln does not have is left out, and said so.
hold_passes() {
  local samples=$1 folder model status failed=0
  shift
  cd "$SHARED/models" || return 1
  for folder in "$@"; do
    for model in "$folder"/*.tflite "$folder"/*.onnx; do
      [ -e "$model" ] || continue
      status=0
      # shellcheck disable=SC2046
      "$KILN" verify "$model" --interpreter --samples="$samples" \
        --passes="$PASSES" --allow=requant $(options "$model") \
        >"$TMP/log" 2>&1 || status=$?
      grep -v ' note: ' "$TMP/log"
      case $status in
      0) ;;
      3) echo "left out: $model" ;;
      *)
        echo "failed: $model"
        failed=1
        ;;
      esac
    done
  done
  return $failed
}
