internal import HTTP
public import Platform
public import Site

/// Something that a person or program asks to have done: POST /v1/actions/NAME with a JSON object.
/// The action answers it once, from any thread.
public struct ActionCall: Sendable {
    public let name: String
    public let actor: Actor
    public let body: JSON
    let responder: Responder

    /// False when the caller has gone.
    @discardableResult
    public func answer(_ status: Int = 200, _ compose: (inout ByteWriter) -> Void) -> Bool {
        var writer = ByteWriter()
        compose(&writer)
        let bytes = SharedBytes(writer.bytes)
        return responder.answer(status) { response in
            response.type("application/json")
            response.share(bytes)
        }
    }

    /// 400: asked wrongly, 403: not allowed, 404: no such thing, 409: not now, 503: try again.
    @discardableResult
    public func refuse(_ status: Int, _ text: String) -> Bool { responder.refuse(status, text) }

    public var isOpen: Bool { responder.isOpen }
}

public typealias StatusAction = @Sendable (ActionCall) -> Void
