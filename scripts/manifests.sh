#!/usr/bin/env bash
# Checks deploy/ against the schemas of Kubernetes and of compose files, strictly: an unknown field is a fault.
# Renders every overlay where kubectl is; checks the files as they are where it isn't. Python packages go to target/.
# tests/it/manifests.rs checks the same manifests by type, and against the gateway itself.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/manifests-venv
wanted="kubernetes-validate==1.37.0 check-jsonschema==0.39.0"
if [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$venv"
  if ! python3 -m venv "$venv" 2>/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    python3 -m venv "$venv"
  fi
  # shellcheck disable=SC2086 # two packages
  "$venv/bin/pip" install --quiet --disable-pip-version-check $wanted
  echo "$wanted" > "$venv/wanted"
fi

rendered=target/manifests
rm -rf "$rendered"
mkdir -p "$rendered"
if command -v kubectl >/dev/null; then
  for overlay in deploy/overlays/*/; do
    kubectl kustomize "$overlay" > "$rendered/$(basename "$overlay").yaml"
  done
else
  echo "kubectl is not installed: overlays are not rendered, their files are checked one by one"
  for file in $(grep -lr '^kind:' deploy/base deploy/overlays --include='*.yaml' --exclude=kustomization.yaml); do
    # A patch is no whole object.
    grep -q "path: $(basename "$file")" "$(dirname "$file")/kustomization.yaml" || cp "$file" "$rendered/$(echo "$file" | tr / _)"
  done
fi
deploy/redis-secret.sh > "$rendered/redis-secret.yaml"

"$venv/bin/python" scripts/manifests.py "$rendered"
"$venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml
