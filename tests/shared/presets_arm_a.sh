# Objects of every model for Cortex-A presets.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/presets.bash"
compile_models aarch64 cortex-a72 cortex-a76 armv7-neon
