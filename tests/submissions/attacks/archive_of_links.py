# class: files
# honest: poor
# probe: secret
# expect: score == honest; status graded
# makes: links.zip
# in kernel: depends on who unpacks

"""Hand in an archive with symbolic links to the secret, to the root directory and to itself, and files to be unpacked
through them; the notebook then reads what the links show."""

import io
import re
import zipfile


def content(notebook: str) -> bytes:
    secret = re.search(r"'secret file': '([^']+)'", notebook)[1]
    reading = f"""
# %%
for path in ("secret", "root{secret}", "data/secret"):
    try:
        print(open(path).read())
    except OSError as error:
        print(path, type(error).__name__)
"""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, target in (("secret", secret), ("root", "/"), ("loop", "loop"), ("data", "..")):
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            archive.writestr(link, target)
        archive.writestr("root/tmp/new", "through a link")
        archive.writestr("mine.py", notebook + reading)
    return stream.getvalue()
