internal import CMosquitto
internal import Glibc
internal import Platform
internal import Site

/// One attempt at one broker, from the connect to the end: a libmosquitto handle that is made for it and
/// thrown away with it, so that nothing half done survives in the library. Not threaded: the owner's
/// event loop calls `readable`, `writable` and `housekeeping`. Sendable because the thread that made it
/// hands it over whole and keeps nothing of it.
@safe final class BrokerConnection: MessageSink, @unchecked Sendable {
    enum State: Equatable { case connecting, connected, failed(String) }

    /// Of one message from outside; a larger one is dropped and counted. A load target has under 4 KiB.
    static let incomingBytesMax = 256 << 10
    /// Messages kept between two looks of the owner.
    static let incomingCountMax = 256
    /// QoS 1 messages that wait for their acknowledgement: 256 events of 400 bytes are 100 KiB.
    static let inFlightMax = 256
    /// A silent broker is noticed after one and a half of this.
    static let keepAliveSeconds: Int32 = 15

    let broker: BrokerPlan
    private(set) var state = State.connecting
    private(set) var isSessionPresent = false
    /// Numbers of messages that the broker acknowledged since the owner last looked.
    private(set) var acknowledged: [Int32] = []
    private(set) var received: [IncomingMessage] = []
    private(set) var receivedAndDropped = 0
    /// What the library said last of its own accord: only there stands why TLS failed.
    private var complaint: String?
    private let handle: OpaquePointer

    private static let isLibraryReady = mosquitto_lib_init() == MOSQ_ERR_SUCCESS.rawValue

    struct Refusal: Error { let text: String }

    init(
        _ broker: BrokerPlan, clientID: String, will: OutgoingMessage, numbersToSkip: Int
    ) throws(Refusal) {
        guard BrokerConnection.isLibraryReady, let handle = unsafe mosquitto_new(clientID, false, nil)
        else { throw Refusal(text: "libmosquitto cannot be set up: out of memory") }
        self.broker = broker
        unsafe self.handle = handle
        unsafe mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
        unsafe mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311)
        unsafe mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1)
        unsafe mosquitto_max_inflight_messages_set(handle, UInt32(BrokerConnection.inFlightMax))
        setCallbacks()
        try check(
            unsafe mosquitto_will_set(
                handle, will.topic, Int32(will.payload.count), will.payload, will.qos, will.retain), "last will")
        try setCredentials()
        try setTLS()
        skipNumbers(numbersToSkip)
        var code: Int32 = 0
        let result = unsafe cm_connect(
            handle, broker.host, Int32(broker.port), BrokerConnection.keepAliveSeconds, &code)
        // A near broker may have ended the handshake already.
        if result > 0 { throw Refusal(text: explained(BrokerConnection.text(result, code))) }
    }

    deinit { unsafe mosquitto_destroy(handle) }

    // MARK: - Setting up

    private func check(_ result: Int32, _ what: String) throws(Refusal) {
        if result != MOSQ_ERR_SUCCESS.rawValue {
            throw Refusal(text: "\(what): \(BrokerConnection.text(result, errno))")
        }
    }

    /// Files are read at every connection: a renewed password or token needs no restart.
    private func setCredentials() throws(Refusal) {
        var user = broker.user
        var file = broker.passwordFile
        if let token = broker.tokenFile {
            user = "oauthtoken"
            file = token
        }
        guard let user, let file else { return }
        var secret: [UInt8]
        do throws(SystemError) { secret = try readFile(file, limit: 64 << 10) } catch {
            throw Refusal(text: "\(file) cannot be read: \(error.reason)")
        }
        while let last = secret.last, last == 0x0A || last == 0x0D { secret.removeLast() }
        if secret.isEmpty { throw Refusal(text: "\(file) is empty") }
        try check(
            unsafe mosquitto_username_pw_set(handle, user, String(decoding: secret, as: UTF8.self)), "user and password"
        )
    }

    private func setTLS() throws(Refusal) {
        guard let tls = broker.tls else { return }
        // libmosquitto says only "invalid" for a file it cannot open; the name and the reason help more.
        for file in [tls.authorityFile, tls.certificateFile, tls.keyFile] {
            guard let file else { continue }
            do throws(SystemError) { _ = try FileDescriptor.open(file, O_RDONLY) } catch {
                throw Refusal(text: "\(file) cannot be read: \(error.reason)")
            }
        }
        try check(
            unsafe mosquitto_tls_set(handle, tls.authorityFile, nil, tls.certificateFile, tls.keyFile, nil), "tls")
        // 1: the broker's certificate is verified, always.
        try check(unsafe mosquitto_tls_opts_set(handle, 1, nil, nil), "tls")
    }

    /// The library numbers from 1 in every handle. A broker that still holds a QoS 2 message of our last
    /// life under the same number would take a new one for its repetition and drop it; so each life
    /// starts at a number of its own. A QoS 0 message without a connection takes a number and goes nowhere.
    private func skipNumbers(_ count: Int) {
        for _ in 0..<count { _ = unsafe mosquitto_publish(handle, nil, "skip", 0, nil, 0, false) }
    }

    private func setCallbacks() {
        unsafe mosquitto_connect_with_flags_callback_set(handle) { _, context, code, flags in
            unsafe BrokerConnection.from(context)?.answered(code, flags)
        }
        unsafe mosquitto_log_callback_set(handle) { _, context, level, text in
            guard level == Int32(MOSQ_LOG_ERR), let text = unsafe text else { return }
            unsafe BrokerConnection.from(context)?.complaint = String(cString: text)
        }
        unsafe mosquitto_disconnect_callback_set(handle) { _, context, reason in
            unsafe BrokerConnection.from(context)?.ended(reason)
        }
        unsafe mosquitto_publish_callback_set(handle) { _, context, number in
            unsafe BrokerConnection.from(context)?.acknowledged.append(number)
        }
        unsafe mosquitto_message_callback_set(handle) { _, context, message in
            guard let message = unsafe message?.pointee else { return }
            unsafe BrokerConnection.from(context)?.take(message)
        }
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> BrokerConnection? {
        unsafe context.map { unsafe Unmanaged<BrokerConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: - What the library tells

    private func answered(_ code: Int32, _ flags: Int32) {
        if code == 0 {
            isSessionPresent = flags & 1 == 1
            state = .connected
        } else {
            state = .failed(unsafe "the broker refused: " + String(cString: mosquitto_connack_string(code)))
        }
    }

    private func ended(_ reason: Int32) {
        if case .failed = state { return }
        state = .failed(reason == 0 ? "disconnected" : explained(BrokerConnection.text(reason, 0)))
    }

    private func take(_ message: mosquitto_message) {
        let count = unsafe Int(message.payloadlen)
        guard received.count < BrokerConnection.incomingCountMax, count <= BrokerConnection.incomingBytesMax,
            let topic = unsafe message.topic
        else {
            receivedAndDropped += 1
            return
        }
        let payload = unsafe UnsafeRawBufferPointer(start: message.payload, count: count)
        received.append(
            unsafe IncomingMessage(topic: String(cString: topic), payload: Array(payload), isRetained: message.retain))
    }

    // MARK: - The owner's side

    var descriptor: Int32? {
        let raw = unsafe mosquitto_socket(handle)
        return raw >= 0 ? raw : nil
    }

    var wantsWrite: Bool { unsafe mosquitto_want_write(handle) }
    var canTake: Bool { state == .connected && !wantsWrite }

    func readable() {
        var code: Int32 = 0
        fail(unsafe cm_read(handle, &code), code)
    }

    func writable() {
        var code: Int32 = 0
        fail(unsafe cm_write(handle, &code), code)
    }

    /// Keep-alive; at least once a second.
    func housekeeping() { fail(unsafe mosquitto_loop_misc(handle), 0) }

    func publish(_ message: OutgoingMessage) -> Int32? {
        guard canTake else { return nil }
        var number: Int32 = 0
        let result = unsafe mosquitto_publish(
            handle, &number, message.topic, Int32(message.payload.count), message.payload, message.qos,
            message.retain)
        return result == MOSQ_ERR_SUCCESS.rawValue ? number : nil
    }

    func subscribe(_ topic: String, qos: Int32) {
        fail(unsafe mosquitto_subscribe(handle, nil, topic, qos), 0)
    }

    /// A clean end: the broker does not send the last will.
    func disconnect() { _ = unsafe mosquitto_disconnect(handle) }

    func takeAcknowledged() -> [Int32] {
        defer { acknowledged.removeAll(keepingCapacity: true) }
        return acknowledged
    }

    func takeReceived() -> [IncomingMessage] {
        defer { received.removeAll(keepingCapacity: true) }
        return received
    }

    private func fail(_ result: Int32, _ code: Int32) {
        if result == MOSQ_ERR_SUCCESS.rawValue { return }
        if case .failed = state { return }
        state = .failed(explained(BrokerConnection.text(result, code)))
    }

    private func explained(_ text: String) -> String { complaint.map { "\(text) (\($0))" } ?? text }

    private static func text(_ result: Int32, _ code: Int32) -> String {
        if result == MOSQ_ERR_ERRNO.rawValue { return SystemError.text(of: code) }
        return unsafe String(cString: mosquitto_strerror(result))
    }
}
