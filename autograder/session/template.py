"""The template: a warm process that has imported what notebooks import, and forks one box a submission.

Started by exec with an allow-listed environment; it holds no test, no reference, no other submission.
It touches no device and runs no TensorFlow operation, so that its children can. On its control sockets
come requests ``{"policy": …, "output_kib": n}`` with two descriptors, the channel for the student process
and the lifeline for init; ``{"attach": true}`` with one descriptor adds a control socket.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import socket
import sys
from typing import Any

import msgpack

from autograder.session import init, linux, sandbox, warmup
from autograder.session.policy import Policy

__all__ = ["main"]


def main() -> None:
    """Entry point: ``python -I -c … FD``, FD being the first control socket."""
    gc.disable()  # or it would look again and again through a million objects that stay
    control = socket.socket(fileno=int(sys.argv[-1]))
    warmup.import_libraries()
    warmup.warm_tensorflow()
    from autograder.session.shell import make_shell

    shell = make_shell()
    warmup.rehearse(shell)
    gc.freeze()
    gc.enable()
    linux.collapse_memory()
    control.send(b"warm")
    _serve(control, shell)


def _serve(control: socket.socket, shell: Any) -> None:
    controls = {control.fileno(): control}
    poller = select.poll()
    poller.register(control, select.POLLIN)
    serial = os.getpid() * 1000
    while controls:
        for descriptor, _ in poller.poll(1000):
            message, descriptors, _, _ = socket.recv_fds(controls[descriptor], 1 << 20, 2)
            if not message:
                poller.unregister(descriptor)
                controls.pop(descriptor).close()
                if descriptor == control.fileno() or not controls:
                    return
                continue
            request = msgpack.unpackb(message)
            if request.get("attach"):
                added = socket.socket(fileno=descriptors[0])
                controls[added.fileno()] = added
                poller.register(added, select.POLLIN)
                continue
            serial += 1
            _start_box(descriptors, request, serial, shell)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _start_box(descriptors: list[int], request: dict[str, Any], serial: int, shell: Any) -> None:
    """Fork the outer process and write its id maps when it asks."""
    ask_read, ask_write = os.pipe()
    answer_read, answer_write = os.pipe()
    outer = os.fork()
    if outer == 0:
        try:
            policy = Policy.from_wire(request["policy"])
            init.run_outer(*descriptors, (ask_write, answer_read), policy, _server(shell, policy), request["output_kib"])
        finally:
            os._exit(70)
    for descriptor in (*descriptors, ask_write, answer_read):
        os.close(descriptor)
    if os.read(ask_read, 1) == b"m":
        try:
            sandbox.write_id_maps(outer, serial)
            os.write(answer_write, b"k")
        except OSError:
            os.write(answer_write, b"x")
    os.close(ask_read)
    os.close(answer_write)


def _server(shell: Any, policy: Policy) -> Any:
    def serve(channel: socket.socket, layers: dict[str, str], output_kib: int) -> None:
        from autograder.session.student import StudentServer

        os.environ.update(policy.environment)
        if policy.gpu_memory_mib:
            _bound_gpu_memory(policy.gpu_memory_mib)
        StudentServer(channel, shell, output_kib).serve(["hello", layers])

    return serve


def _bound_gpu_memory(mib: int) -> None:
    """TensorFlow's share of the GPU; student code could undo it, and would then meet other children's limits."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.set_logical_device_configuration(gpu, [tf.config.LogicalDeviceConfiguration(memory_limit=mib)])
