internal import HTTP
internal import Platform
internal import Site

/// Puts together the answer to an inference: the JSON in a buffer that is used again, the tensors lent
/// from the rows they were written to.
struct AnswerWriter {
    private var json = ByteWriter(capacity: 4096)
    /// Classes and JSON-only tensors that are sent as binary.
    private var extra = ByteWriter(capacity: 4096)
    private var parts: [Part] = []

    private enum Part {
        case row(Int, Int)
        case extra(Int, Int)
    }

    init() { parts.reserveCapacity(ModelDescription.tensorsMax) }

    mutating func compose(_ request: InferRequest, _ model: ServedModel, _ description: ModelDescription) {
        json.clear()
        extra.clear()
        parts.removeAll(keepingCapacity: true)
        json.beginObject()
        json.field("model_name", model.name)
        json.field("model_version", model.version)
        if !request.idRange.isEmpty, let text = request.textMemory {
            json.append(",\"id\":")
            TensorText.quote(text, request.idRange, &json)
        }
        json.append(",\"outputs\":[")
        for (n, wish) in request.wishes.enumerated() {
            if n > 0 { json.append(UInt8(ascii: ",")) }
            output(wish, request, model, description)
        }
        json.append("]}")
    }

    private mutating func output(
        _ wish: OutputWish, _ request: InferRequest, _ model: ServedModel, _ description: ModelDescription
    ) {
        let tensor = description.outputs[wish.index], place = request.outputs[wish.index]
        guard let slab = request.rows?.slab else { return }
        json.append("{\"name\":\"")
        json.append(string: tensor.name)
        json.append("\",\"datatype\":\"")
        json.append(wish.classes > 0 ? DataType.bytes.name : tensor.type.name)
        json.append("\",\"shape\":[")
        let memory = slab.lease.memory
        if wish.classes > 0 {
            let classes = Classification(
                memory.slice(place.offset - slab.lease.offset, place.byteCount), tensor.type, place,
                isBatching: model.maxBatchSize > 0, labels: model.plan.labels)
            let start = extra.count
            classes.write(best: wish.classes, shape: &json, elements: &extra, isBinary: wish.isBinary)
            json.append("]")
            finish(wish, start..<extra.count)
            return
        }
        for d in 0..<place.rank {
            if d > 0 { json.append(UInt8(ascii: ",")) }
            // A batch's shape says the batch; this request has its own rows of it.
            json.append(place.dims[d])
        }
        json.append("]")
        if let region = wish.region {
            json.append(",\"parameters\":{\"shared_memory_region\":")
            quote(region.name)
            json.append(",\"shared_memory_offset\":")
            json.append(wish.offset)
            json.append(",\"shared_memory_byte_size\":")
            json.append(place.byteCount)
            json.append("}}")
        } else if wish.isBinary || tensor.type == .fp16 || tensor.type == .bf16 {
            json.append(",\"parameters\":{\"binary_data_size\":")
            json.append(place.byteCount)
            json.append("}}")
            parts.append(.row(place.offset - slab.lease.offset, place.byteCount))
        } else {
            json.append(",\"data\":")
            TensorText.write(memory.slice(place.offset - slab.lease.offset, place.byteCount), tensor.type, &json)
            json.append("}")
        }
    }

    private mutating func finish(_ wish: OutputWish, _ range: Range<Int>) {
        if wish.isBinary {
            json.append(",\"parameters\":{\"binary_data_size\":")
            json.append(range.count)
            json.append("}}")
            parts.append(.extra(range.lowerBound, range.count))
        } else {
            json.append(",\"data\":")
            json.append(contentsOf: extra.bytes[range])
            json.append("}")
        }
    }

    private mutating func quote(_ text: String) {
        json.append("\"")
        for byte in text.utf8 where byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
            json.append(byte)
        }
        json.append("\"")
    }

    var hasBinary: Bool { !parts.isEmpty }
    var jsonBytes: [UInt8] { json.bytes }

    /// The whole body as one array: for compressed answers only.
    func flattened(_ request: InferRequest) -> [UInt8] {
        var bytes = json.bytes
        for part in parts {
            switch part {
            case .row(let offset, let count):
                if let slab = request.rows?.slab {
                    unsafe bytes.append(contentsOf: slab.lease.memory.slice(offset, count).buffer)
                }
            case .extra(let start, let count): bytes.append(contentsOf: extra.bytes[start..<start + count])
            }
        }
        return bytes
    }

    func send(_ response: ResponseWriter, _ request: InferRequest) {
        if hasBinary {
            response.field("Content-Type", "application/octet-stream" as StaticString)
            response.field("Inference-Header-Content-Length", json.count)
        } else {
            response.field("Content-Type", "application/json" as StaticString)
        }
        unsafe json.bytes.withUnsafeBytes { unsafe response.copy($0) }
        for part in parts {
            switch part {
            case .row(let offset, let count):
                guard let slab = request.rows?.slab else { continue }
                unsafe response.lend(UnsafeRawBufferPointer(slab.lease.memory.slice(offset, count).buffer))
            case .extra(let start, let count):
                unsafe extra.bytes.withUnsafeBytes { bytes in
                    unsafe response.copy(UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
                }
            }
        }
    }
}
