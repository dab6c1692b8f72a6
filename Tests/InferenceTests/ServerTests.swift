import CLinux
import CMdcInfer
import Foundation
import HTTP
import Platform
import Profiles
import Site
import Synchronization
import Testing

@testable import Inference

@Suite(.serialized) struct ServerTests {
    @Test(arguments: LaneIsolation.allCases) func `an answer is what was asked, from a process and from a thread`(
        _ isolation: LaneIsolation
    ) throws {
        let plane = try Plane(["echo": echoModel], isolation: isolation)
        let answer = try plane.echo([1, -2, 2_147_483_647])
        #expect(answer.status == 200 && answer.text.contains("\"data\":[1,-2,2147483647]"))
    }

    @Test func `every posture that forbids work is a 503 that says why and when to come back`() throws {
        let plane = try Plane(["echo": echoModel])
        for state in [PostureState.drain, .stop, .seal] {
            publish(state, plane.page, reason: "coolant leak at rack 1")
            let answer = try plane.echo([1, 2, 3])
            #expect(answer.status == 503 && answer.text.contains("coolant leak at rack 1"))
            #expect(answer.text.contains("Retry-After: "))
            #expect(try plane.ask("GET", "/v2/health/ready").status == 400)
            #expect(try plane.ask("GET", "/v2/health/live").status == 200)
        }
        publish(.normal, plane.page)
        #expect(try plane.echo([1, 2, 3]).status == 200)
        #expect(try plane.ask("GET", "/v2/health/ready").status == 200)
    }

    @Test func `a posture page that nobody refreshes reads as the safe posture`() throws {
        let plane = try Plane(["echo": echoModel]) { $0.postureStaleAfter = .milliseconds(1) }
        let answer = try plane.echo([1, 2, 3])
        #expect(answer.status == 503 && answer.text.contains("silent"))
    }

    @Test func `a model without a lane or with a broken file is told, and the others are served`() throws {
        let plane = try Plane([
            "echo": echoModel, "lost": echoModel + "\nlanes: [nowhere]", "wrong": "engine: nonsense",
        ])
        #expect(try plane.echo([1, 2, 3]).status == 200)
        #expect(try plane.ask("POST", "/v2/models/lost/infer", "{}").status == 503)
        let index = try plane.ask("POST", "/v2/repository/index", "{}").text
        #expect(index.contains("nonsense") && index.contains("model.yaml:1:9"))
    }

    @Test func `a native client gets its rows back where it wrote them`() throws {
        let plane = try Plane(["echo": echoModel])
        var client: OpaquePointer?
        var why = [CChar](repeating: 0, count: Int(MDC_INFER_WHY))
        let failed = unsafe mdc_infer_open(plane.ring, "echo", 4, 2, &client, &why)
        try #require(failed == 0)
        defer { unsafe mdc_infer_close(client) }
        #expect(unsafe mdc_infer_row_bytes(client, 0) == 12)
        for round in 0..<200 {
            let slot = UInt32(round % 4)
            let input = unsafe try #require(
                unsafe mdc_infer_input(client, slot, 0)?.assumingMemoryBound(to: Int32.self))
            for i in 0..<6 { unsafe input[i] = Int32(round * 10 + i) }
            #expect(unsafe mdc_infer_submit(client, slot, 2, UInt64(round)) == 0)
            var result = mdc_infer_result()
            try #require(unsafe mdc_infer_reap(client, &result, 100, 10_000) == 0)
            #expect(result.status == 0 && result.number == UInt64(round) && result.slot == slot)
            let output = unsafe try #require(
                unsafe mdc_infer_output(client, slot, 0)?.assumingMemoryBound(to: Int32.self))
            for i in 0..<6 { #expect(unsafe output[i] == Int32(round * 10 + i)) }
        }
        #expect(unsafe mdc_infer_submit(client, 9, 1, 0) == -EINVAL)
    }

    @Test func `a drained accelerator stops its own lane only`() throws {
        let plane = try Plane([
            "echo": echoModel + "\nlanes: [one]", "other": echoModel + "\nlanes: [two]",
        ]) { plan in
            plan.lanes = [LanePlan(name: "one", accelerator: "npu1"), LanePlan(name: "two", accelerator: "npu2")]
        }
        publish(.normal, plane.page, drained: ["npu2"])
        usleep(300_000)
        #expect(try plane.echo([1, 2, 3]).status == 200)
        let body = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"INT32\",\"data\":[1,2,3]}]}"
        // Refused at once, with the reason: who asks would wait for a repair.
        let refused = try plane.ask("POST", "/v2/models/other/infer", body)
        #expect(refused.status == 503 && refused.text.contains("npu2") && refused.text.contains("Retry-After"))
        publish(.normal, plane.page)
        var status = 0
        for _ in 0..<500 where status != 200 {
            usleep(20_000)
            status = try plane.ask("POST", "/v2/models/other/infer", body).status
        }
        #expect(status == 200)
    }
}
