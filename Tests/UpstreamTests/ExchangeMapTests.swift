import Platform
import Site
import Testing

@testable import Upstream

private func map(_ definitions: [PointDefinition], _ identities: [ExchangeIdentity] = []) -> ExchangeMap {
    ExchangeMap(site: "mdc7", plan: UpstreamPlan(identities: identities), table: PointTable(definitions))
}

private func metadata(_ point: ExchangePoint?) -> JSON? {
    point.flatMap { try? JSON.parse($0.metadata) }
}

@Suite struct ExchangeMapTests {
    @Test func `a mapped point keeps its place, and its topic begins with the site`() {
        let point = map([exchangePoint("ups1.output.power", "PowerMeter", "ActivePower", unit: .watts)]).points[0]
        #expect(point.valueTopic == "BMS/v1/PUB/Value/PowerMeter/ActivePower/mdc7/ups1/output/power")
        #expect(point.metadataTopic == "BMS/v1/PUB/Metadata/PowerMeter/ActivePower/mdc7/ups1/output/power")
    }

    @Test func `power goes out in kilowatts, whatever the meter counts in`() {
        let point = map([exchangePoint("m1.p", "PowerMeter", "ActivePower", unit: .watts)]).points[0]
        #expect(point.factor == 0.001)
        #expect(metadata(point)?["engUnit"]?.string == "kW")
    }

    @Test func `a machine with a meter refers its own points to the meter`() {
        let points = map(
            [
                exchangePoint("ups1.output.power", "PowerMeter", "ActivePower", unit: .watts),
                exchangePoint("ups1.status", "UPS", "Status", states: ["online", "on-battery"]),
                exchangePoint("ups1.battery.charge", "UPS", "GenericPoint", unit: .percent),
            ],
            [ExchangeIdentity(name: "ups1", objectID: "U-1", objectName: "UPS 1", serves: ["PDU-1"])]
        ).points
        #expect(metadata(points[0])?["objectId"]?.string == "U-1")
        #expect(metadata(points[0])?["servesId"]?.array == [.string("PDU-1")])
        for point in points[1...] {
            #expect(metadata(point)?["associateId"]?.string == "U-1")
            #expect(metadata(point)?["objectId"] == nil)
            #expect(metadata(point)?["servesId"] == nil)
        }
    }

    @Test func `an unmapped point is a generic one of its machine, told apart by its words`() {
        let points = map([
            exchangePoint("cdu1.supply", "CDU", "LiquidTemperature", unit: .celsius),
            exchangePoint("cdu1.filter.hours", unit: .hours),
            exchangePoint("agent.load"),
        ]).points
        #expect(points[1].valueTopic == "BMS/v1/PUB/Value/CDU/GenericPoint/mdc7/cdu1/filter/hours")
        #expect(metadata(points[1])?["processArea"]?.array == [.string("filter"), .string("hours")])
        #expect(points[2].objectType == "GenericObject")
    }

    @Test func `a point in a unit that its place cannot have is generic instead of wrong`() {
        let points = map([
            exchangePoint("cdu1.delta", "CDU", "LiquidTemperature", unit: .kelvinDifference),
            exchangePoint("m1.l1", "PowerMeter", "PhaseCurrent", unit: .amperes, phase: "AB"),
            exchangePoint("rack1.heat", "Rack", "RackPower", unit: .celsius),
        ]).points
        #expect(points.map(\.pointType) == ["GenericPoint", "GenericPoint", "GenericPoint"])
        #expect(points[2].objectType == "GenericObject")
    }

    @Test func `a part of a device can be an object of its own`() {
        let points = map(
            [
                exchangePoint("pdu1.branch1.current", "PowerMeter", "Current", unit: .amperes),
                exchangePoint("pdu1.branch2.current", "PowerMeter", "Current", unit: .amperes),
            ],
            [
                ExchangeIdentity(name: "pdu1.branch1", objectID: "B1"),
                ExchangeIdentity(name: "pdu1", objectID: "P1"),
            ]
        ).points
        #expect(points.map { metadata($0)?["objectId"]?.string } == ["B1", "P1"])
    }

    @Test func `leaks and isolations are sent with an acknowledgement`() {
        let points = map([
            exchangePoint("rack1.leak", "Rack", "RackLeakDetect", states: ["dry", "wet"]),
            exchangePoint("cdu1.leak", "CDU", "LeakDetect", states: ["dry", "wet"]),
            exchangePoint("rack1.isolated", "Rack", "RackLiquidIsolationStatus", states: ["no", "yes"]),
            exchangePoint("rack1.power", "Rack", "RackPower", unit: .kilowatts),
        ]).points
        #expect(points.map(\.isCritical) == [true, true, true, false])
    }

    @Test func `a text point has no place on the bus, where values are numbers`() {
        let table = PointTable([PointDefinition(name: "ups1.model", kind: .text)])
        let map = ExchangeMap(site: "mdc7", plan: UpstreamPlan(), table: table)
        #expect(map.points.isEmpty)
        #expect(map.left == [PointID(0)])
    }
}
