import Platform
import Site
import Synchronization
import Testing

@testable import Modbus

@Suite struct BusBehaviourTests {
    @Test func `twenty neighbours are read by one request a round`() throws {
        let profile = pairProfile((0..<20).map { $0 * 2 })
        let site = try MadeUpSite(.tcp, profile: profile)
        site.run(.seconds(100))
        #expect(site.channel.requests <= 101)
        #expect(site.reading("u1.p38")?.quality == .good)
    }

    /// Not each at a time of its own: every waking of a thread costs as much as its question.
    @Test(arguments: [1, 4]) func `a round's questions are gathered into bunches, and the first misses none`(
        _ bunches: Int
    ) throws {
        let site = try MadeUpSite(.tcp, units: [1, 2, 17], bunches: bunches)
        site.run(.seconds(5))
        let dues = site.engine.units.flatMap(\.requests).map(\.due.nanoseconds)
        #expect(dues.allSatisfy { $0 % (1_000_000_000 / Int64(bunches)) == 0 })
        #expect(site.engine.missedCycles == 0)
        #expect(site.reading("u17.p0")?.quality == .good)
    }

    @Test func `one illegal register costs only its own point, is named, and is asked again hourly`() throws {
        let site = try MadeUpSite(.tcp)
        site.channel.missing = [4, 5]
        site.run(.seconds(10))
        #expect(site.reading("u1.p4")?.quality == .unsupported)
        #expect(site.reading("u1.p4")?.reason == .illegalAddress)
        for path in ["p0", "p2", "p6", "p100", "p102", "p104"] {
            #expect(site.reading("u1.\(path)")?.quality == .good, "\(path)")
        }
        let named = site.events.takeAll().contains { $0.text.contains("u1.p4") && $0.text.contains("illegal address") }
        #expect(named)
        let before = site.channel.requests
        site.run(.seconds(100))
        // Around the bad register: two requests, and the other block's one.
        #expect(site.channel.requests - before <= 303)

        site.channel.missing = []
        site.run(.seconds(3700))
        #expect(site.reading("u1.p4")?.quality == .good)
        let after = site.channel.requests
        site.run(.seconds(100))
        #expect(site.channel.requests - after <= 202)
    }

    @Test func `a hole that answers illegal address is not read over again, and no point is lost`() throws {
        let site = try MadeUpSite(.tcp, profile: pairProfile([0, 2, 8, 10]))
        site.channel.missing = [5]
        site.run(.seconds(20))
        for path in ["p0", "p2", "p8", "p10"] { #expect(site.reading("u1.\(path)")?.quality == .good, "\(path)") }
    }

    @Test func `a mute unit costs its bus at most a twentieth, and the others miss no round`() throws {
        let site = try MadeUpSite(.rtu, units: [1, 2, 3, 4])
        site.channel.mute = [3]
        site.channel.keepsLog = true
        site.run(.seconds(60))
        let missed = site.engine.missedCycles
        let start = site.time.now().monotonic
        site.channel.requestLog = []
        site.run(.seconds(1000))
        let probes = site.channel.requestLog.filter { $0.unit == 3 }.count
        #expect(probes > 2)
        // Each costs at most the timeout.
        #expect(Double(probes) * 0.2 <= (site.time.now().monotonic - start).seconds * 0.05)
        #expect(site.engine.missedCycles == missed)
        for unit in [1, 2, 4] { #expect(site.reading("u\(unit).p0")?.quality == .good) }
        #expect(site.reading("u3.p0")?.reason == .timeout)
    }

    @Test func `a machine that comes back is read again within the longest back-off`() throws {
        let site = try MadeUpSite(.rtu, units: [1, 2])
        site.channel.mute = [2]
        site.run(.seconds(3600))
        #expect(site.reading("u2.p0")?.quality == .failed)
        site.channel.mute = []
        site.run(.seconds(361))
        #expect(site.reading("u2.p0")?.quality == .good)
        #expect(site.events.takeAll().contains { $0.text.contains("u2 answers again") })
    }

    @Test func `an unreachable bus is said once, tried ever more slowly, and never shown as present`() throws {
        let site = try MadeUpSite(.tcp)
        site.channel.refusesConnections = true
        site.run(.seconds(3600))
        #expect(site.reading("u1.p0")?.quality == .failed)
        #expect(site.reading("u1.p0")?.reason == .connectionRefused)
        // 2 s doubling to 5 min: about 8 tries to get there and 12 an hour from then on.
        #expect((12...30).contains(site.channel.opens), "\(site.channel.opens)")
        #expect(site.events.takeAll().filter { $0.kind == .busChanged }.count == 1)
        site.channel.refusesConnections = false
        site.run(.seconds(361))
        #expect(site.reading("u1.p0")?.quality == .good)
        #expect(site.events.takeAll().contains { $0.text.contains("is back") })
    }

    @Test func `recovery after a late answer takes one timeout and one round`() throws {
        let site = try MadeUpSite(.rtu)
        site.run(.seconds(10))
        site.channel.faultsPerThousand = 1000
        site.channel.faults = [.late]
        site.run(.milliseconds(1100))
        site.channel.faultsPerThousand = 0
        site.run(.milliseconds(2400))
        for path in ["p0", "p100"] { #expect(site.reading("u1.\(path)")?.quality == .good, "\(path)") }
    }

    @Test func `fast points keep their pace while slow ones are read`() throws {
        let profile = pairProfile(Array(stride(from: 0, to: 4000, by: 40))) { point in
            point.rate = point.address == 0 ? .fast : .slow
        }
        let site = try MadeUpSite(.rtu, profile: profile)
        site.channel.keepsLog = true
        site.run(.seconds(120))
        let fast = site.channel.requestLog.filter { $0.pdu[1] == 0 && $0.pdu[2] == 0 }.map(\.time)
        let longest = zip(fast, fast.dropFirst()).map { $1 - $0 }.max() ?? .zero
        #expect(fast.count >= 119)
        #expect(longest < .milliseconds(1200))
    }
}

@Suite struct FullBusTests {
    /// Two hundred requests of about nine milliseconds each do not fit into the second that they are due in.
    @Test func `a bus that its fast points fill still reads the others, each at its own pace`() throws {
        let profile = pairProfile(Array(stride(from: 0, to: 40_000, by: 200))) { point in
            switch point.address {
            case 39_600: point.rate = .normal
            case 39_800: point.rate = .slow
            default: point.rate = .fast
            }
        }
        let site = try MadeUpSite(.rtu, profile: profile, normal: .seconds(5))
        site.channel.keepsLog = true
        site.run(.seconds(310))
        func times(_ address: Int) -> [MonotonicTime] {
            site.channel.requestLog.filter { Int($0.pdu[1]) << 8 | Int($0.pdu[2]) == address }.map(\.time)
        }
        func longest(_ times: [MonotonicTime]) -> Nanoseconds {
            zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? .seconds(310)
        }
        // Its round and a little patience: 60 s for the slow one, 5 s for the normal one.
        #expect(longest(times(39_800)) < .seconds(75), "slow")
        #expect(longest(times(39_600)) < .seconds(10), "normal")
        // And the fast ones share what is left evenly.
        let counts = stride(from: 0, to: 39_600, by: 200).map { times($0).count }
        let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
        #expect(least > 100 && most - least <= most / 10, "\(least) to \(most)")
    }
}

/// What the guard would hand over.
private func command(_ point: String, _ value: Double, on site: MadeUpSite) -> WriteCommand {
    WriteCommand(
        id: 1, point: point, value: value, actor: "test", purpose: "",
        deadline: site.time.now().monotonic + .seconds(10))
}

@Suite struct VerifiedWriteTests {
    static func site(_ rule: WriteRule) throws -> MadeUpSite {
        try MadeUpSite(
            .tcp,
            profile: pairProfile([10, 20]) { point in
                if point.address == 10 {
                    (point.type, point.words, point.scale, point.write) = (.signed16, 1, 0.1, rule)
                }
            })
    }

    static func outcome(_ site: MadeUpSite, _ value: Double) -> WriteOutcome? {
        let box = Mutex<WriteOutcome?>(nil)
        let shared = Box(box: box)
        site.engine.write(command("u1.p10", value, on: site)) { outcome in shared.box.withLock { $0 = outcome } }
        site.run(.seconds(3))
        return shared.box.withLock { $0 }
    }

    private final class Box: Sendable {
        let box: Mutex<WriteOutcome?>
        init(box: consuming Mutex<WriteOutcome?>) { self.box = box }
    }

    @Test func `a write is confirmed by what the machine reads afterwards`() throws {
        let site = try Self.site(WriteRule(function: .registers, limits: -10...40, settle: .milliseconds(500)))
        site.channel.keepsLog = true
        #expect(Self.outcome(site, 21.5) == .confirmed(21.5))
        #expect(site.channel.written[10] == 215)
        #expect(Self.outcome(site, -5) == .confirmed(-5))
    }

    @Test func `a machine that acknowledges and ignores is a mismatch`() throws {
        let site = try Self.site(WriteRule(function: .singleRegister, limits: 0...40))
        site.channel.written[10] = 180
        site.channel.isStubborn = true
        #expect(Self.outcome(site, 21.5) == .mismatch(readBack: 18))
    }

    @Test func `what the machine or the map refuses is rejected, and nothing else is sent`() throws {
        let site = try Self.site(WriteRule(function: .singleRegister, limits: 0...40))
        site.channel.missing = [10]
        guard case .rejected(let text) = Self.outcome(site, 21.5) else { return #expect(Bool(false)) }
        #expect(text.contains("illegal address"))
        guard case .rejected = Self.outcome(site, 41) else { return #expect(Bool(false)) }
        #expect(site.channel.written.isEmpty)
    }

    @Test func `without an answer the outcome is unknown, and the write is not repeated`() throws {
        let site = try Self.site(WriteRule(function: .singleRegister, limits: 0...40))
        site.run(.seconds(2))
        site.channel.keepsLog = true
        site.channel.mute = [1]
        guard case .unknown = Self.outcome(site, 21.5) else { return #expect(Bool(false)) }
        #expect(site.channel.requestLog.filter { $0.pdu[0] == 6 }.count == 1)
    }

    @Test(arguments: WriteRule.Function.allCases)
    func `a point is written by the function that its map names, and by no other`(_ function: WriteRule.Function) throws
    {
        let isCoil = function == .singleCoil || function == .coils
        let site = try MadeUpSite(
            .rtu,
            profile: pairProfile([10, 20]) { point in
                guard point.address == 10 else { return }
                point.table = isCoil ? .coil : .holding
                (point.type, point.words) = (isCoil ? .bit : .unsigned16, 1)
                point.states = [StateText(code: 0, text: "off"), StateText(code: 1, text: "on")]
                point.write = WriteRule(function: function)
            })
        site.channel.written = [10: 0]
        site.channel.keepsLog = true
        #expect(Self.outcome(site, 1) == .confirmed(1))
        #expect(site.channel.written[10] == 1)
        #expect(Self.outcome(site, 0) == .confirmed(0))
        #expect(Set(site.channel.requestLog.map { Int($0.pdu[0]) }).filter { $0 > 4 } == [function.rawValue])
        site.channel.isStubborn = true
        #expect(Self.outcome(site, 1) == .mismatch(readBack: 0))
        guard case .rejected = Self.outcome(site, 2) else { return #expect(Bool(false)) }
    }

    @Test func `companions are written in order, and the complement with its value`() throws {
        var rule = WriteRule(
            function: .registers, limits: 0...6000, hasComplement: true,
            before: [.init(function: .singleRegister, address: 30, raw: 7)],
            after: [.init(function: .singleRegister, address: 31, raw: 8)])
        rule.readBack = .effect(.holding, address: 10, expected: [35701: 35701])
        let site = try MadeUpSite(
            .tcp,
            profile: pairProfile([10, 20]) { point in
                if point.address == 10 {
                    (point.type, point.words) = (.unsigned16, 1)
                    point.states = [StateText(code: 35701, text: "auto")]
                    rule.limits = nil
                    point.write = rule
                }
            })
        site.channel.keepsLog = true
        #expect(Self.outcome(site, 35701) == .confirmed(35701))
        let writes = site.channel.requestLog.filter { $0.pdu[0] == 6 || $0.pdu[0] == 16 }.map { $0.pdu[2] }
        #expect(writes == [30, 10, 31])
        #expect(site.channel.written[11] == 29834)
    }
}
