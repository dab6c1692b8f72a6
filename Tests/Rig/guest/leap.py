"""Has the kernel insert a leap second at the midnight that is near, and prints by how much the clock then stood back."""
import ctypes
import json
import struct
import sys
import time

STATUS, INSERT = 0x10, 0x10  # ADJ_STATUS and STA_INS of linux/timex.h
timex = ctypes.create_string_buffer(208)
struct.pack_into("=I", timex, 0, STATUS)
struct.pack_into("=i", timex, 40, INSERT)
if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
    sys.exit(f"adjtimex: error {ctypes.get_errno()}")


def lead():
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


before, end = lead(), time.monotonic() + 30
while time.monotonic() < end and abs(lead() - before) < 0.5:
    time.sleep(0.01)
print(json.dumps({"stood_back": round(before - lead(), 1)}))
