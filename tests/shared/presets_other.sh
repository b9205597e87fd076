# Objects of every model for the other presets.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/presets.bash"
compile_models riscv64 wasm32
