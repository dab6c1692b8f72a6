/// A YAML document as a tree in which everything knows where it stands.
public indirect enum YAMLNode: Sendable {
    case scalar(text: String, isPlain: Bool, FilePosition)
    case sequence([YAMLNode], FilePosition)
    case mapping([Entry], FilePosition)

    public struct Entry: Sendable {
        public let key: String
        public let keyPosition: FilePosition
        public let value: YAMLNode
    }

    public var position: FilePosition {
        switch self {
        case .scalar(_, _, let position), .sequence(_, let position), .mapping(_, let position): position
        }
    }

    /// As an error message names it: "the list", "'abc'".
    public var found: String {
        switch self {
        case .scalar("", _, _): "nothing"
        case .scalar(let text, _, _): "'\(text.count > 60 ? text.prefix(60) + "..." : text)'"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    public subscript(key: String) -> YAMLNode? {
        guard case .mapping(let entries, _) = self else { return nil }
        return entries.first { $0.key == key }?.value
    }
}
