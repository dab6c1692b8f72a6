import Platform
import Site
import Testing

@testable import Agent

@Suite struct RoomActionsTests {
    @Test(arguments: ["ask", "preview", "trace"])
    func `what holds a bus up is for technicians`(_ act: String) throws {
        let body = try JSON.parse(Array(#"{"do":"\#(act)"}"#.utf8))
        for authority in Authority.allCases {
            let objection = RoomActions.objection(toModbus: body, of: Actor("somebody", authority))
            #expect((objection == nil) == (authority >= .technician), "\(authority.text)")
        }
    }

    @Test func `the counters are for everybody who gets that far, sending events again is not`() throws {
        let body = try JSON.parse(Array(#"{"do":"stats"}"#.utf8))
        #expect(RoomActions.objection(toModbus: body, of: Actor("upstream:isv-a", .upstream)) == nil)
        let text = RoomActions.objection(to: "sending events again", of: Actor("upstream:isv-a", .upstream))
        #expect(text?.contains("technician") == true && text?.contains("upstream:isv-a") == true)
    }
}
