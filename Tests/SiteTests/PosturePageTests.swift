import Platform
import Site
import Testing

@Suite struct PosturePageTests {
    private let now = MonotonicTime(nanoseconds: 5_000_000_000)
    private let leak = Posture(
        state: .stop, reason: "coolant leak at rack 1", since: WallTime(milliseconds: 1_795_645_683_120),
        watts: 1500, drainedAccelerators: ["npu3", "npu5"])

    private func withPage(_ body: (PosturePage) -> Void) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: PosturePage.byteCount, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: PosturePage.byteCount)
        unsafe body(PosturePage(at: memory))
        unsafe memory.deallocate()
    }

    @Test func `what is published is what is read`() {
        withPage { page in
            page.publish(leak, at: now)
            #expect(page.posture(at: now, staleAfter: .seconds(3)) == leak)
            #expect(page.state(at: now, staleAfter: .seconds(3), safe: .drain) == (.stop, 1500))
        }
    }

    @Test func `a stale page and a page never written read as the safe posture`() {
        withPage { page in
            #expect(page.state(at: now, staleAfter: .seconds(3), safe: .drain).state == .drain)
            page.publish(leak, at: now)
            #expect(page.state(at: now + .seconds(4), staleAfter: .seconds(3), safe: .drain).state == .drain)
            #expect(page.posture(at: now + .seconds(4), staleAfter: .seconds(3)) == nil)
        }
    }

    @Test func `a reason too long for the page is cut, the drained accelerators stay`() {
        withPage { page in
            var long = leak
            long.reason = String(repeating: "very ", count: 200)
            page.publish(long, at: now)
            #expect(page.posture(at: now, staleAfter: .seconds(3))?.drainedAccelerators == ["npu3", "npu5"])
        }
    }
}
