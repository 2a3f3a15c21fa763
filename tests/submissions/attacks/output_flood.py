# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status graded, crashed, timeout
# in kernel: fills the grader's log and the browser of who opens it

# %% [markdown]
# Print without end: text, control sequences, HTML with scripts, pictures, errors with messages of megabytes, and write to
# descriptors 1 and 2 directly. What is kept of a notebook's output must be bounded, and show nothing of itself.

# %%
import os

from IPython.display import HTML, display

for _ in range(20_000):
    print("\x1b]0;owned\x07\x1b[2J" + "x" * 1000)
    display(HTML("<script>document.title = 'owned'</script>" * 20))
for descriptor in (1, 2):
    for _ in range(1000):
        os.write(descriptor, b"x" * 10_000)

# %%
raise RuntimeError("x" * 50_000_000)

# %%
class Loud(Exception):
    def __str__(self):
        return "<script>alert(1)</script>" * 1_000_000


def backward(params, x, y_hat, hidden, t, reg):
    print("x" * 50_000_000)
    raise Loud
