import Foundation
import Platform
import Site
import Testing

@testable import Modbus

/// Every answer that a bus can spoil, for a million polls (here fewer; MDC_MODBUS_POLLS sets the number).
@Suite struct ZeroWrongValuesTests {
    static let polls = Int(ProcessInfo.processInfo.environment["MDC_MODBUS_POLLS"] ?? "") ?? 40_000

    enum Way: CaseIterable { case tcp, rtu, shared }

    @Test(arguments: Way.allCases, [UInt64(1), 2, 3])
    func `no fault ever becomes a value`(_ way: Way, _ seed: UInt64) throws {
        let site = try MadeUpSite(way == .rtu ? .rtu : .tcp, units: way == .shared ? [1] : [1, 2, 17], seed: seed)
        site.channel.faultsPerThousand = 100
        var wrong = 0
        var good = 0
        var lastSeen: [Int: UInt64] = [:]
        let run = way == .shared ? site.runShared : site.run
        while site.channel.requests < Self.polls / 9 {
            run(.seconds(20)) {
                for id in site.board.points.ids {
                    let version = site.board.version(id)
                    if lastSeen[id.index] == version { continue }
                    lastSeen[id.index] = version
                    let reading = site.board.reading(id, at: site.time.now().monotonic)
                    guard let number = reading.goodNumber, let asked = reading.measured else { continue }
                    let unit = UInt8([1, 2, 17][id.index / 7])
                    let address = [0, 2, 4, 6, 100, 102, 104][id.index % 7]
                    good += 1
                    if site.channel.truth(address, unit, askedAt: asked.monotonic) != number { wrong += 1 }
                }
            }
            site.channel.forget(before: site.time.now().monotonic + .seconds(-10))
            _ = site.events.takeAll()
        }
        // `make bench` shows it.
        if Self.polls >= 1_000_000 {
            print("\(way) seed \(seed): \(site.channel.requests) polls, \(good) readings, \(wrong) wrong")
        }
        #expect(wrong == 0, "seed \(seed)")
        // The bus is alive: most of what was asked became a reading.
        #expect(good > site.channel.requests, "seed \(seed): \(good) of \(site.channel.requests)")
    }
}
