// Inference: Pool, lanes, batcher and engines behind the Open Inference Protocol. It must never
// copy a payload, and knows nothing of the container but its posture.
//
// A request's way: HTTPDoor (or RingDoor) -> InferRequest with a RowLease of a Slab of the Pool ->
// RequestScanner and RequestCheck -> ModelQueue -> Lane -> LaneChannel -> LaneRunner and its Engine in
// a child process -> back, and out of the rows it was written to.
