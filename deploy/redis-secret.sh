#!/bin/sh
# Prints the Secret of the fleet's Redis, with a new password that nobody has seen:
#
#   deploy/redis-secret.sh | kubectl -n <namespace> apply -f -
#
# Redis learns a hash of the password, the gateways the password. Restart both after a change:
# kubectl -n <namespace> rollout restart statefulset/points-gateway-redis deployment/points-gateway
set -eu
password=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n')
hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
cat <<END
apiVersion: v1
kind: Secret
metadata:
  name: points-gateway-redis
  labels:
    app.kubernetes.io/name: points-gateway
    app.kubernetes.io/component: redis
type: Opaque
stringData:
  url: redis://points-gateway:$password@points-gateway-redis:6379
  users.acl: |
    user default off
    user points-gateway on #$hash ~pg:* &pg:* +@all -@admin -@dangerous
END
