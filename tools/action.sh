#!/usr/bin/env bash
# A step of action.yml: action.sh lint|test|diff. Inputs come by the environment, of lists one entry a line; nothing of
# them is read as shell, as an option or as a pattern.
set -euo pipefail

readonly CLI="$(dirname "${BASH_SOURCE[0]}")/../host/cli.js"

arguments=()
# add BEFORE TEXT: each line of a text becomes an argument, with BEFORE in front.
add() {
  local line
  while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    if [ -n "$line" ]; then arguments+=("$1$line"); fi
  done <<<"$2"
}

add --charms= "${MESH_POLICY_CHARMS:-}"
add --settings= "${MESH_POLICY_SETTINGS:-}"

case "$1" in
  lint)
    arguments+=(-o github)
    ;;
  test)
    add --expect= "$MESH_POLICY_EXPECTATIONS"
    arguments+=(-o github)
    ;;
  diff)
    base="$MESH_POLICY_BASE"
    # A checkout has the one commit that it checks out.
    if ! git rev-parse --verify --quiet --end-of-options "$base^{commit}" >/dev/null; then
      git fetch --quiet --depth=1 -- origin "$base"
      base=FETCH_HEAD
    fi
    arguments+=("--base=$base")
    add --fail-on= "${MESH_POLICY_FAIL_ON:-}"
    ;;
esac

options=(${arguments[@]+"${arguments[@]}"})
arguments=()
add '' "$MESH_POLICY_FILES"

if [ "$1" = diff ]; then
  status=0
  node "$CLI" diff "${options[@]}" -o github -- ${arguments[@]+"${arguments[@]}"} || status=$?
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    node "$CLI" diff "${options[@]}" -o markdown -- ${arguments[@]+"${arguments[@]}"} >>"$GITHUB_STEP_SUMMARY" 2>/dev/null || true
  fi
  exit "$status"
fi
exec node "$CLI" "$1" "${options[@]}" -- ${arguments[@]+"${arguments[@]}"}
