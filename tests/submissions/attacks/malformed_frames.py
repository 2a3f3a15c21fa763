# class: protocol
# honest: poor
# probe: processes
# expect: score <= honest; status graded, crashed
# in kernel: nothing to attack: there is no protocol

# %% [markdown]
# Answer with bytes that are no frames: cut off, shifted by one, random, of reserved types, with invalid UTF-8, with text
# where a number belongs. A parser that trips takes its process, and the marks of others, with it.

# %%
import gc
import itertools
import random

server = next((o for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)
if server is not None:
    honest, turn, noise = type(server)._answer, itertools.count(), random.Random(1)

    def malformed(self, token, kind, arguments):
        answer = honest(self, token, kind, arguments)
        if kind == "cell":
            return answer
        body = [answer[4:-1], b"\xc1", noise.randbytes(200), b"\xa2\xff\xff", answer[4:] * 2, b"\xc7\x00\x63", b""][next(turn) % 7]
        return len(body).to_bytes(4, "big") + body

    type(server)._answer = malformed
