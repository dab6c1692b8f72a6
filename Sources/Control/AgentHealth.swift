internal import Platform
internal import Site

/// How the agent itself is: what fails in it is an alarm like any other.
public struct AgentHealth: Equatable, Sendable {
    /// Why events cannot be stored; nil: they are.
    public var storageTrouble: String?
    /// Why the history cannot be stored; nil: it is.
    public var historyTrouble: String?
    /// Threads that make no progress, by name.
    public var stuck: [String]

    public init(storageTrouble: String? = nil, historyTrouble: String? = nil, stuck: [String] = []) {
        self.storageTrouble = storageTrouble
        self.historyTrouble = historyTrouble
        self.stuck = stuck
    }

    /// A journal that has just started is not durable yet; a slow disk is no failed one.
    private static let patience = Nanoseconds.seconds(5)

    static let conditions = [
        ConditionPlan(
            id: "agent.storage", test: .external, severity: .major, subject: "agent.storage",
            text: "events cannot be stored and are kept in memory", raiseAfter: patience, clearAfter: patience),
        ConditionPlan(
            id: "agent.history", test: .external, severity: .warning, subject: "agent.history",
            text: "the history of the readings cannot be stored", raiseAfter: patience, clearAfter: patience),
        ConditionPlan(
            id: "agent.stuck", test: .external, severity: .major, subject: "agent",
            text: "a thread of the agent makes no progress", clearAfter: patience),
    ]

    var holding: [Bool?] { [storageTrouble != nil, historyTrouble != nil, !stuck.isEmpty] }
    var details: [String?] {
        [storageTrouble, historyTrouble, stuck.isEmpty ? nil : stuck.joined(separator: ", ")]
    }
}
