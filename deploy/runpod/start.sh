#!/bin/sh
# start.sh serve|serverless|check|COMMAND…: what RunPod's image starts, as root.
#   serve        the service on port 8000; with PUBLIC_KEY (RunPod sets it for a pod) also sshd on port 22, keys only
#   serverless   the serverless worker (deploy/runpod/handler.py)
#   check        roomsplat doctor --strict, with RunPod's library imported
# Everything but sshd runs as the user roomsplat, and cannot become root again.
set -eu
case "${1:-serve}" in
  serve) shift || true; set -- roomsplat serve "$@" ;;
  serverless) set -- env -C /opt/serverless python -m deploy.runpod.handler ;;
  check) set -- env -C /opt/serverless sh -c 'python -c "import runpod.serverless, deploy.runpod.handler" && exec roomsplat doctor --strict' ;;
esac
if [ "$(id -u)" = 0 ]; then
  # A volume that RunPod has just made belongs to root. What is in it already is ours.
  if [ "$(stat -c %u /app/storage)" = 0 ]; then chown roomsplat:roomsplat /app/storage; fi
  if [ -n "${PUBLIC_KEY:-}" ]; then
    # Host keys lie on the volume, so that the pod keeps its face over restarts; only root reads them.
    keys=/app/storage/.ssh-host
    install -d -m 700 -o root -g root "$keys" /run/sshd /root/.ssh
    [ -e "$keys/ed25519" ] || ssh-keygen -q -t ed25519 -N '' -f "$keys/ed25519"
    printf '%s\n' "$PUBLIC_KEY" >/root/.ssh/authorized_keys
    chmod 600 /root/.ssh/authorized_keys
    /usr/sbin/sshd -o "HostKey=$keys/ed25519" -o PermitRootLogin=prohibit-password -o PasswordAuthentication=no \
      -o KbdInteractiveAuthentication=no -o "Port=${SSH_PORT:-22}"
  fi
  unset PUBLIC_KEY
  set -- setpriv --reuid=roomsplat --regid=roomsplat --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
fi
exec "$@"
