# Every pass held to its class on all models that are not in the other
# passes_*.sh.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/passes.bash"
cd "$SHARED/models" || exit 1
folders=
for folder in */; do
  case ${folder%/} in
  imagenet | vision-other | transformer | must-reject) ;;
  *) folders="$folders ${folder%/}" ;;
  esac
done
# shellcheck disable=SC2086
hold_passes 2 $folders
