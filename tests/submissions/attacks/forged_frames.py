# class: protocol
# honest: poor
# probe: marks
# expect: score <= honest; status graded, crashed
# in kernel: nothing to forge: the marks themselves are in reach

# %% [markdown]
# Answer the evaluator before it asks: write well-formed replies with guessed numbers to every open descriptor. A protocol
# that took the next frame for the answer would take these.

# %%
import os

import msgpack

for token in (0, 1, 2, True, None, -1, 2**61):
    for message in (["ok", token, [True, [], {}, {}], ""], ["ok", token, ["value", 0.5], ""], ["passed", token, 50.0, ""]):
        body = msgpack.packb(message)
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, len(body).to_bytes(4, "big") + body)
            except OSError:
                pass
