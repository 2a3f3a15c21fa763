"""The source of a wrong variant, as it is put behind the reference in a wrong notebook."""

from autograder.misconceptions import misconception, misconceptions_of


def double(x):
    return 2 * x


@misconception(question="q1", replaces="double", caught_by="a case", explanation="Because.")
def one_too_many(x):
    return double(x) + 1


def test_a_variant_may_call_what_it_replaces():
    """In the wrong notebook the contract's name means the variant, which still finds the right function."""
    module = type("module", (), {"one_too_many": one_too_many, "double": double})
    (found,) = misconceptions_of(module)
    namespace = {"double": double}
    exec(found.source(), namespace)  # noqa: S102  as the notebook runs it
    assert namespace["double"](3) == 7
    assert namespace["double"] is namespace["one_too_many"]
