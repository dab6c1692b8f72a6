internal import Site

/// Where something stands in a file; lines and columns count from 1, as editors do.
public struct FilePosition: Equatable, Comparable, Sendable, CustomStringConvertible {
    public let file: String
    public let line: Int
    public let column: Int
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
    public var description: String { "\(file):\(line):\(column)" }
    public static func < (a: FilePosition, b: FilePosition) -> Bool {
        (a.file, a.line, a.column) < (b.file, b.line, b.column)
    }
}

/// One thing wrong in a file.
public struct ProfileFault: Error, Equatable, Sendable, CustomStringConvertible {
    public let position: FilePosition
    /// What was found and what was expected, in one line.
    public let text: String
    public var description: String { "\(position): \(text)" }
    /// The file itself could not be read.
    public var isMissingFile: Bool { text.hasPrefix("cannot be read") }
}

/// Collects every fault of a load, so that a technician mends all of them in one go.
public final class FaultCollector {
    public private(set) var faults: [ProfileFault] = []
    public init() {}
    public func report(_ position: FilePosition, _ text: String) {
        let fault = ProfileFault(position: position, text: text)
        if !faults.contains(fault) { faults.append(fault) }
    }

    // MARK: - What only the whole plan can tell

    private var checks: [(SitePlan, PointTable, FaultCollector) -> Void] = []

    /// A check of one section against the others: that a point it names exists, for example.
    func whenWhole(_ check: @escaping (SitePlan, PointTable, FaultCollector) -> Void) { checks.append(check) }

    func check(whole plan: SitePlan) {
        if checks.isEmpty { return }
        let table = PointTable(plan.points)
        for check in checks { check(plan, table, self) }
        checks.removeAll()
    }

    public var inFileOrder: [ProfileFault] { faults.sorted { $0.position < $1.position } }
}
