"""The virtual container's chip as a hand moves it."""
import os


class Line:
    """By its offset."""

    def __init__(self, offset):
        self.file = os.open(f"/run/gpio-sim/sim_gpio{offset}/pull", os.O_RDWR)
        self.is_high = os.read(self.file, 20).startswith(b"pull-up")

    def toggle(self):
        self.is_high = not self.is_high
        os.pwrite(self.file, b"pull-up" if self.is_high else b"pull-down", 0)
