internal import CYaml
internal import Platform

/// libyaml's events made into a tree. Anchors, aliases, tags and second documents are refused: a
/// configuration that expands itself is one that nobody can read at 3 a.m.
public enum YAMLReader {
    /// Bounds for a foreign file; the largest profile we ship has under 1,000 lines and 6 levels.
    static let depthMax = 24
    static let nodesMax = 100_000

    /// The tree, or nil after reporting why there is none. `file` is the name used in messages.
    public static func read(_ bytes: [UInt8], file: String, _ faults: FaultCollector) -> YAMLNode? {
        var parser = unsafe yaml_parser_t()
        guard unsafe yaml_parser_initialize(&parser) == 1 else {
            faults.report(FilePosition(file: file, line: 1, column: 1), "out of memory")
            return nil
        }
        defer { unsafe yaml_parser_delete(&parser) }
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var walk = Walk(file: file, faults: faults)
            return unsafe walk.document(&parser)
        }
    }

    /// Reads a file of the host; a missing or unreadable one is a fault at its first line.
    public static func readFile(_ path: String, _ faults: FaultCollector) -> YAMLNode? {
        do throws(SystemError) {
            return read(try Platform.readFile(path), file: path, faults)
        } catch {
            faults.report(FilePosition(file: path, line: 1, column: 1), "cannot be read: \(error.reason)")
            return nil
        }
    }
}

private struct Walk {
    let file: String
    let faults: FaultCollector
    var nodes = 0

    init(file: String, faults: FaultCollector) {
        self.file = file
        self.faults = faults
    }

    /// Ends the walk; the fault is already reported.
    struct Stop: Error {}

    enum Token {
        case scalar(String, isPlain: Bool), sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case documentStart, documentEnd, streamStart, streamEnd
    }

    mutating func document(_ parser: inout yaml_parser_t) -> YAMLNode? {
        do {
            _ = unsafe try next(&parser)  // stream start
            let first = unsafe try next(&parser)
            if case .streamEnd = first.token {
                faults.report(first.at, "the file is empty, expected a mapping")
                return nil
            }
            let root = unsafe try node(&parser, unsafe try next(&parser), depth: 0)
            _ = unsafe try next(&parser)  // document end
            let after = unsafe try next(&parser)
            guard case .streamEnd = after.token else {
                faults.report(after.at, "a second document begins here, expected one document per file")
                return nil
            }
            return root
        } catch { return nil }
    }

    mutating func next(_ parser: inout yaml_parser_t) throws(Stop) -> (token: Token, at: FilePosition) {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(&parser, &event) == 1 else {
            let mark = unsafe parser.problem_mark
            let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "not YAML"
            throw stop(position(mark), "not valid YAML: \(problem)")
        }
        defer { unsafe yaml_event_delete(&event) }
        let at = unsafe position(event.start_mark)
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return (.streamStart, at)
        case YAML_STREAM_END_EVENT: return (.streamEnd, at)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, at)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, at)
        case YAML_SEQUENCE_START_EVENT: return (.sequenceStart, at)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, at)
        case YAML_MAPPING_START_EVENT: return (.mappingStart, at)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, at)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            if unsafe scalar.anchor != nil { throw stop(at, "anchors (&) are not used here: write the value out") }
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let text = unsafe String(decoding: bytes, as: UTF8.self)
            return (.scalar(text, isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE), at)
        case YAML_ALIAS_EVENT: throw stop(at, "aliases (*) are not used here: write the value out")
        default: throw stop(at, "unexpected YAML")
        }
    }

    mutating func node(
        _ parser: inout yaml_parser_t, _ first: (token: Token, at: FilePosition), depth: Int
    ) throws(Stop) -> YAMLNode {
        nodes += 1
        if depth > YAMLReader.depthMax || nodes > YAMLReader.nodesMax {
            throw stop(first.at, "nested or long beyond what a configuration needs")
        }
        switch first.token {
        case .scalar(let text, let isPlain): return .scalar(text: text, isPlain: isPlain, first.at)
        case .sequenceStart:
            var items: [YAMLNode] = []
            while true {
                let token = unsafe try next(&parser)
                if case .sequenceEnd = token.token { return .sequence(items, first.at) }
                items.append(unsafe try node(&parser, token, depth: depth + 1))
            }
        case .mappingStart:
            var entries: [YAMLNode.Entry] = []
            while true {
                let token = unsafe try next(&parser)
                if case .mappingEnd = token.token { return .mapping(entries, first.at) }
                guard case .scalar(let key, _) = token.token else { throw stop(token.at, "expected a key") }
                let value = unsafe try node(&parser, unsafe try next(&parser), depth: depth + 1)
                if let earlier = entries.first(where: { $0.key == key }) {
                    faults.report(token.at, "'\(key)' stands here twice (first on line \(earlier.keyPosition.line))")
                } else {
                    entries.append(YAMLNode.Entry(key: key, keyPosition: token.at, value: value))
                }
            }
        default: throw stop(first.at, "expected a value")
        }
    }

    func position(_ mark: yaml_mark_t) -> FilePosition {
        FilePosition(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    func stop(_ at: FilePosition, _ text: String) -> Stop {
        faults.report(at, text)
        return Stop()
    }
}
