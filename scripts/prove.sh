#!/usr/bin/env bash
# Proves one reference system with a built underpin and says where the report is. Keeps underpin's exit code.
#
# prove.sh BINARY PROJECT REPORT [ARGUMENT…]
set -euo pipefail

binary=$1 project=$2 report=$3
shift 3
code=0
"$binary" prove --project "$project" --report "html=$report" "$@" || code=$?
if [[ -s $report ]]; then
  echo "The report: file://$(cd "$(dirname "$report")" && pwd)/$(basename "$report")" >&2
fi
exit "$code"
