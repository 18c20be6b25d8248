#!/bin/sh
# lock_images.sh [UV]   Renew the locks of both images, with the versions of requirements.lock.
# Left out is what only the command line uses.
set -eu
cd "$(dirname "$0")/.."
UV=${1:-uv}
CLI="typer rich pygments markdown-it-py mdurl shellingham annotated-doc platformdirs colorama"

lock() { # lock EXTRA FILE PACKAGE...   the packages are left out
  extra=$1 file=$2
  shift 2
  for package; do
    set -- "$@" --no-emit-package "$package"
    shift
  done
  "$UV" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
    --no-emit-index-url --no-header --extra "$extra" "$@" -c requirements.lock -o "$file" \
    pyproject.toml
}

# shellcheck disable=SC2086 # words
lock job job_image/requirements.lock $CLI
# shellcheck disable=SC2086 # words
lock operator operator/requirements.lock $CLI
