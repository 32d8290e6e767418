#!/bin/sh
# All tests, from a fresh checkout: formatting, lints, documentation, tests.
#
# The tests build programs with real compilers and compare with real debuggers.
# What is missing is installed with apt where that is possible; under CI=true
# a tool that is still missing is an error, so that no test is skipped unseen.
set -eu
cd "$(dirname "$0")/.."

# A tool, and the Debian package that has it.
tools='
bash bash
cc gcc
g++ g++
clang clang
pkg-config pkg-config
musl-gcc musl-tools
go golang-go
node nodejs
javac default-jdk-headless
python3 python3
gdc gdc
gdb gdb
lldb lldb
eu-stack elfutils
readelf binutils
objcopy binutils
zstd zstd
lz4 lz4
qemu-x86_64 qemu-user
xz xz-utils
dwp binutils
llvm-dwp llvm
dwz dwz
debuginfod debuginfod
debuginfod-find debuginfod
lz4 lz4
bzip2 bzip2
/usr/bin/time time
setpriv util-linux
ipcs util-linux
ipcrm util-linux
script bsdutils
chromium chromium
gdb-multiarch gdb-multiarch
qemu-aarch64 qemu-user
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
i686-linux-gnu-gcc gcc-i686-linux-gnu
riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu
powerpc64le-linux-gnu-gcc gcc-powerpc64le-linux-gnu
powerpc64-linux-gnu-gcc gcc-powerpc64-linux-gnu
s390x-linux-gnu-gcc gcc-s390x-linux-gnu
'

missing_packages() {
    echo "$tools" | while read -r tool package; do
        if [ -n "$tool" ] && ! command -v "$tool" >/dev/null 2>&1; then
            echo "$package"
        fi
    done
    # Libraries that programs under tests/values use.
    ls /usr/lib/llvm-*/include/c++/v1/vector >/dev/null 2>&1 || echo libc++-dev
    ls /usr/lib/llvm-*/lib/libc++abi.so >/dev/null 2>&1 || echo libc++abi-dev
    pkg-config --exists glib-2.0 2>/dev/null || echo libglib2.0-dev
    # C libraries that fixtures for other architectures are linked with.
    for pair in aarch64-linux-gnu:arm64 arm-linux-gnueabihf:armhf i686-linux-gnu:i386 \
        riscv64-linux-gnu:riscv64 powerpc64le-linux-gnu:ppc64el powerpc64-linux-gnu:ppc64 \
        s390x-linux-gnu:s390x; do
        [ -e "/usr/${pair%%:*}/lib/libc.a" ] || echo "libc6-dev-${pair##*:}-cross"
    done
    # The C library's own debug information, for frames inside of it.
    if ! ls -d /usr/lib/debug/.build-id >/dev/null 2>&1; then
        echo libc6-dbg
    fi
}

missing=$(missing_packages | sort -u | tr '\n' ' ')
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing: $missing"
    apt-get update -qq || true
    # A word per package is wanted.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing || true
    missing=$(missing_packages | sort -u | tr '\n' ' ')
fi
if [ -n "$missing" ]; then
    echo "tests/run.sh: missing packages: $missing" >&2
    echo "hint: as root: apt-get install $missing" >&2
    if [ "${CI:-}" = true ]; then
        exit 1
    fi
fi
command -v cargo >/dev/null 2>&1 || {
    echo "tests/run.sh: cargo is not found" >&2
    echo "hint: install Rust from https://rustup.rs" >&2
    exit 1
}

# A new machine compiles everything once: what would help the next time costs time now.
[ "${CI:-}" != true ] || export CARGO_INCREMENTAL=0

step() {
    echo "== $*"
    "$@"
}

step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
step env RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
# A hang shall end as a failure that names what ran, not at the runner's patience.
step timeout --foreground 3000 cargo test --locked
if cargo deny --version >/dev/null 2>&1; then
    step cargo deny --offline check bans licenses sources
fi
echo "== all tests passed"
