internal import Platform
internal import Site

/// The points that Control itself puts on the Board, found once by name.
struct ComputedPoints: Sendable {
    private struct Feed: Sendable { let power, allowed, energy: PointID? }
    private struct Lane: Sendable { let joules, inferences: PointID? }

    private let posture, arming, alarms, unacknowledged, totalPower, itPower, effectiveness, overall: PointID?
    private let feeds: [Feed]
    private let lanes: [Lane]
    private var lastSlow = MonotonicTime.distantPast
    private var lastQuick: (PostureState, ArmingState, UInt64)?

    init(_ plan: ControlPlan, _ points: PointTable) {
        posture = points.id(of: "site.posture")
        arming = points.id(of: "site.arming")
        alarms = points.id(of: "site.alarms")
        unacknowledged = points.id(of: "site.alarms-unacknowledged")
        totalPower = points.id(of: "site.total-power")
        itPower = points.id(of: "site.it-power")
        effectiveness = points.id(of: "site.pue")
        overall = points.id(of: "site.pue-overall")
        feeds = plan.feeds.map { feed in
            Feed(
                power: points.id(of: "feed-\(feed.tag).power"), allowed: points.id(of: "feed-\(feed.tag).allowed"),
                energy: points.id(of: "feed-\(feed.tag).energy"))
        }
        lanes = plan.lanes.map { lane in
            Lane(
                joules: points.id(of: "lane-\(lane.word).joules-per-inference"),
                inferences: points.id(of: "lane-\(lane.word).inferences"))
        }
    }

    /// States at once; quantities once a second, because a value on the Board wakes the loop that made it.
    /// Nobody is woken for them: the agent looks twice a second at least.
    mutating func fill(
        _ decisions: inout Decisions, _ budget: PowerBudget, _ energy: EnergyAccounts, now: Moment
    ) {
        func put(_ point: PointID?, _ number: Double?) {
            if let point { decisions.published.append(ComputedValue(point: point, number: number)) }
        }
        let isSlowDue = now.monotonic - lastSlow >= .seconds(1)
        let quick = (decisions.posture.state, decisions.arming, decisions.alarmsVersion)
        if isSlowDue || lastQuick.map({ $0 != quick }) ?? true {
            lastQuick = quick
            put(posture, Double(decisions.posture.state.rawValue))
            put(arming, ArmingState.allCases.firstIndex(of: decisions.arming).map { Double($0) })
            let shown = decisions.alarms.lazy.filter { $0.consequenceOf == nil && $0.shelvedUntil == nil }
            put(alarms, Double(shown.count(where: \.isActive)))
            put(unacknowledged, Double(shown.count { !$0.isAcknowledged }))
        }
        guard isSlowDue else { return }
        lastSlow = now.monotonic
        for (feed, status) in zip(feeds, budget.status) {
            put(feed.power, status.measuredWatts)
            put(feed.allowed, status.allowedWatts)
            put(feed.energy, status.energyWattHours)
        }
        put(totalPower, energy.totalWatts)
        put(itPower, energy.itWatts)
        put(effectiveness, energy.effectiveness)
        put(overall, energy.effectivenessOverall)
        for (lane, account) in zip(lanes, energy.lanes) {
            put(lane.joules, account.joulesPerInference)
            put(lane.inferences, Double(account.inferences))
        }
    }
}
