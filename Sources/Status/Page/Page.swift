internal import HTTP
internal import Platform

/// The technician's page: one document without anything from elsewhere, so that it works on a laptop
/// plugged into the container.
struct Page {
    let plain: Rendered
    let packed: Rendered
    /// Only this page's own script and style run, and it talks to nobody but this server.
    let policy: String

    /// Made for the first who asks: nobody looks at most containers for months.
    static let shared = Page()

    private init() {
        let texts = "\"use strict\";\nconst TEXTS = \(PageTexts.json);\n"
        let script = texts + PageMimic.javascript + PageScript.javascript
        let style = PageStyle.css
        let bytes = Array(Page.markup(script, style).utf8)
        let mark = hexText(sha256(bytes).prefix(8))
        plain = Rendered(bytes, etag: "\"page-\(mark)\"")
        packed = Rendered(gzip(bytes) ?? bytes, etag: "\"page-\(mark)-gzip\"")
        policy =
            "default-src 'none'; script-src 'sha256-\(base64(sha256(Array(script.utf8))))'; "
            + "style-src 'sha256-\(base64(sha256(Array(style.utf8))))'; connect-src 'self'; img-src data:; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }

    private static func markup(_ script: String, _ style: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>mdc-agent</title><link rel="icon" href="data:,">
        <style>\(style)</style></head><body>
        <header><h1 id="title">mdc-agent</h1><span id="health" class="pill idle" data-t="starting"></span>
        <span id="posture" class="pill idle"></span><span id="arming" class="pill idle"></span>
        <span id="reason" class="reason"></span>
        <div class="tools"><span id="link" class="pill idle" role="status"></span>
        <button id="language" data-t="language"></button><button id="theme" data-t="theme"></button></div></header>
        <main>
        <section id="mimic"><div id="drawing"></div></section>
        <div id="side">
        <section><h2 data-t="alarms"></h2><ul id="alarms" aria-live="polite"></ul></section>
        <section><h2 data-t="events"></h2><ul id="events"></ul></section>
        </div>
        <section><h2 data-t="trends"></h2><div id="trends"></div></section>
        <section><h2 data-t="points"></h2><input id="filter" autocomplete="off" spellcheck="false">
        <div class="scroll"><table><thead><tr><th data-t="name"></th><th class="value" data-t="value"></th>
        <th data-t="quality"></th><th data-t="age"></th></tr></thead><tbody id="points"></tbody></table></div>
        <p id="more" class="meta"></p></section>
        </main>
        <footer class="meta" id="tls"></footer>
        <div id="message" role="alert" hidden></div>
        <script>\(script)</script></body></html>

        """
    }
}

func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        var bits: UInt32 = 0
        for index in 0..<3 { bits = bits << 8 | (index < group.count ? UInt32(group[start + index]) : 0) }
        for index in 0..<4 {
            let isFilled = index <= group.count
            out.append(isFilled ? letters[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
        }
    }
    return String(decoding: out, as: UTF8.self)
}
