internal import Platform
internal import Site

/// EventService, its subscriptions, and TelemetryService.
struct RedfishSubscribing {
    let snapshot: SiteSnapshot
    let subscriptions: Subscriptions
    let live: LiveStreams

    static let root = "/redfish/v1/EventService"
    static let telemetry = "/redfish/v1/TelemetryService"

    func write(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        switch parts.first {
        case "EventService": writeEvents(Array(parts.dropFirst()), path, &writer)
        case "TelemetryService": writeTelemetry(Array(parts.dropFirst()), path, &writer)
        default: false
        }
    }

    private func writeEvents(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        switch (parts.count, parts.first) {
        case (0, _): writeService(path, &writer)
        case (1, "Subscriptions"):
            let ids = subscriptions.all.map(\.id) + live.redfishWatchers.map(\.id)
            writer.collection(
                path, "EventDestination", name: "Subscriptions",
                ids.map { RedfishSubscribing.root + "/Subscriptions/" + $0 })
        case (2, "Subscriptions"):
            if let subscription = subscriptions.find(parts[1]) {
                write(subscription, path, &writer)
            } else if let stream = live.redfishWatchers.first(where: { $0.id == parts[1] }) {
                open(stream.id, path, &writer)
                writer.out.field("Destination", "redfish-sse://" + stream.client)
                writer.out.field("Context", "")
                writer.out.field("SubscriptionType", "SSE")
                write(stream.filter, &writer)
                writer.status(.ok)
            } else {
                return false
            }
        default: return false
        }
        return true
    }

    private func writeService(_ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "EventService.v1_12_0.EventService", id: "EventService", name: "Events")
        writer.out.field("ServiceEnabled", true)
        writer.out.field("DeliveryRetryIntervalSeconds", Int(RedfishPush.retryInterval.seconds))
        writer.out.beginArray("EventFormatTypes")
        writer.out.value("Event")
        writer.out.endArray()
        writer.out.texts("RegistryPrefixes", [RedfishEvent.registry])
        writer.out.texts("ResourceTypes", RedfishOrigin.types)
        writer.out.texts("Severities", RedfishHealth.allCases.map(\.rawValue))
        writer.out.field("ExcludeMessageId", true)
        writer.out.field("ExcludeRegistryPrefix", true)
        writer.out.field("SubordinateResourcesSupported", true)
        writer.out.field("ServerSentEventUri", RedfishSubscribing.root + "/SSE")
        writer.out.beginObject("SSEFilterPropertiesSupported")
        for name in EventFilter.expressionProperties { writer.out.field(name, true) }
        writer.out.field("MetricReportDefinition", false)
        writer.out.endObject()
        writer.link("Subscriptions", RedfishSubscribing.root + "/Subscriptions")
        writer.out.beginObject("Actions")
        writer.out.beginObject("#EventService.SubmitTestEvent")
        writer.out.field("target", RedfishSubscribing.root + "/Actions/EventService.SubmitTestEvent")
        writer.out.endObject()
        writer.out.endObject()
        writer.status(.ok)
    }

    private func open(_ id: String, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "EventDestination.v1_16_0.EventDestination", id: id, name: "Subscription " + id)
        writer.out.field("Protocol", "Redfish")
        writer.out.field("EventFormatType", "Event")
    }

    func write(_ subscription: Subscription, _ path: String, _ writer: inout RedfishWriter) {
        open(subscription.id, path, &writer)
        writer.out.field("Destination", subscription.destination)
        writer.out.field("Context", subscription.context)
        writer.out.field("SubscriptionType", "RedfishEvent")
        writer.out.field("DeliveryRetryPolicy", "RetryForeverWithBackoff")
        writer.out.field("VerifyCertificate", subscription.checksCertificate)
        write(subscription.filter, &writer)
        // DSP0268: never shown, whatever was given.
        writer.out.beginArray("HttpHeaders")
        writer.out.endArray()
        writer.status(subscriptions.trouble(subscription.id) == nil ? .ok : .warning)
    }

    private func write(_ filter: EventFilter, _ writer: inout RedfishWriter) {
        for (name, list) in EventFilter.lists where !filter[keyPath: list].isEmpty && "\(name)" != "OriginResources" {
            writer.out.texts(name, filter[keyPath: list])
        }
        if filter.originResources.isEmpty { return }
        writer.links("OriginResources", filter.originResources)
        writer.out.field(EventFilter.subordinates, filter.includesSubordinates)
    }

    // MARK: - Telemetry

    /// One report of every sensor, made when it is read.
    private func writeTelemetry(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let definitions = RedfishSubscribing.telemetry + "/MetricReportDefinitions"
        let reports = RedfishSubscribing.telemetry + "/MetricReports"
        switch (parts.count, parts.first, parts.last) {
        case (0, _, _):
            writer.open(path, "TelemetryService.v1_4_1.TelemetryService", id: "TelemetryService", name: "Telemetry")
            writer.out.field("ServiceEnabled", true)
            writer.link("MetricReportDefinitions", definitions)
            writer.link("MetricReports", reports)
            writer.status(.ok)
        case (1, "MetricReportDefinitions", _):
            writer.collection(
                path, "MetricReportDefinition", name: "Metric report definitions", [definitions + "/Sensors"])
        case (2, "MetricReportDefinitions", "Sensors"):
            writer.open(
                path, "MetricReportDefinition.v1_4_7.MetricReportDefinition", id: "Sensors", name: "Every sensor")
            writer.out.field("MetricReportDefinitionType", "OnRequest")
            writer.out.field("MetricReportDefinitionEnabled", true)
            writer.out.beginArray("ReportActions")
            writer.out.value("LogToMetricReportsCollection")
            writer.out.endArray()
            writer.out.field("ReportUpdates", "Overwrite")
            writer.link("MetricReport", reports + "/Sensors")
            writer.status(.ok)
        case (1, "MetricReports", _):
            writer.collection(path, "MetricReport", name: "Metric reports", [reports + "/Sensors"])
        case (2, "MetricReports", "Sensors"):
            writeReport(definitions + "/Sensors", path, &writer)
        default: return false
        }
        return true
    }

    private func writeReport(_ definition: String, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "MetricReport.v1_5_2.MetricReport", id: "Sensors", name: "Every sensor")
        writer.out.field("Timestamp", snapshot.time.wall.rfc3339)
        writer.link("MetricReportDefinition", definition)
        writer.out.beginArray("MetricValues")
        for index in snapshot.sensorIndices {
            let point = snapshot.points.definitions[index]
            // Only what is good: a report has no word for the other qualities.
            guard let quantity = RedfishQuantity(point.unit), let number = snapshot.readings[index].goodNumber,
                let measured = snapshot.readings[index].measured
            else { continue }
            writer.out.beginObject()
            writer.out.field("MetricId", point.name)
            var value = ByteWriter(capacity: 32)
            value.append(number * quantity.factor)
            writer.out.field("MetricValue", value.text)
            writer.out.field("Timestamp", measured.wall.rfc3339)
            writer.out.field("MetricProperty", "/redfish/v1/Chassis/\(snapshot.site)/Sensors/\(point.name)/Reading")
            writer.out.endObject()
        }
        writer.out.endArray()
    }
}
