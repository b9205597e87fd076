# Objects of every model for x86-64 presets.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/presets.bash"
compile_models x86-64
