# The gateway alone on an empty root: the binary, the libraries it is linked to, CA certificates, one user.
# Build: docker build -t points-gateway . (or scripts/image.sh, which needs no engine and no registry).
#
# Base images are arguments, so that a mirror or an own image can stand in. RUNTIME_IMAGE may be a distroless one.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
ARG RUNTIME_IMAGE=scratch

FROM ${RUST_IMAGE} AS build
WORKDIR /build

# Dependencies are a layer of their own: it holds until Cargo.toml or Cargo.lock change. Empty stand-ins for the source.
COPY Cargo.toml Cargo.lock build.rs ./
# How the program is built: by what it was seen to do.
COPY scripts/build.sh scripts/build.sh
COPY pgo pgo
RUN mkdir -p src benches \
 && echo 'fn main() {}' > src/main.rs && cp src/main.rs benches/instructions.rs \
 && echo '//! Nothing yet.' > src/lib.rs
# The only step that needs a network.
RUN cargo fetch --locked --target "$(rustc --print host-tuple)"
RUN scripts/build.sh --offline

COPY src src
# What --version tells; there is no .git here.
ARG GATEWAY_COMMIT
ARG GATEWAY_COMMIT_DATE
# What was copied may be older than the stand-ins, and would count as built.
RUN touch src/lib.rs src/main.rs && cp "$(scripts/build.sh --offline)" points-gateway

# The root of the image: what ldd names, and what the C library opens by itself when it resolves names.
# (Without pipefail: where ldd fails, cp does.)
# hadolint ignore=DL4006
RUN set -eu; \
    mkdir -p /image/etc/ssl/certs; \
    cp points-gateway /image/; \
    libc=$(ldd points-gateway | sed -n 's/.*=> \(.*\)\/libc\.so\.6 .*/\1/p'); \
    for library in $(ldd points-gateway | grep -o '/[^ ]*') \
                   "$libc/libresolv.so.2" "$libc/libnss_dns.so.2" "$libc/libnss_files.so.2"; do \
      mkdir -p "/image$(dirname "$library")"; cp -L "$library" "/image$library"; \
    done; \
    echo 'points-gateway:x:65532:65532::/:/nowhere' > /image/etc/passwd; \
    echo 'points-gateway:x:65532:' > /image/etc/group; \
    echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM ${RUNTIME_IMAGE}
COPY --from=build /image/ /
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="points-gateway" \
      org.opencontainers.image.description="A caching gateway between a retailer's apps and Kingdee's points ledger" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/points-gateway", "health"]
ENTRYPOINT ["/points-gateway"]
CMD ["serve"]
