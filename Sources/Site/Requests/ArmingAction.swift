public import Platform

extension ArmingRequest {
    /// The actions that people and programs may ask the agent for by name (POST /v1/actions/NAME).
    public static let actionNames = ["arm", "disarm", "bypass", "unbypass", "walk-test"]

    /// What such an action asks; nil where the body does not say it.
    /// arm {"state": "stay" or "away"}, bypass and unbypass {"zone": NAME}, walk-test {"on": true or false}.
    public init?(action: String, _ body: JSON) {
        switch action {
        case "arm":
            switch body["state"]?.string ?? "away" {
            case "stay": self = .arm(.stay)
            case "away": self = .arm(.away)
            default: return nil
            }
        case "disarm": self = .disarm
        case "bypass":
            guard let zone = body["zone"]?.string else { return nil }
            self = .bypass(zone: zone)
        case "unbypass":
            guard let zone = body["zone"]?.string else { return nil }
            self = .unbypass(zone: zone)
        case "walk-test":
            guard let on = body["on"]?.bool else { return nil }
            self = .walkTest(on)
        default: return nil
        }
    }
}
