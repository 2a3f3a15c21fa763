"""The bridge to otter-grader: what is built for it, and what is taken from it.

    assignments/<a>/<a>.py ─┐                                   ┌─ student/, student.zip
                            ├─ master ─► master.ipynb ─► otter assign ─┤
    reference/<task>.py ────┘                                   └─ solution.ipynb
    tests/hidden/<a>/*.py, kit, grading.yml ─────────► otter generate ──► autograder.zip

master   turns the percent source and the reference into an otter master notebook
stubs    cuts a reference function into what the student sees and what is the solution
build    runs otter assign and otter generate, and makes their output reproducible
archive  zip files: written with equal bytes for equal content, opened without trusting them
package  opens any otter autograder.zip
stock    grades one submission by plain otter, in processes of its own
"""
