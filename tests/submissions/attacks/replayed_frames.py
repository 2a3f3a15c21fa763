# class: protocol
# honest: poor
# probe: marks
# expect: score <= honest; status graded, crashed
# in kernel: nothing to replay: the marks themselves are in reach

# %% [markdown]
# Take the probe server over: answer each request with an earlier answer, each answer twice, and ones with the numbers of
# earlier requests; claim for every call that nothing was changed and no tape was used. Only values could help, and those
# are what is compared.

# %%
import gc
import itertools

from autograder.session.wire import frame

server = next((o for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)
if server is not None:
    honest, seen, count = type(server)._answer, [], itertools.count()

    def replaying(self, token, kind, arguments):
        answer = honest(self, token, kind, arguments)
        seen.append(answer)
        match next(count) % 4:
            case 0:
                return answer + answer
            case 1:
                return seen[0]
            case 2:
                return frame(self._objects.pack(["ok", token, [True, [], {}, {}], ""]))
        return frame(self._objects.pack(["ok", token, ["module", "numpy"], ""]))

    type(server)._answer = replaying
