#!/usr/bin/env bash
# Who may include whom, and LLVM only in codegen. Every folder of sources has
# to have its row here.
set -eu
cd "$SRC"

allowed() {
  case $1 in
  support)  echo support ;;
  ir)       echo support ir ;;
  frontend) echo support ir frontend ;;
  passes)   echo support ir passes ;;
  export)   echo support ir export ;;
  plan)     echo support ir frontend passes plan ;;
  codegen)  echo support ir frontend passes plan codegen runtime ;;
  dataset)  echo support dataset ;;
  compress) echo support ir passes dataset compress ;;
  runtime)  echo runtime ;;
  driver)   echo support ir frontend passes export plan codegen dataset \
                 compress runtime driver ;;
  *)        echo none ;;
  esac
}

# FILE:LINE:TEXT of every include in a folder that matches a pattern.
includes() {
  grep -rnE --include='*.[ch]' --include='*.def' --include='*.cpp' \
    "^ *# *include *$2" "$1" || true
}

status=0
complain() {
  [ -z "$2" ] && return
  printf '%s\n%s\n' "$1" "$2"
  status=1
}

for folder in */; do
  folder=${folder%/}
  case $folder in tests | bench | examples | build*) continue ;; esac
  pattern="($(allowed "$folder" | tr ' ' '|'))/"
  [ "$folder" != runtime ] || pattern=kiln_ # copied, they lie side by side
  complain "$folder may include only from: $(allowed "$folder")" \
    "$(includes "$folder" '"' | grep -vE "include *\"$pattern" || true)"
  [ "$folder" = codegen ] || complain "LLVM headers belong in codegen alone:" \
    "$(includes "$folder" '[<"](llvm|polly)')"
done
exit $status
