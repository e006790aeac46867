#!/usr/bin/env bash
# Builds the image without a daemon, tagged localhost/points-gateway:<version>. As root, on Debian or alike.
#
#   scripts/image.sh          base images as the Dockerfile names them, where a registry gives them
#   scripts/image.sh --local  a base image made here of Debian's packages and this machine's Rust toolchain
#
# Without a registry in reach the second way is taken by itself. Layers stay in target/image for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/image-store.sh

need buildah buildah
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || revision="$revision-dirty"
date=$(git show --no-patch --format=%cs HEAD 2>/dev/null || true)
arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision"
  --build-arg "GATEWAY_COMMIT=$revision" --build-arg "GATEWAY_COMMIT_DATE=$date")

wanted=$(sed -n 's/^ARG RUST_IMAGE=//p' Dockerfile)
if [ "${1-}" = --local ] || ! timeout 60 "${buildah[@]}" pull --quiet "$wanted" >/dev/null 2>&1; then
  local_base=localhost/points-gateway-rust:bookworm
  echo "base image: $local_base, made here"
  if ! "${buildah[@]}" inspect --type image "$local_base" >/dev/null 2>&1; then
    need mmdebstrap mmdebstrap
    mkdir -p "$store/base"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$store/base/bookworm.tar"
    printf 'FROM scratch\nADD bookworm.tar /\nENV PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_HOME=/usr/local/cargo\n' \
      > "$store/base/Dockerfile"
    "${buildah[@]}" bud --isolation chroot --tag "$local_base" "$store/base"
    rm "$store/base/bookworm.tar"
  fi
  # The toolchain is lent, not copied; so are the certificates that this machine trusts, which cargo needs behind a proxy.
  # (COPY does not see what is lent: the image gets Debian's own certificates.)
  arguments+=(--pull-never --build-arg "RUST_IMAGE=$local_base"
    --volume "$(rustc --print sysroot):/usr/local/rust:ro" --volume /etc/ssl/certs:/etc/ssl/certs:ro)
fi

"${buildah[@]}" bud --isolation chroot --format docker --layers "${arguments[@]}" --tag "$image" .
echo "built $image"
