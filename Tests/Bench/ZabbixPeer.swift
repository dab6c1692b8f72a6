import CLinux
import Foundation
import Glibc
import Platform

/// zabbix-agent2 and its modbus plugin, asked as a Zabbix server asks: one item per machine, a block of registers
/// in one request, once a second. Its way of working is a connection to the machine per check.
enum ZabbixPeer {
    /// Processor time of the agent alone, in percent of a core.
    static func run(_ ports: [Int], points: Int) throws -> Double {
        guard let path = ["/usr/sbin/zabbix_agent2"].first(where: FileManager.default.isExecutableFile) else {
            throw Benchmark.Skipped("zabbix-agent2 is not installed")
        }
        let folder = NSTemporaryDirectory() + "mdc-bench-zabbix-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let door = try freePort()
        let text = """
            Server=127.0.0.1
            ListenIP=127.0.0.1
            ListenPort=\(door)
            LogType=file
            LogFile=/dev/null
            PidFile=\(folder)/pid
            ControlSocket=\(folder)/socket
            """
        try (text + "\n").write(toFile: folder + "/agent.conf", atomically: true, encoding: .utf8)
        let program = try RunningProgram(path, ["-f", "-c", folder + "/agent.conf"])
        defer { program.stop() }
        try round(ports, points, door, tries: 100)
        let seconds = 10
        let begin = SystemTime.monotonic
        let before = program.processorSeconds
        for second in 0..<seconds {
            try round(ports, points, door, tries: 1)
            let next = begin + .seconds(Int64(second + 1))
            pause(max(.zero, next - SystemTime.monotonic))
        }
        let span = (SystemTime.monotonic - begin).seconds
        return (program.processorSeconds - before) / span * 100
    }

    private static func round(_ ports: [Int], _ points: Int, _ door: Int, tries: Int) throws {
        for port in ports {
            let key = "modbus.get[tcp://127.0.0.1:\(port),1,3,0,\(points),uint16]"
            var answer = ask(door, key)
            for _ in 1..<max(2, tries) where answer.isEmpty && tries > 1 {
                pause(.milliseconds(50))
                answer = ask(door, key)
            }
            guard answer.contains("[0,1,2") else { throw Benchmark.Skipped("zabbix-agent2 answers: \(answer)") }
        }
    }

    /// A passive check: "ZBXD", flags, length, and the key; the answer has the same head.
    private static func ask(_ port: Int, _ key: String) -> String {
        let raw = unsafe cl_connect_tcp_stoppable("127.0.0.1", UInt16(port), 2000, -1)
        guard raw >= 0 else { return "" }
        let socket = FileDescriptor(owning: raw)
        let count = UInt32(key.utf8.count)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
        let frame = Array("ZBXD\u{1}".utf8) + length + [0, 0, 0, 0] + Array(key.utf8)
        _ = unsafe frame.withUnsafeBytes { unsafe cl_send(socket.raw, $0.baseAddress, $0.count, 0) }
        var answer: [UInt8] = []
        while cl_wait_readable(socket.raw, -1, 5_000_000_000) > 0 {
            var chunk = [UInt8](repeating: 0, count: 2048)
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
            if got <= 0 { break }
            answer += chunk[..<got]
        }
        return String(decoding: answer.dropFirst(13), as: UTF8.self)
    }

    /// zabbix-agent2 refuses a port above 32767.
    private static func freePort() throws -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: 20_000...32_000)
            let raw = unsafe cl_listen_tcp("127.0.0.1", UInt16(port), 1)
            if raw >= 0 {
                close(raw)
                return port
            }
        }
        throw Benchmark.Skipped("no free port")
    }
}
