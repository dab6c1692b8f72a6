import Platform
import Site
import Testing

@testable import Inference

private func smallPool(count: Int = 2) throws -> Pool {
    var plan = PoolPlan()
    plan.classes = [.init(slotBytes: 4096, count: count), .init(slotBytes: 65_536, count: 1)]
    return try Pool(plan)
}

private final class Home: SlabHome {
    var freed = 0
    func slabIsFree(_ slab: Slab) { freed += 1 }
}

/// Nil when the pool has no slot.
func slab(_ pool: Pool, rows: Int, _ home: any SlabHome) -> Slab? {
    guard let lease = pool.lease(atLeast: 1) else { return nil }
    return Slab(pool: pool, lease: lease, rows: rows, home: home)
}

@Suite struct PoolTests {
    @Test func `a lease comes back by itself, and an exhausted pool says so at once`() throws {
        let pool = try smallPool()
        do {
            let one = pool.lease(atLeast: 100)
            let two = pool.lease(atLeast: 4096)
            // The next class helps out, then nothing does.
            let three = pool.lease(atLeast: 1)
            let isRefused = pool.lease(atLeast: 1) == nil
            // A lease ends with its last use: asked for here, it was held until here.
            let bytes = three?.byteCount ?? 0
            #expect(bytes == 65_536)
            #expect(isRefused && pool.classes[0].refusals >= 1)
            let sizes = [one?.byteCount ?? 0, two?.byteCount ?? 0]
            #expect(sizes == [4096, 4096])
        }
        #expect(pool.leased == 0)
        let isTooLarge = pool.lease(atLeast: 1 << 20) == nil
        #expect(isTooLarge)
    }

    @Test func `nobody can shrink the pool's memory under a reader`() throws {
        let pool = try smallPool()
        #expect(ftruncateFails(pool.descriptor.raw))
    }

    @Test func `rows of a slab are neighbours, and the slab is free when the last is back`() throws {
        let pool = try smallPool()
        let home = Home()
        let four = slab(pool, rows: 4, home)
        let lease = try #require(four)
        do {
            var first = lease.take(1)
            var second = lease.take(3)
            let places = [first?.first ?? -1, second?.first ?? -1]
            #expect(places == [0, 1] && lease.rowsHeld == 4)
            let isFull = lease.take(1) == nil
            #expect(isFull)
            first?.move(to: .running)
            #expect(pool.states[LeaseState.running.rawValue] == 1 && pool.states[LeaseState.receiving.rawValue] == 1)
            second?.move(to: .sending)
        }
        #expect(lease.rowsHeld == 0 && home.freed == 1 && pool.states.allSatisfy { $0 == 0 })
    }

    @Test func `a slab's layout refuses shapes that do not say their size`() {
        let fixed = TensorDescription(name: "x", type: .fp32, shape: [-1, 784])
        let open = TensorDescription(name: "y", type: .fp32, shape: [-1, -1])
        let text = TensorDescription(name: "t", type: .bytes, shape: [-1, 1])
        let huge = TensorDescription(name: "h", type: .fp64, shape: [-1, Int.max])
        #expect(
            SlabLayout(ModelDescription(platform: "", inputs: [fixed], outputs: [fixed]), maxBatchSize: 8)?
                .inputRowBytes == 3136)
        for tensor in [open, text, huge] {
            #expect(
                SlabLayout(ModelDescription(platform: "", inputs: [tensor], outputs: [fixed]), maxBatchSize: 8) == nil)
        }
    }
}
