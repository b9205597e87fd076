#!/usr/bin/env bash
# clang-format has nothing to change: `./dev format` mends what this finds.
set -euo pipefail
cd "$SRC"
command -v clang-format-19 >/dev/null || {
  echo "skipped: clang-format-19 is not there"
  exit 77
}
./dev sources | xargs clang-format-19 --dry-run --Werror
