internal import Platform

extension ControlPlan {
    /// The points that Control computes, from what the section names.
    public var points: [PointDefinition] {
        let second = Nanoseconds.seconds(1)
        func states<State: CaseIterable>(_ text: (State) -> String) -> PointDefinition.Kind {
            .state(State.allCases.enumerated().map { StateText(code: $0.offset, text: text($0.element)) })
        }
        var points = [
            PointDefinition(
                name: "site.posture", title: "What it allows", kind: states { (s: PostureState) in s.text },
                interval: second),
            PointDefinition(
                name: "site.arming", title: "Arming", kind: states { (s: ArmingState) in s.rawValue },
                interval: second),
            PointDefinition(name: "site.alarms", title: "Alarms standing", unit: .count, interval: second),
            PointDefinition(
                name: "site.alarms-unacknowledged", title: "Alarms nobody acknowledged", unit: .count,
                interval: second),
        ]
        for feed in feeds {
            let device = "feed-" + feed.tag
            points += [
                PointDefinition(name: device + ".power", title: "Feed load", unit: .watts, interval: second),
                PointDefinition(name: device + ".allowed", title: "Feed allowance", unit: .watts, interval: second),
                PointDefinition(name: device + ".energy", title: "Feed energy", unit: .wattHours, interval: second),
            ]
        }
        if effectiveness != nil {
            points += [
                PointDefinition(name: "site.total-power", title: "All power", unit: .watts, interval: second),
                PointDefinition(name: "site.it-power", title: "IT power", unit: .watts, interval: second),
                PointDefinition(name: "site.pue", title: "Live PUE", interval: second),
                PointDefinition(name: "site.pue-overall", title: "PUE since the accounts began", interval: second),
            ]
        }
        for lane in lanes {
            let device = "lane-" + lane.word
            points += [
                PointDefinition(
                    name: device + ".joules-per-inference", title: "Energy per inference", unit: .joules,
                    interval: second),
                PointDefinition(name: device + ".inferences", title: "Inferences", unit: .count, interval: second),
            ]
        }
        return points
    }
}
