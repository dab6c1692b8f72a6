// Simulator: The make-believe container: physics, devices on real wires, faults on demand. It
// must never be linked into the agent.
