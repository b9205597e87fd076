# Every pass held to its class on detectors, segmenters and transformers.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/passes.bash"
hold_passes 1 vision-other transformer
