"""The session: one submission in a box, and the evaluator's conversation with it.

Theory of operation
===================

Who starts whom, and over what they talk::

    evaluator ───────────────── channel: frames of plain data ──────────────────► student process
        │  ╲                                                                        ▲ fork
        │   ╲──────────── lifeline: "interrupt"; end of file = die ───────────► init (pid 1 of the box)
        │ control: a request and the far ends of both sockets                       ▲ fork
        ▼                                                                           │
    template ─────────────────────────── fork ───────────────────────────► outer process (waits)

1. The *template* (``template``) is started by exec with an allow-listed environment. It imports TensorFlow,
   Keras, Matplotlib and IPython and gets ready what every notebook would (``warmup``), runs no operation, and then
   forks a box for each request on a control socket.
2. The *outer* process (``init.run_outer``) unshares user, mount, pid, network, IPC and UTS namespaces, the
   template writes its id maps, and it forks init into the new pid namespace.
3. *Init* (``init``) is pid 1 of the box. It builds the private root (``sandbox``), forks the student process, and
   guards it: passes interrupts on, watches the memory of the whole tree, reports how it ended. When init ends the
   kernel kills everything in the box; init ends when the evaluator closes the lifeline or dies.
4. The *student* process (``student``) gives up every right (``sandbox.give_up_rights``), then serves requests: read
   the submission (``reader``), run a cell (``shell``), look a name up, call a function.

The evaluator's side is ``client`` (deadlines, ends), ``notebook`` (cells, budgets, a fresh box after a death) and
``namespace`` (what a hidden test sees as ``env``). ``wire`` says what may cross. Nothing from the student process is
trusted: every reply is matched against the forms that it may have, and a value is data or a handle.

What a time limit does: the evaluator asks init to interrupt the student process; if no answer comes within the
grace, it closes the lifeline, and the next test opens a fresh box in which the notebook's cells run again, without
those that were fatal.
"""
