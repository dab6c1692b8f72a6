// Inference: Pool, lanes, batcher and engines behind the Open Inference Protocol. It must never
// copy a payload, and knows nothing of the container but its posture.
