#!/usr/bin/env bash
# Regenerates the evidence/ of reference systems: every proof, then every drill with its figures. Half an hour for two
# systems, on a machine that has nothing else to do: the figures are those of this machine.
#
# evidence.sh BINARY PROJECT…
set -euo pipefail

binary=$1
shift

# Exit code 1 is a finding: asynchronous replication over a cut link loses commits, and its drill has to say so.
drill() {
  local name=$1 code=0
  shift
  "$binary" drill "$name" --project "$project" "$@" || code=$?
  if ((code > 1)); then
    exit "$code"
  fi
}

for project in "$@"; do
  "$binary" prove --project "$project"
  evidence=$project/evidence
  drill crash --rounds 50 --write "$evidence/crash-runbook.md"
  drill pitr --interval 30 --write "$evidence/pitr-drill.md"
  drill failover --write "$evidence/failover-runbook.md"
  drill bloat --write "$evidence/bloat-runbook.md"
  drill storm --write "$evidence/storm-runbook.md"
done
