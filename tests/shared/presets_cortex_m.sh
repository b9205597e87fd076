# Objects of every model for Cortex-M presets.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/presets.bash"
compile_models cortex-m0plus cortex-m3 cortex-m4 cortex-m7 cortex-m33 \
  cortex-m55
