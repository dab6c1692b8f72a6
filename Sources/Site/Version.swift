/// The one place that says which release this is.
public let agentVersion = "0.1.0"
