#!/bin/sh
# Starts the gateway in front of the comparison's stub upstream, which names itself in UPSTREAM_URL.
export POINTS_GATEWAY__KINGDEE__BASE_URL="${UPSTREAM_URL:?}"
exec "${GATEWAY_BIN:-target/release/points-gateway}" serve --config "${GATEWAY_CONFIG:-bench/gateway.toml}"
