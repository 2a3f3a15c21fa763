# class: network
# honest: poor
# probe: network
# expect: score == honest; status graded
# in kernel: as far as the user's rights go; as root all of them

# %% [markdown]
# Open every other kind of socket that the kernel has: raw, packet, netlink, vsock to the hypervisor, Bluetooth, CAN, the
# crypto interface, XDP, SCTP. Some leave the machine without a network interface, all are kernel code to attack.

# %%
import socket

for family in range(1, 46):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        if family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) and kind != socket.SOCK_RAW:
            continue
        if family == socket.AF_UNIX:  # "raw" is another word for a datagram there
            continue
        try:
            socket.socket(family, kind).close()
            print("FOUND", family, kind)
        except OSError:
            pass
