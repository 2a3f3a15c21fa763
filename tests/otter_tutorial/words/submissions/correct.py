# %%
import random
from collections import Counter

seed = 1


# %%
def count_words(text):
    return Counter(text.casefold().split())


# %%
def most_common(counts, k):
    words = sorted(counts)
    words.sort(key=counts.get, reverse=True)
    return tuple(words[:k])


# %%
throw = random.Random(seed).randint(1, 6)
