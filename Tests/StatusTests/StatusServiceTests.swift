import Foundation
import Platform
import Site
import Status
import Synchronization
import Testing

@Suite struct StatusServiceTests {
    @Test func `before anything was read the agent is alive, not ready, and says so`() throws {
        let room = try RunningRoom(nil)
        #expect(try room.ask("/healthz").status == 200)
        let ready = try room.ask("/readyz")
        #expect(ready.status == 503)
        #expect(ready.text.contains("\"ready\":false"))
        #expect(try room.ask("/v1/status").status == 503)
        #expect(try room.ask("/metrics").status == 503)
    }

    @Test(arguments: [(PostureState.normal, 200), (.conserve, 200), (.drain, 503), (.stop, 503), (.seal, 503)])
    func `readiness follows the posture`(state: PostureState, status: Int) throws {
        var snapshot = Samples.snapshot()
        snapshot.posture.state = state
        #expect(try RunningRoom(snapshot).ask("/readyz").status == status)
    }

    @Test func `a thread that makes no progress fails the health probe`() throws {
        var snapshot = Samples.snapshot()
        snapshot.stuck = ["modbus-power"]
        let room = try RunningRoom(snapshot)
        #expect(try room.ask("/healthz").status == 503)
        #expect(try room.ask("/v1/status").text.contains("\"health\":\"fault\""))
    }

    @Test func `a document is sent once per version to a client that remembers it`() throws {
        let room = try RunningRoom()
        let first = try room.ask("/v1/status")
        let etag = try #require(first.field("ETag"))
        let again = try room.ask("/v1/status", ["If-None-Match: \(etag)"])
        #expect(again.status == 304)
        #expect(again.body.isEmpty)
        room.room.publish(Samples.snapshot())
        #expect(try room.ask("/v1/status", ["If-None-Match: \(etag)"]).status == 200)
    }

    @Test func `points are chosen by a pattern on whole names`() throws {
        let room = try RunningRoom()
        func names(_ pattern: String) throws -> [String] {
            let json = try JSON.parse(try room.ask("/v1/points?match=\(pattern)").body)
            return (json["points"]?.array ?? []).compactMap { $0["name"]?.string }
        }
        #expect(try names("ups1.*").count == 4)
        #expect(try names("*.battery.charge") == ["ups1.battery.charge", "ups2.battery.charge"])
        #expect(try names("ups1.mode") == ["ups1.mode"])
        #expect(try names("ups") == [])
        #expect(try names("%2A").count == Samples.points.count)
    }

    @Test func `events are read on from where the client was`() throws {
        let room = try RunningRoom()
        let json = try JSON.parse(try room.ask("/v1/events?since=41").body)
        #expect(json["events"]?.array?.count == 1)
        #expect(json["next"]?.integer == 42)
        #expect(try room.ask("/v1/events?since=x").status == 400)
        #expect(try room.ask("/v1/events?limit=0").status == 400)
        #expect(try JSON.parse(try room.ask("/v1/events?since=42").body)["next"]?.integer == 42)
    }

    @Test func `an unknown path, a foreign method and a path trick find nothing`() throws {
        let room = try RunningRoom()
        for path in [
            "/nothing", "/v1/status/", "//v1/status", "/v1/../v1/status", "/%2e%2e/etc/passwd", "/v1/actions/",
        ] {
            #expect([404, 405].contains(try room.ask(path).status), "\(path)")
        }
        #expect(try room.ask("/v1/status", method: "DELETE").field("Allow") == "GET, HEAD")
    }

    @Test func `an action over the socket knows its caller; over loopback it is refused`() throws {
        let calls = Mutex<[String]>([])
        let room = try RunningRoom(actions: [
            "alarms/ack": { call in
                calls.withLock { $0.append("\(call.actor.name) \(call.body["id"]?.string ?? "")") }
                call.answer { writer in
                    writer.beginObject()
                    writer.field("done", true)
                    writer.endObject()
                }
            }
        ])
        let json = ["Content-Type: application/json"]
        let refused = try room.ask("/v1/actions/alarms/ack", json, method: "POST", body: "{\"id\":\"x\"}")
        #expect(refused.status == 403)
        let done = try room.ask("/v1/actions/alarms/ack", json, method: "POST", body: "{\"id\":\"x\"}", onSocket: true)
        #expect(done.status == 200)
        #expect(done.text == "{\"done\":true}")
        let who = getuid() == 0 ? "root" : "uid-\(getuid())"
        #expect(calls.withLock { $0 } == ["\(who)@console x"])
        #expect(try room.ask("/v1/actions/none", json, method: "POST", body: "{}", onSocket: true).status == 404)
        #expect(try room.ask("/v1/actions/alarms/ack", json, method: "POST", body: "[]", onSocket: true).status == 400)
        #expect(try room.ask("/v1/actions/alarms/ack", json, method: "POST", body: "{", onSocket: true).status == 400)
        #expect(try room.ask("/v1/actions/alarms/ack", onSocket: true).status == 405)
    }

    @Test func `a port in use is named with its remedy, and the rest runs`() throws {
        let first = try RunningRoom()
        let plan = StatusPlan(listen: [
            StatusPlan.Address(host: "127.0.0.1", port: first.port), StatusPlan.Address(host: "127.0.0.1", port: 0),
        ])
        let second = try StatusRoom(plan: plan, socketPath: nil, stateFolder: NSTemporaryDirectory())
        #expect(second.faults.count == 1)
        #expect(second.faults[0].contains("status.listen"))
        #expect(second.listeners.count == 1)
    }
}
