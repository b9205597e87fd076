# Objects of every model for x86-64 presets.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/presets.bash"
compile_models x86-64-v2 x86-64-v3 x86-64-avx512vnni
