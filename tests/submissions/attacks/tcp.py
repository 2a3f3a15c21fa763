# class: network
# honest: poor
# probe: network
# expect: score == honest; status graded
# in kernel: reaches the network

# %% [markdown]
# Connect to the machine itself, to the internet, to the cloud's metadata service, over IPv4 and IPv6, and listen for
# others. Hidden inputs could be sent out, answers fetched, other services reached.

# %%
import socket

for family, address in (
    (socket.AF_INET, tuple(bait["tcp"])), (socket.AF_INET, ("1.1.1.1", 443)), (socket.AF_INET, ("169.254.169.254", 80)),
    (socket.AF_INET6, ("::1", bait["tcp"][1])), (socket.AF_INET6, ("2606:4700:4700::1111", 443)),
):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(0.5)
            s.connect(address)
            s.sendall(b"hidden inputs")
            print("FOUND", address)
    except OSError as error:
        print(address, type(error).__name__)
