#!/bin/sh
# Validates the SARIF of `coretool triage` with the published schema and with the
# rules of the validator that GitHub asks for (npm: @microsoft/sarif-multitool-linux,
# 44 MB; PyPI: check-jsonschema). Not part of the tests, since it downloads both.
#
#   tests/sarif.sh CORETOOL PATH...     paths as `coretool triage` takes them
set -eu
[ $# -ge 2 ] || {
    echo "usage: tests/sarif.sh CORETOOL PATH..." >&2
    exit 2
}
coretool=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$coretool" triage --format "sarif=$work/out.sarif" "$@"
python3 -m venv "$work/python"
"$work/python/bin/pip" --quiet install check-jsonschema
(cd "$work" && npm pack --silent @microsoft/sarif-multitool-linux && tar -xzf microsoft-sarif-multitool-linux-*.tgz)
"$work/python/bin/check-jsonschema" --schemafile "$work/package/sarif-2.1.0.json" "$work/out.sarif"
chmod +x "$work/package/Sarif.Multitool"
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
"$work/package/Sarif.Multitool" validate "$work/out.sarif" --rule-kind 'Sarif;Ghas' > "$work/said"
cat "$work/said"
! grep -q ' error ' "$work/said"
