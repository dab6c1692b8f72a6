internal import Platform
internal import Site

extension ByteWriter {
    /// Of `/v1/status`: the feeds and where their energy goes, where the site file names any.
    mutating func writePower(_ snapshot: SiteSnapshot) {
        if snapshot.power.isEmpty, snapshot.energy == nil { return }
        beginObject("power")
        objects("feeds", snapshot.power) { $0.writeFeed($1) }
        if let energy = snapshot.energy { writeEnergy(energy) }
        endObject()
    }

    private mutating func writeFeed(_ feed: PowerFeedStatus) {
        field("tag", feed.tag)
        field("measured_watts", feed.measuredWatts)
        field("calculated_watts", feed.calculatedWatts)
        field("allowed_watts", feed.allowedWatts)
        field("default_watts", feed.defaultWatts)
        field("maximum_watts", feed.maximumWatts)
        field("ramping", feed.isRamping)
        field("compliant", feed.isCompliant)
        field("energy_watt_hours", feed.energyWattHours)
        objects("targets", feed.targets) { writer, target in
            writer.field("id", target.id)
            writer.field("start", target.start.milliseconds)
            if let end = target.end { writer.field("end", end.milliseconds) }
            writer.field("watts", target.watts)
            writer.field("actor", target.actor)
            writer.field("active", target == feed.activeTarget)
        }
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
        objects("lanes", energy.lanes) { writer, lane in
            writer.field("model", lane.model)
            writer.field("accelerator", lane.accelerator)
            writer.field("joules_per_inference", lane.joulesPerInference)
            writer.field("joules", lane.joules)
            writer.field("inferences", lane.inferences)
        }
    }
}
