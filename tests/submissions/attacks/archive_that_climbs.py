# class: files
# honest: poor
# probe: files
# expect: score == honest; status graded
# makes: climbs.zip
# in kernel: depends on who unpacks; zipfile itself drops the dots

"""Hand in an archive whose members have paths with `..`, absolute paths, drive letters, backslashes, device names, and a
name of 5,000 characters: unpacked naively they land on the grader's files."""

import io
import re
import zipfile


def content(notebook: str) -> bytes:
    bait = re.search(r"'file': '([^']+)'", notebook)[1]
    names = [bait, f"../../../../../..{bait}", "..\\..\\new.txt", "C:\\new.txt", "/etc/cron.d/new", "a/../../new", "kit/../../new", "x" * 5000, "con", "\x00", "a\nb"]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mine.py", notebook)
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "changed by an archive")
    return stream.getvalue()
