internal import Platform
internal import Site

/// What a lane tells its parent once, as JSON on the control socket.
enum LaneMessage {
    case ready(ModelDescription)
    case refused(String)

    static func loaded(_ description: ModelDescription) -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("platform", description.platform)
        writer.key("inputs")
        write(description.inputs, &writer)
        writer.key("outputs")
        write(description.outputs, &writer)
        writer.endObject()
        return writer.bytes
    }

    static func failed(_ reason: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("failed", reason)
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ tensors: [TensorDescription], _ writer: inout ByteWriter) {
        writer.beginArray()
        for tensor in tensors {
            writer.beginObject()
            writer.field("name", tensor.name)
            writer.field("datatype", tensor.type.text)
            writer.beginArray("shape")
            for dimension in tensor.shape { writer.value(dimension) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
    }

    static func decode(_ bytes: [UInt8]) throws(JSON.Fault) -> LaneMessage {
        let json = try JSON.parse(bytes)
        if let reason = json["failed"]?.string { return .refused(reason) }
        return .ready(
            ModelDescription(
                platform: json["platform"]?.string ?? "", inputs: tensors(json["inputs"]),
                outputs: tensors(json["outputs"])))
    }

    private static func tensors(_ json: JSON?) -> [TensorDescription] {
        (json?.array ?? []).compactMap { tensor in
            guard let name = tensor["name"]?.string, let type = DataType(text: tensor["datatype"]?.string ?? "")
            else { return nil }
            return TensorDescription(
                name: name, type: type, shape: (tensor["shape"]?.array ?? []).compactMap(\.integer))
        }
    }
}

extension EnginePlan {
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("engine", engine.rawValue)
        writer.field("model", modelPath)
        writer.field("provider", provider)
        writer.field("threads", threads)
        writer.field("delay", delayNanoseconds)
        writer.field("processor", processor)
        writer.beginArray("libraries")
        for library in libraries { writer.value(library) }
        writer.endArray()
        writer.beginArray("options")
        for option in options {
            writer.value(option.key)
            writer.value(option.value)
        }
        writer.endArray()
        writer.key("inputs")
        EnginePlan.write(inputs, &writer)
        writer.key("outputs")
        EnginePlan.write(outputs, &writer)
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ tensors: [TensorPlan], _ writer: inout ByteWriter) {
        writer.beginArray()
        for tensor in tensors {
            writer.beginArray()
            writer.value(tensor.name)
            writer.value(tensor.datatype)
            for dimension in tensor.shape { writer.value(dimension) }
            writer.endArray()
        }
        writer.endArray()
    }

    static func decode(_ bytes: [UInt8]) throws -> EnginePlan {
        let json = try JSON.parse(bytes)
        guard let engine = ModelPlan.Engine(rawValue: json["engine"]?.string ?? "") else {
            throw EngineFault("the lane was given no plan")
        }
        let texts = (json["options"]?.array ?? []).compactMap(\.string)
        let options = stride(from: 0, to: texts.count - 1, by: 2).map {
            LanePlan.Option(key: texts[$0], value: texts[$0 + 1])
        }
        return EnginePlan(
            engine: engine, modelPath: json["model"]?.string ?? "",
            libraries: (json["libraries"]?.array ?? []).compactMap(\.string),
            provider: json["provider"]?.string ?? "", options: options, threads: json["threads"]?.integer ?? 1,
            delayNanoseconds: Int64(json["delay"]?.integer ?? 0), inputs: tensors(json["inputs"]),
            outputs: tensors(json["outputs"]), processor: json["processor"]?.integer ?? -1)
    }

    private static func tensors(_ json: JSON?) -> [TensorPlan] {
        (json?.array ?? []).compactMap { tensor in
            guard let parts = tensor.array, parts.count >= 2, let name = parts[0].string, let type = parts[1].string
            else { return nil }
            return TensorPlan(name: name, datatype: type, shape: parts.dropFirst(2).compactMap(\.integer))
        }
    }
}
