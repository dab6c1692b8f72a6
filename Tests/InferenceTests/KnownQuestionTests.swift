import Foundation
import Platform
import Testing

@testable import Inference

@Suite struct KnownQuestionTests {
    @Test func `the same words over other tensors get the other tensors' answer`() throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        for round in Int32(0)..<50 {
            let numbers = [round, -round, round &* 1000]
            // Every third asks in words of its own, of the same length.
            let id = round % 3 == 0 ? "b\(round % 2)" : "a0"
            let answer = try plane.exchange(socket, Plane.binary(numbers, id: id))
            let text = String(decoding: answer.body, as: UTF8.self)
            let tensor = numbers.flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32($0 * 8)) }
            }
            #expect(answer.status == 200 && Array(answer.body.suffix(12)) == tensor && text.contains("\"\(id)\""))
        }
    }

    @Test func `a question that was refused is refused again, and spoils nothing`() throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        let good = Plane.binary([1, 2, 3])
        var wrong = good
        // The input's name "x" becomes "z": as long, and unknown.
        let name = try #require(wrong.firstRange(of: Array("\"name\":\"x\"".utf8)))
        wrong[name.upperBound - 2] = UInt8(ascii: "z")
        for request in [good, wrong, wrong, good, good, wrong, good] {
            #expect(try plane.exchange(socket, request).status == (request == good ? 200 : 400))
        }
    }

    @Test func `words that change while they are read are not remembered`() throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        for _ in 0..<4 {
            let answer = try plane.exchange(socket, Plane.binary([4, 5, 6], id: #"caf\u00e9"#))
            #expect(answer.status == 200 && String(decoding: answer.body, as: UTF8.self).contains("caf\u{e9}"))
        }
    }

    @Test func `as many rows as the words say are needed each time`() throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        let two = Plane.binary([1, 2, 3, 4, 5, 6])
        #expect(try plane.exchange(socket, two).status == 200)
        // The same words, and one row less behind them.
        var short = two
        let place = try #require(short.firstRange(of: Array("Content-Length: ".utf8)))
        let end = try #require(short[place.upperBound...].firstIndex(of: 13))
        let length = try #require(Int(String(decoding: short[place.upperBound..<end], as: UTF8.self)))
        short.replaceSubrange(place.upperBound..<end, with: Array(String(length - 12).utf8))
        short.removeLast(12)
        #expect(try plane.exchange(socket, short).status == 400)
        #expect(try plane.exchange(socket, two).status == 200)
    }
}
