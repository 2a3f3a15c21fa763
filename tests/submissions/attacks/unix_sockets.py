# class: network
# honest: poor
# probe: network
# expect: score == honest; status graded
# in kernel: reaches the baits, by path and abstract; Docker, D-Bus, X11, an ssh agent where there are any (run)

# %% [markdown]
# Connect to unix sockets, by path and in the abstract name space, which knows neither folders nor permissions: the baits,
# Docker, D-Bus, systemd, X11. A network namespace empties the abstract ones, nothing but a private root the others.

# %%
import os
import socket

for address in (bait["path"], "\0" + bait["abstract"], "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/notify", "\0/tmp/.X11-unix/X0", "/tmp/.X11-unix/X0", os.environ.get("SSH_AUTH_SOCK", "/nowhere")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            with socket.socket(socket.AF_UNIX, kind) as s:
                s.settimeout(0.5)
                s.connect(address)
                print("FOUND", address)
        except OSError:
            pass
