internal import Platform
internal import Site

/// Whether a scanned request fits its model, and where its tensors lie: in the rows they were received
/// into, or put there from JSON.
struct RequestCheck {
    /// How the body arrived: tensors in the model's order in the leased rows, or everything in `text`.
    enum Landing { case rows, text }

    let request: InferRequest
    let model: ServedModel
    let description: ModelDescription
    var landing: Landing
    /// Where the binary tensors begin in `text` (for `Landing.text`).
    let binaryStart: Int
    let binaryBytes: Int

    mutating func settle(_ inputs: [RequestScanner.Input]) throws(RequestFault) {
        guard inputs.count == description.inputs.count else {
            throw .invalid(
                "expected \(description.inputs.count) inputs but got \(inputs.count) inputs for model '\(model.name)'")
        }
        var sizes = InlineArray<32, Int>(repeating: 0)
        var claimed = 0
        for (i, input) in inputs.enumerated() {
            sizes[i] = try size(input)
            if let bytes = input.binaryBytes {
                let (sum, overflow) = claimed.addingReportingOverflow(bytes)
                if overflow { throw .invalid("impossible binary_data_size") }
                claimed = sum
            }
        }
        guard claimed == binaryBytes else {
            throw .invalid("the inputs' binary_data_size add up to \(claimed) bytes but \(binaryBytes) came")
        }
        request.rowCount = try batchRows(inputs)
        for _ in description.inputs { request.inputs.append(TensorPlace()) }
        if model.layout != nil {
            try settleInRows(inputs, sizes)
        } else {
            try settleLoose(inputs, sizes)
        }
    }

    // MARK: - Shapes

    /// Bytes that the input's shape asks for; -1 for BYTES, which say so themselves.
    private func size(_ input: RequestScanner.Input) throws(RequestFault) -> Int {
        let tensor = description.inputs[input.index]
        guard let type = input.type else { throw .invalid("input '\(tensor.name)' has no datatype") }
        guard type == tensor.type else {
            throw .invalid(
                "inference input '\(tensor.name)' data-type is '\(type.text)', but model '\(model.name)' expects '\(tensor.type.text)'"
            )
        }
        var matches = input.rank == tensor.shape.count
        if matches {
            for d in 0..<input.rank where tensor.shape[d] >= 0 && Int64(tensor.shape[d]) != input.dims[d] {
                matches = false
            }
        }
        guard matches else {
            var got: [Int64] = []
            for d in 0..<input.rank { got.append(input.dims[d]) }
            throw .invalid(
                "unexpected shape for input '\(tensor.name)' for model '\(model.name)'. Expected \(tensor.shape), got \(got)"
            )
        }
        var bytes = max(1, type.byteCount)
        for d in 0..<input.rank {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: Int(input.dims[d]))
            if overflow || product > 1 << 40 { throw .invalid("input '\(tensor.name)' has an absurd shape") }
            bytes = product
        }
        if type == .bytes {
            if let binary = input.binaryBytes, bytes > binary / 4 {
                throw .invalid("input '\(tensor.name)' has fewer BYTES elements than its shape asks for")
            }
            return -1
        }
        let given = input.binaryBytes ?? input.regionBytes
        if let given, given != bytes {
            throw .invalid(
                "unexpected total byte size \(given) for input '\(tensor.name)', expecting \(bytes)")
        }
        return bytes
    }

    private func batchRows(_ inputs: [RequestScanner.Input]) throws(RequestFault) -> Int {
        guard model.maxBatchSize > 0, let first = inputs.first else { return 1 }
        let rows = Int(first.dims[0])
        for input in inputs where Int(input.dims[0]) != rows {
            throw .invalid("the inputs of one request have different batch sizes")
        }
        guard rows >= 1, rows <= model.maxBatchSize else {
            throw .invalid(
                "inference request batch-size must be <= \(model.maxBatchSize) for '\(model.name)', and at least 1")
        }
        return rows
    }

    // MARK: - In a slab

    private mutating func settleInRows(_ inputs: [RequestScanner.Input], _ sizes: InlineArray<32, Int>)
        throws(RequestFault)
    {
        guard let layout = model.layout else { return }
        let isWhole = !inputs.contains { $0.binaryBytes == nil }
        if landing == .rows, !isWhole || request.leasedRows != request.rowCount { try takeBack(layout) }
        if request.slab == nil { request.rows = model.takeRows(request.rowCount) }
        guard let slab = request.slab else { throw .poolExhausted }
        guard request.leasedRows == request.rowCount else {
            throw .invalid("the body does not hold the rows that its shapes say")
        }
        let first = request.firstRow
        if landing == .rows { try reorder(inputs, layout, slab, first) }
        var source = binaryStart
        for (i, input) in inputs.enumerated() {
            let tensor = layout.inputs[input.index]
            var place = TensorPlace()
            place.offset = slab.lease.offset + tensor.offset + first * tensor.rowBytes
            place.byteCount = sizes[i]
            place.rank = input.rank
            place.dims = input.dims
            let target = slab.lease.memory.slice(tensor.offset + first * tensor.rowBytes, sizes[i])
            if let region = input.region {
                try share(region, input, &place)
            } else if let bytes = input.binaryBytes {
                if landing == .text, let text = request.textMemory {
                    target.copy(from: text.slice(source, bytes))
                    count(bytes)
                }
                source += bytes
            } else if let data = input.data, let text = request.textMemory {
                try TensorText(text, data, description.inputs[input.index]).parse(into: target)
            } else {
                throw .invalid("input '\(description.inputs[input.index].name)' has no data")
            }
            request.inputs[input.index] = place
        }
    }

    /// Bodies whose tensors stand in another order than the model's landed in each other's rows.
    private func reorder(
        _ inputs: [RequestScanner.Input], _ layout: SlabLayout, _ slab: Slab, _ first: Int
    ) throws(RequestFault) {
        var inOrder = true
        for (i, input) in inputs.enumerated() where input.index != i { inOrder = false }
        if inOrder { return }
        guard let lease = model.leaseScratch(binaryBytes) else { throw .poolExhausted }
        let scratch = lease.memory
        var at = 0
        for tensor in layout.inputs {
            let bytes = tensor.rowBytes * request.rowCount
            scratch.slice(at, bytes).copy(from: slab.lease.memory.slice(tensor.offset + first * tensor.rowBytes, bytes))
            at += bytes
        }
        at = 0
        for input in inputs {
            let tensor = layout.inputs[input.index]
            let bytes = tensor.rowBytes * request.rowCount
            slab.lease.memory.slice(tensor.offset + first * tensor.rowBytes, bytes).copy(from: scratch.slice(at, bytes))
            at += bytes
        }
        count(2 * binaryBytes)
    }

    /// Only some of the inputs came behind the JSON, and what came looked like whole rows: it is taken out
    /// again and put where it belongs.
    private mutating func takeBack(_ layout: SlabLayout) throws(RequestFault) {
        guard let slab = request.slab, let old = request.textMemory,
            let lease = model.leaseScratch(binaryStart + binaryBytes)
        else { throw .poolExhausted }
        lease.memory.slice(0, binaryStart).copy(from: old.slice(0, binaryStart))
        var at = binaryStart
        for tensor in layout.inputs {
            let bytes = tensor.rowBytes * request.leasedRows
            lease.memory.slice(at, bytes).copy(
                from: slab.lease.memory.slice(tensor.offset + request.firstRow * tensor.rowBytes, bytes))
            at += bytes
        }
        count(binaryBytes)
        request.rows = nil
        request.text = consume lease
        landing = .text
    }

    private func share(_ region: SharedRegion, _ input: RequestScanner.Input, _ place: inout TensorPlace)
        throws(RequestFault)
    {
        guard let bytes = input.regionBytes, region.contains(input.regionOffset, bytes) else {
            throw SharedRegion.outside
        }
        place.region = region.number
        place.offset = region.offset + input.regionOffset
        place.byteCount = bytes
        region.users += 1
        request.inputRegions.append(region)
        request.usesSharedMemory = true
    }

    private func count(_ bytes: Int) {
        model.statistics.copies += 1
        model.statistics.copiedBytes += UInt64(bytes)
    }

    // MARK: - In a slot of its own

    private func settleLoose(_ inputs: [RequestScanner.Input], _ sizes: InlineArray<32, Int>) throws(RequestFault) {
        var extra = 0
        for (i, input) in inputs.enumerated() where input.binaryBytes == nil && input.region == nil {
            // JSON strings take four bytes more each than their quotes and comma leave: counted by text.
            extra += aligned(max(0, sizes[i] >= 0 ? sizes[i] : 2 * (input.data?.count ?? 0) + 4), to: tensorAlignment)
        }
        var used = landing == .rows ? aligned(binaryBytes, to: tensorAlignment) : 0
        if request.rows == nil {
            let room = aligned(binaryBytes, to: tensorAlignment) + 64 * inputs.count + extra + model.plan.outputBytesMax
            request.rows = model.takeLooseSlot(room)
        }
        guard let slab = request.rows?.slab else { throw .poolExhausted }
        let memory = slab.lease.memory
        var source = landing == .rows ? 0 : binaryStart
        for (i, input) in inputs.enumerated() {
            let tensor = description.inputs[input.index]
            var place = TensorPlace()
            place.rank = input.rank
            place.dims = input.dims
            if let region = input.region {
                try share(region, input, &place)
            } else if let bytes = input.binaryBytes {
                let elementBytes = max(1, tensor.type.byteCount)
                if landing == .rows, source % elementBytes == 0 {
                    place.offset = slab.lease.offset + source
                } else {
                    let from = landing == .rows ? memory : request.textMemory
                    guard let from, used + bytes <= memory.count else { throw .poolExhausted }
                    memory.slice(used, bytes).copy(from: from.slice(source, bytes))
                    count(bytes)
                    place.offset = slab.lease.offset + used
                    used = aligned(used + bytes, to: tensorAlignment)
                }
                place.byteCount = bytes
                source += bytes
            } else if let data = input.data, let text = request.textMemory {
                guard used <= memory.count else { throw .poolExhausted }
                let room = memory.slice(used, memory.count - used)
                let target = sizes[i] >= 0 && sizes[i] <= room.count ? room.slice(0, sizes[i]) : room
                let bytes = try TensorText(text, data, tensor).parse(into: target, elements: elements(input))
                place.offset = slab.lease.offset + used
                place.byteCount = bytes
                used = aligned(used + bytes, to: tensorAlignment)
            } else {
                throw .invalid("input '\(tensor.name)' has no data")
            }
            request.inputs[input.index] = place
        }
        request.looseBytes = max(1, used)
    }

    private func elements(_ input: RequestScanner.Input) -> Int {
        var count = 1
        for d in 0..<input.rank { count = min(1 << 40, count * Int(input.dims[d])) }
        return count
    }
}
