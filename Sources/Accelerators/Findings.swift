internal import Platform
internal import Site

/// What is wrong with one card now. Each finding is noted anew at every look; one that is no longer
/// noted has ended, one that goes on keeps its `since`.
struct Findings {
    private(set) var current: [AcceleratorFinding] = []
    private(set) var healths: [AcceleratorHealth] = []
    private var isNoted: [Bool] = []

    mutating func begin() {
        for index in isNoted.indices { isNoted[index] = false }
    }

    mutating func note(_ verdict: Verdict, _ now: WallTime, evidence: @autoclosure () -> [Evidence] = []) {
        if let index = current.firstIndex(where: { $0.code == verdict.code }) {
            // The graver of two notes of one code in one look stands.
            if isNoted[index] && rank(healths[index]) >= rank(verdict.health) { return }
            isNoted[index] = true
            healths[index] = verdict.health
            if current[index].text != verdict.text { current[index].text = verdict.text }
            current[index].action = verdict.action.rawValue
            return
        }
        current.append(
            AcceleratorFinding(
                code: verdict.code, text: verdict.text, since: now, action: verdict.action.rawValue,
                evidence: evidence()))
        healths.append(verdict.health)
        isNoted.append(true)
    }

    mutating func end() {
        if isNoted.allSatisfy({ $0 }) { return }
        let kept = isNoted.indices.filter { isNoted[$0] }
        current = kept.map { current[$0] }
        healths = kept.map { healths[$0] }
        isNoted = kept.map { _ in true }
    }

    /// The worst of the findings. Unknown is never ok, and a known fault outweighs not knowing the rest.
    var health: AcceleratorHealth { healths.max { rank($0) < rank($1) } ?? .ok }

    /// The gravest first: what a technician reads at the top.
    var gravestFirst: [AcceleratorFinding] {
        current.indices.sorted { rank(healths[$0]) > rank(healths[$1]) }.map { current[$0] }
    }

    func contains(prefix: String, atLeast: AcceleratorHealth = .degraded) -> Bool {
        current.indices.contains { current[$0].code.hasPrefix(prefix) && rank(healths[$0]) >= rank(atLeast) }
    }
}

func rank(_ health: AcceleratorHealth) -> Int {
    switch health {
    case .ok: 0
    case .transitional: 1
    case .degraded: 2
    case .unknown: 3
    case .failed: 4
    case .absent: 5
    }
}

extension AcceleratorHealth {
    var severity: Severity {
        switch self {
        case .ok, .transitional: .notice
        case .degraded, .unknown: .warning
        case .failed, .absent: .major
        }
    }
}
