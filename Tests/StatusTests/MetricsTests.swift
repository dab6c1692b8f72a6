import Foundation
import Site
import Status
import Testing

@Suite struct MetricsTests {
    static let openMetrics = ["Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"]

    static func lines(_ text: String) -> [String] { text.components(separatedBy: "\n").filter { !$0.isEmpty } }

    @Test(arguments: [[], openMetrics]) func `no series stands twice and no family is interleaved`(fields: [String])
        throws
    {
        let text = try RunningRoom().ask("/metrics", fields).text
        var series: Set<String> = []
        var finished: Set<String> = []
        var family = ""
        for line in Self.lines(text) where line != "# EOF" {
            if line.hasPrefix("# TYPE ") {
                finished.insert(family)
                family = line.components(separatedBy: " ")[2]
                #expect(!finished.contains(family), "\(family) comes twice")
            } else if !line.hasPrefix("#") {
                let name = String(line[..<line.lastIndex(of: " ")!])
                #expect(series.insert(name).inserted, "\(name) stands twice")
                #expect(name.hasPrefix(family), "\(name) under \(family)")
            }
        }
        #expect(series.count > 50)
    }

    @Test func `OpenMetrics is given to who asks for it, and ends with EOF`() throws {
        let room = try RunningRoom()
        let answer = try room.ask("/metrics", Self.openMetrics)
        #expect(answer.field("Content-Type")?.hasPrefix("application/openmetrics-text; version=1.0.0") == true)
        #expect(answer.text.hasSuffix("\n# EOF\n"))
        #expect(answer.text.contains("# UNIT mdc_battery_charge_ratio ratio\n"))
        let plain = try room.ask("/metrics", ["Accept: */*"])
        #expect(plain.field("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(!plain.text.contains("# EOF"))
    }

    @Test func `a value that is not good has no series, and its quality says why`() throws {
        let text = try RunningRoom().ask("/metrics").text
        #expect(text.contains("\nmdc_battery_charge_ratio{device=\"ups1\"} 0.975\n"))
        #expect(!text.contains("mdc_input_voltage_volts{"))
        #expect(text.contains("\nmdc_point_quality{point=\"ups1.input.voltage\"} 1\n"))
        #expect(text.contains("\nmdc_mode_state{device=\"ups1\",state=\"on-battery\"} 1\n"))
        #expect(text.contains("\nmdc_mode_state{device=\"ups1\",state=\"online\"} 0\n"))
        #expect(text.contains("\nmdc_energy_joules{device=\"meter1\"} 44100000\n"))
    }

    @Test func `gzip is used only where it is taken`() throws {
        let room = try RunningRoom()
        let packed = try room.ask("/metrics", ["Accept-Encoding: gzip"])
        #expect(packed.field("Content-Encoding") == "gzip")
        #expect(Array(packed.body.prefix(2)) == [0x1F, 0x8B])
        #expect(packed.body.count * 3 < (try room.ask("/metrics").body.count))
        #expect(try room.ask("/metrics", ["Accept-Encoding: gzip;q=0"]).field("Content-Encoding") == nil)
    }
}
