# points-gateway as a small image: one static-enough binary, no shell, not root, nothing written.
#
#   docker build -t points-gateway .
#   docker run --rm -p 8080:8080 points-gateway demo
#
# Base images are arguments, so that a mirror or an image made by hand can stand in (deploy/image.sh does that).
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS build
WORKDIR /src
# Dependencies first: this layer is kept until Cargo.lock changes.
COPY Cargo.toml Cargo.lock rust-toolchain.toml ./
RUN mkdir -p src benches tests/it \
 && echo 'fn main() {}' > src/main.rs && touch src/lib.rs tests/it/main.rs && echo 'fn main() {}' > benches/instructions.rs \
 && cargo build --release --locked --bin points-gateway
COPY src src
ARG COMMIT=unknown
# Sources are newer than the stand-ins above only if cargo is told so.
RUN touch src/main.rs src/lib.rs && POINTS_GATEWAY_COMMIT=${COMMIT} cargo build --release --locked --offline --bin points-gateway

FROM ${RUNTIME_IMAGE}
ARG COMMIT=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="points-gateway" \
      org.opencontainers.image.description="A caching gateway between a retailer's apps and Kingdee's points ledger" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build --chmod=0555 /src/target/release/points-gateway /usr/local/bin/points-gateway
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s CMD ["/usr/local/bin/points-gateway", "health"]
ENTRYPOINT ["/usr/local/bin/points-gateway"]
CMD ["serve"]
