#!/bin/sh
# prune.sh SITE   Take out of the operator's site-packages what it never imports.
set -eu
cd "$1"

# The operator speaks of objects as plain data, by its own paths: the client's thousand models and
# their calls, in two editions, are three quarters of the whole. The lazy lists of them stay.
for folder in kubernetes/client kubernetes/aio/client; do
  find "$folder/models" "$folder/api" -type f ! -name __init__.py -delete
done

find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c' \) \
  -delete
