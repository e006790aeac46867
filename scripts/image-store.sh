# Where images are kept while they are built and checked, and by what name; read by image.sh and image-check.sh.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
image=localhost/points-gateway:$version
store=${POINTS_GATEWAY_IMAGE_STORE:-$PWD/target/image}
mkdir -p "$store"
driver=overlay
# Overlay needs a file system that is none itself.
[ "$(stat -f -c %T "$store")" != overlayfs ] || driver=vfs
storage=(--root "$store/store" --runroot "$store/run" --storage-driver "$driver")
buildah=(buildah "${storage[@]}")

# need COMMAND PACKAGE...: installs packages where a command is missing.
need() {
  command -v "$1" >/dev/null && return
  shift
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
