// Control: Decides, from the board and the clock alone: alarms, arming, posture, power budget,
// guard. It must never do I/O or ask a clock of its own.
