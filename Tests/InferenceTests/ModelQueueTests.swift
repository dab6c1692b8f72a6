import Platform
import Site
import Testing

@testable import Inference

private func request(_ index: Int, client: Int = 1, priority: Int = 4, rows: Int = 1) -> InferRequest {
    let request = InferRequest(index: index)
    request.client = client
    request.priority = priority
    request.rowCount = rows
    request.state = .queued
    return request
}

@Suite struct ModelQueueTests {
    @Test func `the most urgent runs first, and among equals who waited longest`() {
        var queue = ModelQueue(capacity: 8)
        for (index, priority) in [4, 1, 4, 2].enumerated() { queue.add(request(index, priority: priority)) }
        #expect(drain(&queue) == [1, 3, 0, 2])
    }

    @Test func `a client with a hundred requests does not starve one with two`() {
        var queue = ModelQueue(capacity: 200)
        for index in 0..<100 { queue.add(request(index, client: 1)) }
        for index in 100..<102 { queue.add(request(index, client: 2)) }
        let order = drain(&queue)
        #expect(order.firstIndex(of: 100)! < 4 && order.firstIndex(of: 101)! < 6)
    }

    @Test func `one client cannot fill a queue that others need`() {
        var queue = ModelQueue(capacity: 10)
        queue.add(request(0, client: 2))
        var taken = 0
        for index in 1..<20 where queue.hasRoom(for: 1) {
            queue.add(request(index, client: 1))
            taken += 1
        }
        #expect(taken < 10 && queue.hasRoom(for: 2) && !queue.hasRoom(for: 1))
    }

    @Test func `what has waited too long is taken out and never chosen`() {
        var queue = ModelQueue(capacity: 4)
        let late = request(0), timely = request(1)
        late.deadline = MonotonicTime(nanoseconds: 10)
        queue.add(late)
        queue.add(timely)
        var expired: [Int] = []
        queue.expire(MonotonicTime(nanoseconds: 10)) { expired.append($0.index) }
        #expect(expired == [0] && drain(&queue) == [1])
    }

    @Test func `neighbours in a slab run together, others do not`() throws {
        final class Home: SlabHome { func slabIsFree(_ slab: Slab) {} }
        var plan = PoolPlan()
        plan.classes = [.init(slotBytes: 4096, count: 4)]
        let pool = try Pool(plan), home = Home()
        let eight = slab(pool, rows: 8, home)
        let slab = try #require(eight)
        var queue = ModelQueue(capacity: 8)
        let requests = (0..<4).map { request($0) }
        for one in requests {
            one.rows = slab.take(1)
            slab.waiting[one.firstRow] = one
        }
        // Row 2 is still being received.
        for index in [0, 1, 3] { queue.add(requests[index]) }
        requests[2].state = .receiving
        let batch = Batch()
        #expect(queue.choose(into: batch, rowsMax: 8) == 0)
        #expect(batch.requests.map(\.index).sorted() == [0, 1] && batch.rows == 2)
        let small = Batch()
        #expect(queue.choose(into: small, rowsMax: 1) == 0 && small.rows == 1)
        for one in requests { one.rows = nil }
    }

    private func drain(_ queue: inout ModelQueue) -> [Int] {
        var order: [Int] = []
        while !queue.isEmpty {
            let batch = Batch()
            _ = queue.choose(into: batch, rowsMax: 1)
            for one in batch.requests {
                queue.remove(one)
                order.append(one.index)
            }
        }
        return order
    }
}
