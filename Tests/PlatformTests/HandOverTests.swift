import Platform
import Synchronization
import Testing

private final class Counter: Sendable { let value = Atomic<Int>(0) }

@Suite struct HandOverTests {
    @Test func `a mailbox keeps order, wakes its reader and refuses beyond its size`() throws {
        let mailbox = try Mailbox<Int>(capacity: 3)
        #expect(mailbox.send(1) && mailbox.send(2) && mailbox.send(3))
        #expect(!mailbox.send(4))
        let loop = try EventLoop()
        var taken: [Int] = []
        try loop.add(mailbox.wakeup.descriptor.raw, .readable) { _ in taken += mailbox.takeAll() }
        try loop.turn(timeout_ms: 5000)
        #expect(taken == [1, 2, 3])
        #expect(mailbox.send(5))
        try loop.turn(timeout_ms: 5000)
        #expect(taken == [1, 2, 3, 5])
    }

    @Test func `mail is found also by who was woken, and drained the wakeup, for something else`() throws {
        let mailbox = try Mailbox<Int>(capacity: 3)
        #expect(mailbox.send(1))
        mailbox.wakeup.drain()
        #expect(mailbox.takeAll() == [1] && mailbox.takeAll() == [])
    }

    @Test func `no message is lost between threads`() throws {
        let mailbox = try Mailbox<Int>(capacity: 10_000)
        let senders = try (0..<3).map { sender in
            try OwnerThread("sender") { for i in 0..<1000 { mailbox.send(sender * 1000 + i) } }
        }
        var taken: [Int] = []
        let loop = try EventLoop()
        try loop.add(mailbox.wakeup.descriptor.raw, .readable) { _ in taken += mailbox.takeAll() }
        while taken.count < 3000 { try loop.turn(timeout_ms: 5000) }
        for sender in senders { sender.join() }
        #expect(Set(taken).count == 3000)
        for sender in 0..<3 {
            let own = taken.filter { $0 / 1000 == sender }
            #expect(own == own.sorted())
        }
    }

    @Test func `a timer fires for a moment that has passed and not for one that was disarmed`() throws {
        let timer = try TimerDescriptor()
        let loop = try EventLoop()
        let fired = Counter()
        let raw = timer.descriptor.raw
        try loop.add(raw, .readable) { _ in fired.value.add(1, ordering: .relaxed) }
        timer.arm(at: .distantPast)
        try loop.turn(timeout_ms: 5000)
        timer.drain()
        #expect(fired.value.load(ordering: .relaxed) == 1)
        timer.arm(at: SystemTime.monotonic + .seconds(3600))
        timer.disarm()
        try loop.turn(timeout_ms: 0)
        #expect(fired.value.load(ordering: .relaxed) == 1)
    }

    @Test func `after a signal that crossed a look nobody is woken again for nothing`() throws {
        let wakeup = try Wakeup()
        let asked = Counter(), given = Counter()
        let rounds = 20_000
        let other = try OwnerThread("signals") {
            for round in 1...rounds {
                while asked.value.load(ordering: .acquiring) < round {}
                wakeup.signal()
                given.value.store(round, ordering: .releasing)
            }
        }
        var wokenForNothing = 0
        for round in 1...rounds {
            asked.value.store(round, ordering: .releasing)
            while given.value.load(ordering: .acquiring) < round { wakeup.drain() }
            if wakeup.wait(atMost: .zero) { wakeup.drain() }
            if wakeup.wait(atMost: .zero) { wokenForNothing += 1 }
        }
        other.join()
        #expect(wokenForNothing == 0)
    }

    @Test func `a reader that wants quiet first and looks later misses nothing`() throws {
        let wakeup = try Wakeup()
        let asked = Counter(), said = Counter()
        let rounds = 20_000
        let other = try OwnerThread("signals") {
            for round in 1...rounds {
                while asked.value.load(ordering: .acquiring) < round {}
                said.value.store(round, ordering: .releasing)
                wakeup.signal()
            }
        }
        var missed = 0
        for round in 1...rounds {
            asked.value.store(round, ordering: .releasing)
            while said.value.load(ordering: .acquiring) < round {
                guard wakeup.wait(atMost: .milliseconds(200)) else {
                    missed += 1
                    break
                }
                wakeup.hush()
                wakeup.drain()
            }
            if missed > 0 { break }
        }
        asked.value.store(.max, ordering: .releasing)
        other.join()
        #expect(missed == 0)
    }

    @Test func `an event for a descriptor that was closed and reused goes to nobody else`() throws {
        let loop = try EventLoop()
        let first = try Wakeup()
        var wrong = 0
        try loop.add(first.descriptor.raw, .readable) { _ in wrong += 1 }
        first.signal()
        loop.remove(first.descriptor.raw)
        try loop.turn(timeout_ms: 0)
        #expect(wrong == 0)
    }

    @Test func `a heart that does not beat is dead after its limit`() {
        let heart = Heartbeat("bus", limit: .seconds(2), now: MonotonicTime(nanoseconds: 0))
        heart.beat(MonotonicTime(nanoseconds: 1_000_000_000))
        #expect(heart.isAlive(at: MonotonicTime(nanoseconds: 3_000_000_000)))
        #expect(!heart.isAlive(at: MonotonicTime(nanoseconds: 3_000_000_001)))
    }

    @Test func `a missing file is an error with its name and the kernel's reason`() {
        #expect(throws: SystemError("open", "/nowhere/at/all", code: 2)) { try readFile("/nowhere/at/all") }
        #expect(SystemError("open", "/x", code: 13).description == "open /x: Permission denied")
    }

    @Test func `a file beyond the limit is refused, not read`() {
        #expect(throws: SystemError.self) { try readFile("/proc/self/maps", limit: 16) }
    }
}
