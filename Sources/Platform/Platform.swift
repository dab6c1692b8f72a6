// Platform: the operating system as the rest of the house wants it - descriptors, clocks, threads,
// the event loop, rings, shared memory, bytes, JSON, log lines. It knows nothing of containers and
// must never import a room.
