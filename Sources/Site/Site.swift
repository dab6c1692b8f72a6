// Site: the vocabulary of the container - points, readings, quality, units, events, posture, the plan
// of a whole site - and the Board that devices write and everybody reads. It must never do I/O.
