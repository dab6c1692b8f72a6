internal import Platform
internal import Site

/// A point as evidence: its name, what it read and how old that was.
struct Fact: Sendable {
    let name: String
    private let slot: Int
    private let unit: String
    private let states: [StateText]

    init(_ name: String, _ slots: inout SampleSlots) {
        self.name = name
        slot = slots.slot(name)
        let definition = slots.definition(name)
        unit = definition?.unit.rawValue ?? ""
        if case .state(let texts)? = definition?.kind { states = texts } else { states = [] }
    }

    private func sample(_ samples: [Sample]) -> Sample {
        slot >= 0 && slot < samples.count ? samples[slot] : .neverRead
    }

    func isGood(in samples: [Sample]) -> Bool { sample(samples).isGood }

    /// "stale", "failed (no answer in time)"
    func trouble(in samples: [Sample]) -> String {
        let sample = sample(samples)
        return sample.reason == .none
            ? "is \(sample.quality.text)" : "is \(sample.quality.text) (\(sample.reason.text))"
    }

    func evidence(in samples: [Sample], now: MonotonicTime) -> Evidence {
        let sample = sample(samples)
        guard sample.isGood else { return Evidence(name, trouble(in: samples)) }
        let age = (now - sample.measured).wholeMilliseconds
        return Evidence(name, "\(text(of: sample.number)), \(age) ms old")
    }

    private func text(of number: Double) -> String {
        if let state = states.first(where: { Double($0.code) == number }) { return state.text }
        // Four significant decimals are more than any sensor of a container has.
        let rounded = (number * 10_000).rounded() / 10_000
        let digits = Int64(exactly: rounded).map(String.init) ?? rounded.description
        return unit.isEmpty ? digits : "\(digits) \(unit)"
    }
}
