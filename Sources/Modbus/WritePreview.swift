internal import Platform
internal import Site

/// What a write would send, for people to look at before they say yes.
struct WritePreview: Equatable, Sendable {
    /// One line per request, in order.
    var requests: [String] = []
    var readBack = ""
    /// What stands there now, as far as that can be read.
    var current: Double?
    /// Why it would not be done at all.
    var refused: String?

    var json: [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.beginArray("requests")
        for request in requests { writer.value(request) }
        writer.endArray()
        writer.field("readback", readBack)
        writer.field("current", current)
        writer.field("refused", refused)
        writer.endObject()
        return writer.bytes
    }
}

extension BusEngine {
    /// What the site file forbids; the guard looks at it again, and at rates and interlocks, before anything is sent.
    static func objection(to value: Double, _ point: EquipmentPoint, ofSiteFor unit: ModbusUnit) -> String? {
        guard let allowed = unit.writable.first(where: { $0.path == point.path }) else {
            return "the site file does not allow it (under unit \(unit.name): 'write: {\(point.path): {}}')"
        }
        guard let limits = allowed.limits, !limits.contains(value) else { return nil }
        return "\(value) is outside the site file's \(limits.lowerBound) to \(limits.upperBound) \(point.unit.rawValue)"
    }

    func preview(_ name: String, _ value: Double) -> WritePreview {
        var preview = WritePreview()
        guard let (unit, index) = find(name) else {
            preview.refused = "no point '\(name)' on bus \(bus.name)"
            return preview
        }
        let point = unit.plan.points[index]
        guard let rule = point.write else {
            preview.refused = "its map does not say that it can be written"
            return preview
        }
        preview.refused =
            BusEngine.objection(to: value, point, rule) ?? BusEngine.objection(to: value, point, ofSiteFor: unit.plan)
        if preview.refused == nil, ensureOpen() {
            do throws(EncodingFault) {
                let (registers, address) = try prepare(unit, index, rule, value)
                preview.requests = BusEngine.requests(for: registers, point, rule, address: address).map(\.words)
            } catch { preview.refused = error.text }
        }
        if let id = unit.ids[index] { preview.current = board.reading(id, at: time.now().monotonic).goodNumber }
        let wait = rule.settle > .zero ? "after \(rule.settle.wholeMilliseconds) ms " : ""
        switch rule.readBack {
        case .sameRegister: preview.readBack = wait + "the same register must read the same"
        case .register(let table, let address):
            preview.readBack = wait + "\(table.rawValue) \(address) must read the same"
        case .effect(let table, let address, _): preview.readBack = wait + "\(table.rawValue) \(address) must show it"
        case .none: preview.readBack = "nothing on this machine shows whether it was done"
        }
        return preview
    }
}
