/// How a slot of the pool is cut for one model: each tensor of all rows is contiguous.
struct SlabLayout: Equatable {
    struct Tensor: Equatable {
        var offset: Int
        var rowBytes: Int
    }

    /// At least 1.
    let rows: Int
    /// False: the model's shapes have no batch dimension, and a slab is one row.
    let isBatching: Bool
    let inputs: [Tensor]
    let outputs: [Tensor]
    let byteCount: Int
    /// One row of all inputs: what a body of binary tensors weighs per row.
    let inputRowBytes: Int

    /// Nil when a shape leaves open what a row weighs: such requests live in slots of their own.
    init?(_ description: ModelDescription, maxBatchSize: Int) {
        let isBatching = maxBatchSize > 0
        let rows = max(1, maxBatchSize)
        var offset = 0, inputBytes = 0
        func place(_ tensor: TensorDescription, _ offset: inout Int) -> Tensor? {
            guard !isBatching || tensor.shape.first == -1,
                let rowBytes = tensor.fixedBytes(skipping: isBatching ? 1 : 0), rowBytes > 0
            else { return nil }
            let (whole, overflow) = rowBytes.multipliedReportingOverflow(by: rows)
            guard !overflow, whole < 1 << 40 else { return nil }
            defer { offset += aligned(whole, to: tensorAlignment) }
            return Tensor(offset: offset, rowBytes: rowBytes)
        }
        var inputs: [Tensor] = [], outputs: [Tensor] = []
        for tensor in description.inputs {
            guard let placed = place(tensor, &offset) else { return nil }
            inputs.append(placed)
            inputBytes += placed.rowBytes
        }
        for tensor in description.outputs {
            guard let placed = place(tensor, &offset) else { return nil }
            outputs.append(placed)
        }
        self.rows = rows
        self.isBatching = isBatching
        self.inputs = inputs
        self.outputs = outputs
        byteCount = offset
        inputRowBytes = inputBytes
    }
}
