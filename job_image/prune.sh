#!/bin/sh
# prune.sh SITE   Take out of a worker's site-packages what no worker ever imports.
set -eu
cd "$1"

# Arrow: servers, clouds' file systems, other formats, headers. Only Parquet, IPC and compute are
# used; substrait, dataset and acero stay, for pyarrow.lib is linked against them.
rm -rf pyarrow/tests pyarrow/include pyarrow/includes pyarrow/src
rm -f pyarrow/libarrow_flight.* pyarrow/libarrow_python_flight.* pyarrow/libarrow_s3.* \
  pyarrow/_flight.* pyarrow/_s3fs.* pyarrow/_azurefs.* pyarrow/_gcsfs.* pyarrow/_hdfs.* \
  pyarrow/_orc.* pyarrow/_dataset_orc.* pyarrow/_substrait.* pyarrow/_pyarrow_cpp_tests.*
# A wheel holds no links, so it has each name of a library as a copy; the loader asks for one.
rm -f pyarrow/libarrow_python.so pyarrow/libarrow_python.so.*.*.*

rm -rf numpy/f2py numpy/distutils numpy/_core/include numpy/_pyinstaller numpy/random/_examples

# S3, and by which a pod's own identity is found.
for service in botocore/data/*/; do
  case "$(basename "$service")" in s3 | sso | sso-oidc | sts) ;; *) rm -rf "$service" ;; esac
done

find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' \
  -o -name '*.a' -o -name '*.h' -o -name '*.c' \) -delete
