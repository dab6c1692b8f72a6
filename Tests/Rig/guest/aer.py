"""Injects a PCI Express error by the kernel's own injector: aer.py BUS:DEVICE.FUNCTION correctable."""
import json
import re
import struct
import sys

bus, device, function = (int(part, 16) for part in re.split("[:.]", sys.argv[1]))
# struct aer_error_inj of drivers/pci/pcie/aer_inject.c; a correctable error's bit 6 is a bad TLP.
bad_tlp = 0x40 if sys.argv[2] == "correctable" else 0
with open("/dev/aer_inject", "wb", buffering=0) as injector:
    injector.write(struct.pack("=BBBxIIIIIII", bus, device, function, 0, bad_tlp, 0, 0, 0, 0, 0))
print(json.dumps({"injected": sys.argv[1]}))
