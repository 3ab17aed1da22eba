"""The far side of grading: the process in which a student's code runs. Imported as `worker` inside the sandbox."""

import struct

# A frame on the worker's socket: its length in 8 bytes, big-endian, then the frame.
LENGTH = struct.Struct(">Q")
# What the zygote sends when a worker has ended: the signal, the exit code, processor seconds.
ENDING = struct.Struct(">iid")
