internal import Platform

/// `$filter` of the event stream (DSP0266, "Server-sent events"): properties compared with eq, joined by and, or and
/// brackets, as far as an `EventFilter` can say the same.
extension EventFilter {
    /// Nil where the expression is not one, or wishes for what a filter has no words for.
    init?(expression: String) {
        guard expression.utf8.count <= EventFilter.expressionBytesMax, let tokens = EventFilter.tokens(expression)
        else {
            return nil
        }
        var reader = Reader(tokens: tokens)
        guard let wish = reader.either(0), reader.isAtEnd else { return nil }
        self = wish.filter
    }

    static let expressionBytesMax = 2048
    private static let depthMax = 8

    /// What the expression may name, as EventService says it; EventType, which DMTF gave up, is still understood.
    static let expressionProperties: [StaticString] = [
        "EventFormatType", "MessageId", "OriginResource", "RegistryPrefix", "ResourceType", "SubordinateResources",
    ]

    private enum Token: Equatable { case open, close, word(String), text(String) }

    private static func tokens(_ expression: String) -> [Token]? {
        var tokens: [Token] = []
        var rest = expression[...]
        while let first = rest.first {
            switch first {
            case " ": rest.removeFirst()
            case "(", ")":
                tokens.append(first == "(" ? .open : .close)
                rest.removeFirst()
            case "'":
                rest.removeFirst()
                guard let end = rest.firstIndex(of: "'") else { return nil }
                tokens.append(.text(String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            default:
                let word = rest.prefix { !" ()'".contains($0) }
                tokens.append(.word(String(word)))
                rest = rest[word.endIndex...]
            }
        }
        return tokens
    }

    /// What one part of the expression asks for, and of which kinds.
    private struct Wish {
        enum Kind { case message, type, origin, subordinates, form }
        var filter: EventFilter
        var kinds: Set<Kind>
    }

    private struct Reader {
        let tokens: [Token]
        var next = 0
        init(tokens: [Token]) { self.tokens = tokens }
        var isAtEnd: Bool { next == tokens.count }

        private mutating func take(_ token: Token) -> Bool {
            guard next < tokens.count, tokens[next] == token else { return false }
            next += 1
            return true
        }

        /// One or the other can be said of values of one kind only.
        mutating func either(_ depth: Int) -> Wish? {
            guard var wish = both(depth) else { return nil }
            while take(.word("or")) {
                guard let other = both(depth), wish.kinds.count == 1, wish.kinds == other.kinds,
                    wish.kinds != [.subordinates]
                else { return nil }
                wish.filter.add(other.filter)
            }
            return wish
        }

        /// One and the other can be said of different kinds only.
        private mutating func both(_ depth: Int) -> Wish? {
            guard var wish = single(depth) else { return nil }
            while take(.word("and")) {
                guard let other = single(depth), wish.kinds.isDisjoint(with: other.kinds) else { return nil }
                wish.filter.add(other.filter)
                wish.kinds.formUnion(other.kinds)
            }
            return wish
        }

        private mutating func single(_ depth: Int) -> Wish? {
            if take(.open) {
                guard depth < EventFilter.depthMax, let wish = either(depth + 1), take(.close) else { return nil }
                return wish
            }
            guard next + 2 < tokens.count, case .word(let name) = tokens[next], tokens[next + 1] == .word("eq") else {
                return nil
            }
            let value: String
            switch tokens[next + 2] {
            case .word(let word): value = word
            case .text(let text): value = text
            default: return nil
            }
            next += 3
            return wish(name, value)
        }

        private func wish(_ name: String, _ value: String) -> Wish? {
            var filter = EventFilter()
            switch name {
            case "RegistryPrefix": filter.registryPrefixes = [value]
            case "MessageId": filter.messageIDs = [value]
            case "ResourceType":
                filter.resourceTypes = [value]
                return Wish(filter: filter, kinds: [.type])
            case "OriginResource":
                filter.originResources = [value]
                return Wish(filter: filter, kinds: [.origin])
            case "SubordinateResources" where value == "true" || value == "false":
                filter.includesSubordinates = value == "true"
                return Wish(filter: filter, kinds: [.subordinates])
            // All of ours are of this form and, for who still asks, of this type.
            case "EventFormatType" where value == "Event", "EventType" where value == "Alert":
                return Wish(filter: filter, kinds: [.form])
            default: return nil
            }
            return Wish(filter: filter, kinds: [.message])
        }
    }

    private mutating func add(_ other: EventFilter) {
        for (_, list) in EventFilter.lists { self[keyPath: list] += other[keyPath: list] }
        includesSubordinates = includesSubordinates || other.includesSubordinates
    }
}
