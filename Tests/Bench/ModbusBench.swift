import CLinux
import Foundation
import Modbus
import Platform
import Site

/// The master against its neighbours, on the same machines in the same run.
enum ModbusBench {
    static let all = [
        Benchmark("modbus.hundred-machines", hundredMachines),
        Benchmark("modbus.many-machines", manyMachines),
        Benchmark("modbus.flat-out", flatOut),
        Benchmark("modbus.serial", serial),
        Benchmark("modbus.dead-machines", deadMachines),
    ]

    /// A peer written in C, compiled for this run.
    private static func compiled(_ name: String, _ flags: [String] = []) throws -> String {
        let product = NSTemporaryDirectory() + "mdc-bench-\(getpid())-\(name)"
        _ = try output(of: "cc", ["-O2", "-o", product, "Tests/BenchPeers/\(name).c"] + flags)
        return product
    }

    private static func machines(_ count: Int, mute: Int = 0) throws -> (RunningProgram, [Int]) {
        let device = try RunningProgram(try compiled("modbus-device"), ["tcp", "\(count)", "\(mute)"])
        try device.wait(for: "ready")
        return (device, device.numbers(after: "port "))
    }

    private static func plan(_ ports: [Int], points: Int) -> ModbusPlan {
        let profile = EquipmentProfile(
            name: "bench", kind: .other, title: "", manufacturer: "", model: "", source: "",
            points: (0..<points).map {
                EquipmentPoint(path: "p\($0)", table: .holding, address: $0, rate: .fast)
            })
        return ModbusPlan(
            buses: ports.enumerated().map { number, port in
                ModbusBus(
                    name: "bus\(number)", link: .tcp(host: "127.0.0.1", port: port),
                    units: [ModbusUnit(name: "m\(number)", unitID: 1, profile: profile)])
            })
    }

    private struct Run {
        var requestsPerSecond: Double
        var processorPercent: Double
        var missed: UInt64
        var delayP99: Double
        var goodShare: Double
    }

    /// The room on a plan for some seconds; the first three, in which it connects, do not count.
    private static func run(_ plan: ModbusPlan, seconds: Double) throws -> Run {
        let board = Board(PointTable(plan.points))
        let room = try ModbusRoom(plan: plan, board: board, time: SystemTime(), events: Mailbox(capacity: 1000))
        try room.start()
        defer { room.stop() }
        pause(.seconds(3))
        func requests() -> UInt64 { room.status.reduce(0) { $0 + $1.requests } }
        func missed() -> UInt64 { room.status.reduce(0) { $0 + $1.missedCycles } }
        let before = (requests(), missed(), cl_process_cpu_ns(), SystemTime.monotonic)
        pause(Nanoseconds(seconds: seconds))
        let span = (SystemTime.monotonic - before.3).seconds
        let processor = Double(cl_process_cpu_ns() - before.2) / 1e9
        let now = SystemTime.monotonic
        let good = board.points.ids.filter { board.reading($0, at: now).isGood }.count
        return Run(
            requestsPerSecond: Double(requests() - before.0) / span, processorPercent: processor / span * 100,
            missed: missed() - before.1, delayP99: room.status.map(\.startDelayP99.seconds).max() ?? 0,
            goodShare: Double(good) / Double(board.points.count))
    }

    @Sendable private static func hundredMachines() throws -> [Figure] {
        let (device, ports) = try machines(100)
        defer { device.stop() }
        // A round more or less than the seconds hold, at the edges, is 3 % of these.
        let ours = try run(plan(ports, points: 20), seconds: 40)
        let theirs = try? collectd(ports)
        var others: Double?
        do { others = try ZabbixPeer.run(ports, points: 20) } catch { print("modbus: beside zabbix-agent2: \(error)") }
        let name = "100 machines x 20 points at 1 s"
        return [
            Figure(
                "\(name): requests", ours.requestsPerSecond, "1/s", goal: "at most 100/s (3 % of measuring slack)",
                isMet: ours.requestsPerSecond <= 103 && ours.goodShare == 1,
                peer: theirs.map { ("collectd", $0.requestsPerSecond) }),
            Figure(
                "\(name): processor", ours.processorPercent, "% of a core", goal: "at most a fifth of collectd's",
                isMet: theirs.map { ours.processorPercent <= $0.processorPercent / 5 },
                peer: theirs.map { ("collectd", $0.processorPercent) }),
            Figure(
                "\(name): the same beside zabbix-agent2", ours.processorPercent, "% of a core",
                goal: "less", isMet: others.map { ours.processorPercent < $0 },
                peer: others.map { ("zabbix-agent2", $0) }),
        ]
    }

    @Sendable private static func manyMachines() throws -> [Figure] {
        let (device, ports) = try machines(256)
        defer { device.stop() }
        let before = Double(cl_resident_bytes()) / 1e6
        let ours = try run(plan(ports, points: 79), seconds: 10)
        let memory = Double(cl_resident_bytes()) / 1e6
        let name = "256 machines, 20224 points at 1 s"
        return [
            Figure(
                "\(name): processor", ours.processorPercent, "% of a core", goal: "at most 3 %",
                isMet: ours.processorPercent <= 3),
            Figure(
                "\(name): memory of the whole bench (\(Int(before)) MB before)", memory, "MB", goal: "at most 40 MB",
                isMet: memory <= 40),
            Figure(
                "\(name): late start, p99 of the worst bus", ours.delayP99 * 1000, "ms", goal: "at most 10 ms",
                isMet: ours.delayP99 <= 0.010),
            Figure(
                "\(name): missed rounds", Double(ours.missed), "", goal: "none",
                isMet: ours.missed == 0 && ours.goodShare == 1),
        ]
    }

    @Sendable private static func flatOut() throws -> [Figure] {
        let (device, ports) = try machines(1)
        defer { device.stop() }
        let loop = try compiled(
            "libmodbus-loop",
            try output(of: "pkg-config", ["--cflags", "--libs", "libmodbus"]).split { " \n".contains($0) }.map(
                String.init))
        let bus = DirectBus(.tcp(host: "127.0.0.1", port: ports[0]))
        var ours: [Double] = [], theirs: [Double] = [], ourTime: [Double] = [], theirTime: [Double] = []
        // In turns, because other programs share this machine.
        for _ in 0..<9 {
            let said = try output(of: loop, ["\(ports[0])", "0.3"]).split { " \n".contains($0) }.compactMap {
                Double($0)
            }
            guard said.count == 2 else { throw Benchmark.Skipped("libmodbus-loop failed") }
            theirs.append(said[0])
            theirTime.append(said[1])
            let before = cl_thread_cpu_ns()
            let rate = try requestsPerSecond(bus, .read(.holding, address: 0, count: 100), seconds: 0.3)
            ours.append(rate)
            ourTime.append(Double(cl_thread_cpu_ns() - before) / 1000 / (rate * 0.3))
        }
        func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
        return [
            Figure(
                "one connection flat out, FC3 x 100", median(ours), "1/s",
                goal: "at least 90 % of a C loop on libmodbus",
                isMet: median(ours) >= median(theirs) * 0.9, peer: ("libmodbus", median(theirs))),
            Figure(
                "processor per request", median(ourTime), "us", goal: "no more than libmodbus",
                isMet: median(ourTime) <= median(theirTime), peer: ("libmodbus", median(theirTime))),
        ]
    }

    private static func requestsPerSecond(_ bus: DirectBus, _ question: ModbusQuestion, seconds: Double) throws
        -> Double
    {
        let start = SystemTime.monotonic
        let end = start + Nanoseconds(seconds: seconds)
        var count = 0
        while SystemTime.monotonic < end {
            guard case .values = bus.ask(unitID: 1, question, timeout: nil) else {
                throw Benchmark.Skipped("no answer")
            }
            count += 1
        }
        return Double(count) / (SystemTime.monotonic - start).seconds
    }

    @Sendable private static func serial() throws -> [Figure] {
        try [9600, 19200, 115_200].map { baud in
            let device = try RunningProgram(try compiled("modbus-device"), ["pty", "\(baud)"])
            defer { device.stop() }
            try device.wait(for: "ready")
            let path = device.words(after: "pty ").first ?? ""
            let bus = DirectBus(
                .rtu(device: path, SerialSettings(baud: baud, parity: .none, stopBits: 1), kernelRS485: false))
            let rate = try requestsPerSecond(bus, .read(.holding, address: 0, count: 100), seconds: 3)
            // Request, silence, answer, silence; above 19200 the silence is 1.75 ms on the master's side.
            let character = 10.0 / Double(baud)
            let silence = baud > 19_200 ? 0.00175 : 3.5 * character
            let possible = 1 / ((8 + 3.5 + 205) * character + silence)
            return Figure(
                "serial line at \(baud) baud, FC3 x 100", rate, "1/s", goal: "at least 90 % of what the line carries",
                isMet: rate >= possible * 0.9, peer: ("the line", possible))
        }
    }

    @Sendable private static func deadMachines() throws -> [Figure] {
        let (device, ports) = try machines(90, mute: 10)
        defer { device.stop() }
        // Ten mute ones, and ten whose ports nobody listens on.
        let healthy = Array(ports.dropFirst(10))
        let gone = (0..<10).map { 1 + $0 }
        let all = plan(Array(ports.prefix(10)) + gone + healthy, points: 20)
        let board = Board(PointTable(all.points))
        let room = try ModbusRoom(plan: all, board: board, time: SystemTime(), events: Mailbox(capacity: 1000))
        try room.start()
        defer { room.stop() }
        pause(.seconds(3))
        func missed() -> UInt64 { room.status.dropFirst(20).reduce(0) { $0 + $1.missedCycles } }
        let before = missed()
        pause(.seconds(10))
        let now = SystemTime.monotonic
        let good = board.points.ids.dropFirst(20 * 20).filter { board.reading($0, at: now).isGood }.count
        return [
            Figure(
                "20 of 100 machines dead or mute: rounds missed by the others", Double(missed() - before), "",
                goal: "none", isMet: missed() == before && good == 80 * 20)
        ]
    }

    // MARK: - collectd

    /// The machines count what they are asked.
    private static func requestsSeen(_ port: Int) throws -> Double {
        let bus = DirectBus(.tcp(host: "127.0.0.1", port: port))
        guard case .values(let words) = bus.ask(unitID: 1, .read(.holding, address: 65000, count: 2), timeout: nil)
        else { throw Benchmark.Skipped("the machines do not answer") }
        return Double(Int(words[0]) << 16 | Int(words[1]))
    }

    private static func collectd(_ ports: [Int]) throws -> (requestsPerSecond: Double, processorPercent: Double) {
        let folder = NSTemporaryDirectory() + "mdc-bench-collectd-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var text = """
            BaseDir "\(folder)"
            PIDFile "\(folder)/pid"
            Interval 1
            ReadThreads 5
            LoadPlugin logfile
            <Plugin logfile>
            LogLevel "err"
            File "/dev/null"
            </Plugin>
            LoadPlugin modbus
            <Plugin modbus>

            """
        for point in 0..<20 {
            text += "<Data \"d\(point)\">\nRegisterBase \(point)\nRegisterType uint16\nType gauge\n"
            text += "Instance \"p\(point)\"\n</Data>\n"
        }
        for (number, port) in ports.enumerated() {
            text += "<Host \"h\(number)\">\nAddress \"127.0.0.1\"\nPort \"\(port)\"\nInterval 1\n<Slave 1>\n"
            for point in 0..<20 { text += "Collect \"d\(point)\"\n" }
            text += "</Slave>\n</Host>\n"
        }
        text += "</Plugin>\n"
        let file = folder + "/collectd.conf"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        guard let path = ["/usr/sbin/collectd", "/usr/bin/collectd"].first(where: FileManager.default.isExecutableFile)
        else { throw Benchmark.Skipped("collectd is not installed") }
        let program = try RunningProgram(path, ["-f", "-C", file])
        defer { program.stop() }
        pause(.seconds(3))
        let before = (program.processorSeconds, SystemTime.monotonic, try requestsSeen(ports[0]))
        pause(.seconds(10))
        let span = (SystemTime.monotonic - before.1).seconds
        let requests = try requestsSeen(ports[0]) - before.2
        return (requests / span, (program.processorSeconds - before.0) / span * 100)
    }
}
