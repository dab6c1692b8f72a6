import Control
import Foundation
import Platform
import Site
import Testing

@testable import Accelerators

/// A power cap's whole way: asked of Control, fenced by its guard, written by the card's thread, read back.
@Suite struct PowerCapTests {
    private final class Outcomes: Sendable {
        let latest = Latest<[WriteResult]>([])
        func add(_ result: WriteResult) { latest.publish(latest.value + [result]) }
    }

    /// An AMD card whose site allows what `accelerators` and `control` say.
    private final class House {
        let sysfs = FakeSysfs()
        let bench: Workbench
        private var control: Control
        private let file: String
        private let outcomes = Outcomes()
        private var told = 0
        private(set) var answers: [ControlAnswer] = []

        init(accelerators: String = "  power-caps: true\n", control section: String = House.fence) throws {
            let folder = sysfs.addCard(
                "0000:c3:00.0", vendor: 0x1002, device: 0x74a1, driver: "amdgpu", classCode: 0x038000)
            let sensors = folder + "/hwmon/hwmon2"
            for (name, text) in [
                ("name", "amdgpu"), ("temp2_label", "junction"), ("temp2_input", "52000"),
                ("power1_average", "140000000"), ("power1_cap", "750000000"), ("power1_cap_min", "100000000"),
                ("power1_cap_max", "750000000"),
            ] { sysfs.write(sensors + "/" + name, text + "\n") }
            file = sysfs.root + "/" + sensors + "/power1_cap"
            bench = try Workbench(
                accelerators + "  cards:\n    - {name: npu0, layout: amd-gpu, address: \"0000:c3:00.0\"}\n"
                    + section, sysfs)
            control = Control(site: bench.site, points: bench.board.points, now: bench.now)
            run(seconds: 3)
        }

        static let fence = """
            control:
              writable:
                npu0.power-cap: {minimum: 200, maximum: 700, step: 400, interval: 30s, safe: 600, hold: 10min}

            """

        var written: Double? {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
            return text.split(separator: "\n").first.flatMap { Double($0) }.map { $0 / 1e6 }
        }

        func run(seconds: Int, asking requests: [ControlRequest] = []) {
            var requests = requests
            for _ in 0..<seconds {
                bench.run(seconds: 1)
                var samples: [Site.Sample] = []
                control.gather(bench.board, at: bench.now.monotonic, into: &samples)
                let results = Array(outcomes.latest.value.dropFirst(told))
                told += results.count
                let decisions = control.step(
                    ControlInputs(samples: samples, requests: requests, writeResults: results), now: bench.now)
                requests = []
                answers += decisions.answers.map { $0.answer }
                for command in decisions.writes {
                    let answer = PendingAnswer(deadline: command.deadline) { [outcomes] outcome in
                        outcomes.add(WriteResult(id: command.id, outcome: outcome))
                    }
                    bench.supervisor.write(command, answer, bench.now)
                }
            }
        }

        /// What became of it.
        func ask(_ watts: Double, hold: Nanoseconds? = nil, by actor: Actor = Actor("kim", .technician))
            -> WriteOutcome?
        {
            let before = answers.count
            let request = ControlRequest(
                actor: actor, kind: .write(point: "npu0.power-cap", value: watts, purpose: "test", hold: hold))
            run(seconds: 4, asking: [request])
            guard answers.count == before + 1, case .written(let outcome) = answers[before] else { return nil }
            return outcome
        }
    }

    private func refusal(_ outcome: WriteOutcome?) -> String? {
        if case .rejected(let why) = outcome { why } else { nil }
    }

    @Test func `what the site's list does not name is not written`() throws {
        let house = try House(control: "")
        #expect(refusal(house.ask(500))?.contains("not in the site file's list") == true)
        #expect(house.written == 750)
    }

    @Test func `the list alone does not switch caps on`() throws {
        let house = try House(accelerators: "")
        #expect(refusal(house.ask(500))?.contains("'power-caps' is not switched on") == true)
        #expect(house.written == 750)
    }

    @Test func `a cap within the fence is written, read back and confirmed`() throws {
        let house = try House()
        #expect(house.ask(500) == .confirmed(500))
        #expect(house.written == 500)
        #expect(house.bench.number("npu0.power-cap") == 500)
    }

    @Test func `beyond the range, by too large a step, too soon or by a viewer it is refused and nothing is written`()
        throws
    {
        let house = try House()
        #expect(refusal(house.ask(701))?.contains("outside 200.0 to 700.0") == true)
        #expect(refusal(house.ask(.nan)) != nil)
        #expect(refusal(house.ask(300))?.contains("larger than 400") == true)
        #expect(refusal(house.ask(500, by: Actor("eve", .viewer))) != nil)
        #expect(house.written == 750)
        #expect(house.ask(500) == .confirmed(500))
        #expect(refusal(house.ask(450))?.contains("at most once in 30 s") == true)
        #expect(house.written == 500)
        house.run(seconds: 30)
        #expect(house.ask(450) == .confirmed(450))
    }

    @Test func `when its time is over the safe value comes back by itself`() throws {
        let house = try House()
        #expect(refusal(house.ask(500, hold: .seconds(3600)))?.contains("held for up to 600 s") == true)
        #expect(house.ask(500, hold: .seconds(60)) == .confirmed(500))
        house.run(seconds: 50)
        #expect(house.written == 500)
        house.run(seconds: 15)
        #expect(house.written == 600)
    }

    @Test func `what the card itself does not take is refused although the site would allow it`() throws {
        let house = try House(
            control: House.fence.replacingOccurrences(of: "maximum: 700", with: "maximum: 900")
                .replacingOccurrences(of: "step: 400", with: "step: 800"))
        #expect(refusal(house.ask(800)) == "800 W: the card takes 100 to 750 W")
        #expect(house.written == 750)
    }
}
