import Foundation
import Glibc
import Platform
import Site
import Testing

@testable import Accelerators

/// The kernel's hot-plug messages: they only say that the bus should be looked over.
@Suite struct HotPlugTests {
    /// What the kernel says comes in at one end of a pair of sockets.
    private final class Wire {
        var listening: Uevents
        private let kernel: FileDescriptor

        init() throws {
            var ends: [Int32] = [-1, -1]
            let kind = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue)
            let made = unsafe socketpair(AF_UNIX, kind, 0, &ends)
            try #require(made == 0)
            listening = Uevents(FileDescriptor(owning: ends[0]))
            kernel = FileDescriptor(owning: ends[1])
        }

        func say(_ fields: [String]) {
            let bytes = Array(fields.joined(separator: "\0").utf8) + [0]
            let sent = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(kernel.raw, $0.baseAddress, $0.count, 0) }
            #expect(sent == bytes.count)
        }

        func isNews() -> Bool { listening.drain() }
    }

    private static let removal = [
        "remove@/devices/pci0000:00/0000:00:04.1/0000:04:00.0", "ACTION=remove", "SUBSYSTEM=pci",
        "PCI_SLOT_NAME=0000:04:00.0", "SEQNUM=4711",
    ]

    @Test func `only what concerns the PCI bus makes us look, however much else is said`() throws {
        let wire = try Wire()
        #expect(!wire.isNews())
        for number in 0..<100 {
            wire.say(["change@/devices/x\(number)", "ACTION=change", "SUBSYSTEM=thermal"])
            // A socket pair holds few messages at once.
            if number % 5 == 4 { #expect(!wire.isNews()) }
        }
        wire.say(["add@/pci", "ACTION=add", "SUBSYSTEM=pci_express"])
        #expect(!wire.isNews())
        wire.say(Self.removal)
        #expect(wire.isNews())
        #expect(!wire.isNews(), "said once")
    }

    @Test func `noise, empty messages and messages without end are let pass`() throws {
        let wire = try Wire()
        wire.say([""])
        wire.say([String(repeating: "SUBSYSTEM=pc", count: 600)])
        wire.say(["\u{1}\u{2}libudev", "SUBSYSTEM="])
        #expect(!wire.isNews())
    }

    @Test func `a card that is unplugged is absent at the message, long before the next rescan`() throws {
        let sysfs = FakeSysfs()
        sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-A")
        sysfs.addRNGD("0000:04:00.0", index: 1, serial: "SN-B")
        let bench = try Workbench(
            """
              intervals: {rescan: 1h}
              cards:
                - {name: npu0, layout: furiosa-rngd, address: "0000:03:00.0"}
                - {name: npu1, layout: furiosa-rngd, address: "0000:04:00.0"}

            """, sysfs)
        bench.run(seconds: 3)
        let wire = try Wire()
        sysfs.remove("bus/pci/devices/0000:04:00.0")
        bench.run(seconds: 3)
        #expect(bench.health("npu1") == .ok, "nobody has said anything yet")
        wire.say(Self.removal)
        bench.supervisor.isRescanDue = wire.isNews()
        bench.run(seconds: 1)
        #expect(bench.health("npu1") == .absent && bench.health("npu0") == .ok)
        sysfs.addRNGD("0000:04:00.0", index: 1, serial: "SN-B")
        wire.say(["add@/devices/pci0000:00/0000:04:00.0", "ACTION=add", "SUBSYSTEM=pci"])
        bench.supervisor.isRescanDue = wire.isNews()
        bench.run(seconds: 2)
        #expect(bench.health("npu1") == .ok)
    }

    /// A device whose message we may ask the kernel to say again; nothing happens to the device.
    private static let ownDevice: String? = {
        let folder = "/sys/bus/pci/devices"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.map { "\(folder)/\($0)/uevent" }.first { unsafe access($0, W_OK) == 0 }
    }()

    @Test(.enabled(if: ownDevice != nil, "needs a PCI device and root"))
    func `the kernel's own message is heard`() throws {
        var uevents = try Uevents()
        _ = uevents.drain()
        let file = try #require(Self.ownDevice.flatMap { FileHandle(forWritingAtPath: $0) })
        file.write(Data("change\n".utf8))
        var isHeard = false
        for _ in 0..<200 where !isHeard {
            isHeard = uevents.drain()
            if !isHeard { usleep(20_000) }
        }
        #expect(isHeard)
    }
}
