internal import Platform
internal import Profiles
internal import Site
internal import Status

/// `fingerprint`: by what a technician knows that a browser talks to this container and to nobody else.
enum FingerprintCommand {
    static let all = [fingerprint]

    static let fingerprint = Command(
        "fingerprint", summary: "SHA-256 of the certificate on the TLS address",
        discussion: """
            A container makes its own certificate at first start, which no browser knows. Compare this line with
            what the browser shows (View certificate, SHA-256), once; then trust it. Works without a running
            agent for whoever may read the certificate.
            """
    ) { invocation in
        let client = AgentClient(socketPath: invocation.socketPath)
        let told = (try? client.getJSON("/v1/status"))?["tls"]?["sha256"]?.string
        guard let text = told ?? fromFile(invocation) else {
            invocation.console.trouble(
                "no certificate: this container has no TLS address, or nobody has started the agent",
                remedy: "add status.secure.listen to the site file, then: systemctl reload mdc-agent")
            return .noInput
        }
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.field("sha256", text)
                writer.endObject()
            }
        } else {
            invocation.console.line("SHA-256 " + text)
        }
        return .healthy
    }

    private static func fromFile(_ invocation: Invocation) -> String? {
        guard
            let plan = try? SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder),
            let secure = plan.status.secure
        else { return nil }
        return OwnCertificate.fingerprint(secure.certificatePath(stateFolder: plan.journal.folder))
    }
}
