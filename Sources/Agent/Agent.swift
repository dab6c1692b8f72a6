// Agent: Wires the rooms together and lives with systemd. It must never decide anything itself.
