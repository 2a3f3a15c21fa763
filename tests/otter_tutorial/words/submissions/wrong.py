# q1 keeps capital letters apart, q2 leaves ties in the order of the dict, q3 throws another die.

# %%
import random

seed = 1


# %%
def count_words(text):
    words = text.split()
    return {word: words.count(word) for word in words}


# %%
def most_common(counts, k):
    return sorted(counts, key=counts.get, reverse=True)[:k]


# %%
throw = 7
