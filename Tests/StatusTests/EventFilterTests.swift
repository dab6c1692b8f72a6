import Platform
import Site
import Testing

@testable import Status

@Suite struct EventFilterTests {
    static let equipment = RedfishEquipment(
        snapshot: Samples.snapshot(),
        layout: SiteLayout(machines: [
            SiteLayout.Machine(name: "ups1", title: "UPS", kind: .ups, manufacturer: "Riello", model: "x"),
            SiteLayout.Machine(name: "meter1", title: "Meter", kind: .meter, manufacturer: "Eastron", model: "y"),
        ]))

    static func event(_ subject: String, _ kind: EventKind = .alarmRaised, _ severity: Severity = .major)
        -> RedfishEvent
    {
        let event = Event(
            sequence: 7, id: "abc", wall: WallTime(milliseconds: 1_795_000_000_000), kind: kind, severity: severity,
            subject: subject, text: "text", evidence: [], actor: nil)
        return RedfishEvent(event, origin: equipment.origin(of: subject))
    }

    static func filter(_ change: (inout EventFilter) -> Void) -> EventFilter {
        var filter = EventFilter()
        change(&filter)
        return filter
    }

    @Test(arguments: [
        ("ups1.battery.charge", "Sensor", "/redfish/v1/Chassis/mdc-a/Sensors/ups1.battery.charge"),
        ("ups1.mode", "Battery", "/redfish/v1/Chassis/mdc-a/PowerSubsystem/Batteries/ups1"),
        ("npu1", "Processor", "/redfish/v1/Systems/accelerators/Processors/npu1"),
        ("npu1.temperature", "Processor", "/redfish/v1/Systems/accelerators/Processors/npu1"),
        ("meter1", "Chassis", "/redfish/v1/Chassis/mdc-a"), ("door1", "Chassis", "/redfish/v1/Chassis/mdc-a"),
        ("agent", "Manager", "/redfish/v1/Managers/mdc-agent"), ("", "Chassis", "/redfish/v1/Chassis/mdc-a"),
    ]) func `an event's origin is the nearest resource there is`(subject: String, type: String, path: String) {
        let origin = Self.equipment.origin(of: subject)
        #expect(origin.type == type && origin.path == path)
        #expect(RedfishOrigin.types.contains(origin.type))
    }

    @Test func `no filter lets everything in`() {
        #expect(EventFilter().admits(Self.event("ups1.mode")))
    }

    @Test func `a message is known by registry and key, whatever the version`() {
        for id in ["MDC.AlarmRaised", "MDC.1.0.AlarmRaised", "MDC.2.7.AlarmRaised"] {
            let wish = Self.filter { $0.messageIDs = [id] }
            #expect(wish.admits(Self.event("x")) && !wish.admits(Self.event("x", .alarmCleared)))
            let noWish = Self.filter { $0.excludedMessageIDs = [id] }
            #expect(!noWish.admits(Self.event("x")) && noWish.admits(Self.event("x", .alarmCleared)))
        }
        #expect(!Self.filter { $0.excludedRegistryPrefixes = ["MDC"] }.admits(Self.event("x")))
    }

    @Test func `registries and messages are one wish, everything else must hold as well`() {
        let either = Self.filter {
            $0.registryPrefixes = ["MDC"]
            $0.messageIDs = ["MDC.AlarmCleared"]
        }
        #expect(either.admits(Self.event("x")) && either.admits(Self.event("x", .alarmCleared)))
        let both = Self.filter {
            $0.messageIDs = ["MDC.AlarmRaised"]
            $0.severities = ["Critical"]
            $0.resourceTypes = ["Battery"]
        }
        #expect(both.admits(Self.event("ups1.mode")))
        #expect(!both.admits(Self.event("ups1.mode", .alarmRaised, .warning)))
        #expect(!both.admits(Self.event("npu1")))
    }

    @Test func `an origin counts alone, or with all that stands below it`() {
        let sensors = "/redfish/v1/Chassis/mdc-a/Sensors"
        #expect(!Self.filter { $0.originResources = [sensors] }.admits(Self.event("ups1.battery.charge")))
        let below = Self.filter {
            $0.originResources = [sensors]
            $0.includesSubordinates = true
        }
        #expect(below.admits(Self.event("ups1.battery.charge")) && !below.admits(Self.event("ups1.mode")))
        // A path that only begins alike is another resource.
        let alike = Self.filter {
            $0.originResources = [sensors + "/ups1"]
            $0.includesSubordinates = true
        }
        #expect(!alike.admits(Self.event("ups1.battery.charge")))
    }

    @Test func `a filter that could never match is refused with its value`() {
        func fault(_ change: (inout EventFilter) -> Void) -> String? {
            Self.filter(change).fault { $0 == "/redfish/v1/Chassis" }.map { "\($0.name) \($0.value)" }
        }
        #expect(fault { $0.registryPrefixes = ["MDC", "Base"] } == "RegistryPrefixes Base")
        #expect(fault { $0.messageIDs = ["AlarmRaised"] } == "MessageIds AlarmRaised")
        #expect(fault { $0.messageIDs = ["MDC..x"] } == "MessageIds MDC..x")
        #expect(fault { $0.messageIDs = ["MDC.AlarmRaise"] } == "MessageIds MDC.AlarmRaise")
        #expect(fault { $0.resourceTypes = ["Drive"] } == "ResourceTypes Drive")
        #expect(fault { $0.severities = ["Bad"] } == "Severities Bad")
        #expect(
            fault { $0.originResources = ["/redfish/v1/Chassis/none"] } == "OriginResources /redfish/v1/Chassis/none")
        #expect(
            fault {
                $0.messageIDs = ["MDC.1.0.AlarmRaised", "MDC.Test"]
                $0.resourceTypes = RedfishOrigin.types
                $0.severities = ["OK", "Warning", "Critical"]
                $0.originResources = ["/redfish/v1/Chassis"]
            } == nil)
    }

    @Test func `a filter survives being written down`() throws {
        let filter = Self.filter {
            $0.messageIDs = ["MDC.AlarmRaised"]
            $0.resourceTypes = ["Sensor"]
            $0.originResources = ["/redfish/v1/Chassis"]
            $0.includesSubordinates = true
        }
        var writer = ByteWriter()
        writer.beginObject()
        filter.write(&writer)
        writer.endObject()
        #expect(EventFilter(json: try JSON.parse(writer.bytes)) == filter)
        #expect(EventFilter(json: nil) == EventFilter())
    }

    @Test(arguments: [
        ("MessageId eq 'MDC.AlarmRaised'", filter { $0.messageIDs = ["MDC.AlarmRaised"] }),
        (
            "(RegistryPrefix eq 'MDC' or MessageId eq MDC.Test) and ResourceType eq 'Sensor'",
            filter {
                $0.registryPrefixes = ["MDC"]
                $0.messageIDs = ["MDC.Test"]
                $0.resourceTypes = ["Sensor"]
            }
        ),
        (
            "((OriginResource eq '/redfish/v1/Chassis/a b') and (SubordinateResources eq true)) and EventType eq Alert",
            filter {
                $0.originResources = ["/redfish/v1/Chassis/a b"]
                $0.includesSubordinates = true
            }
        ),
        ("EventFormatType eq Event", EventFilter()),
    ]) func `a stream's expression is a filter`(expression: String, wish: EventFilter) {
        #expect(EventFilter(expression: expression) == wish)
    }

    @Test(arguments: [
        "", "MessageId", "MessageId eq", "MessageId eq '", "MessageId ne 'MDC.Test'", "not MessageId eq 'MDC.Test'",
        "(MessageId eq 'MDC.Test'", "MessageId eq 'MDC.Test')", "MessageId eq 'a' ResourceType eq 'Sensor'",
        "MessageId eq 'MDC.Test' or ResourceType eq 'Sensor'", "MessageId eq 'MDC.A' and MessageId eq 'MDC.B'",
        "EventFormatType eq MetricReport", "Severity eq 'OK'", "SubordinateResources eq maybe", "()", "or", "and or",
        String(repeating: "(", count: 500), String(repeating: "MessageId eq a or ", count: 500) + "MessageId eq b",
    ]) func `what a filter has no words for is not understood`(expression: String) {
        #expect(EventFilter(expression: expression) == nil)
    }
}
