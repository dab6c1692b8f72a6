internal import Platform
internal import Site

extension ByteWriter {
    /// Of `/v1/status`: the feeds and where their energy goes, where the site file names any.
    mutating func writePower(_ snapshot: SiteSnapshot) {
        if snapshot.power.isEmpty, snapshot.energy == nil { return }
        beginObject("power")
        beginArray("feeds")
        for feed in snapshot.power { writeFeed(feed) }
        endArray()
        if let energy = snapshot.energy { writeEnergy(energy) }
        endObject()
    }

    private mutating func writeFeed(_ feed: PowerFeedStatus) {
        beginObject()
        field("tag", feed.tag)
        field("measured_watts", feed.measuredWatts)
        field("calculated_watts", feed.calculatedWatts)
        field("allowed_watts", feed.allowedWatts)
        field("default_watts", feed.defaultWatts)
        field("maximum_watts", feed.maximumWatts)
        field("ramping", feed.isRamping)
        field("compliant", feed.isCompliant)
        field("energy_watt_hours", feed.energyWattHours)
        beginArray("targets")
        for target in feed.targets {
            beginObject()
            field("id", target.id)
            field("start", target.start.milliseconds)
            if let end = target.end { field("end", end.milliseconds) }
            field("watts", target.watts)
            field("actor", target.actor)
            field("active", target == feed.activeTarget)
            endObject()
        }
        endArray()
        if let breach = feed.breach {
            beginObject("breach")
            field("id", breach.id)
            field("state", breach.state.rawValue)
            field("critical", breach.isCritical)
            field("detected", breach.detected.milliseconds)
            if let resolved = breach.resolved { field("resolved", resolved.milliseconds) }
            field("measured_watts", breach.measuredWatts)
            endObject()
        }
        endObject()
    }

    private mutating func writeEnergy(_ energy: EnergyStatus) {
        if let boundary = energy.boundary {
            beginObject("pue")
            field("boundary", boundary)
            field("live", energy.effectiveness)
            field("overall", energy.effectivenessOverall)
            field("total_watts", energy.totalWatts)
            field("it_watts", energy.itWatts)
            field("total_watt_hours", energy.totalWattHours)
            field("it_watt_hours", energy.itWattHours)
            endObject()
        }
        beginArray("lanes")
        for lane in energy.lanes {
            beginObject()
            field("model", lane.model)
            field("accelerator", lane.accelerator)
            field("joules_per_inference", lane.joulesPerInference)
            field("joules", lane.joules)
            field("inferences", lane.inferences)
            endObject()
        }
        endArray()
    }
}
