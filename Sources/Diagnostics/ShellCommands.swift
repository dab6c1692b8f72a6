internal import Platform

/// `completion` and `manual`: the command table, told to a shell and to man(1).
enum ShellCommands {
    static let all = [completion, manual]

    static let completion = Command(
        ["completion"], "What a shell needs to complete these commands",
        """
        Prints the script for bash, zsh or fish; the packages put it in place. By hand, for one session:
          bash: source <(mdc-agent completion bash)
          zsh:  source <(mdc-agent completion zsh)
          fish: mdc-agent completion fish | source
        """,
        [.init("SHELL", "bash, zsh or fish")], []
    ) { invocation, table in
        let script = CompletionScript(table.commands)
        let text: String
        switch invocation.arguments[0] {
        case "bash": text = script.bash
        case "zsh": text = script.zsh
        case "fish": text = script.fish
        default:
            invocation.console.trouble(
                "no completion for '\(invocation.arguments[0])'", remedy: "there is: bash, zsh, fish")
            return .usage
        }
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.field("shell", invocation.arguments[0])
                writer.field("script", text)
                writer.endObject()
            }
        } else {
            invocation.console.raw(text)
        }
        return .healthy
    }

    static let manual = Command(
        ["manual"], "The manual pages of these commands",
        """
        Writes one page for each command, and mdc-agent(8) for all, into FOLDER; without it prints
        mdc-agent(8). Read one by hand: mdc-agent manual | man -l -
        """,
        [.init("FOLDER", "where the pages go", isOptional: true)], []
    ) { invocation, table in
        let pages = ManualPages(table)
        guard let folder = invocation.arguments.first else {
            invocation.console.raw(pages.overview)
            return .healthy
        }
        do throws(SystemError) {
            try makeFolder(folder)
            let all = [(name: "mdc-agent", text: pages.overview)] + pages.each
            for page in all { try replaceFile(folder + "/\(page.name).8", Array(page.text.utf8)) }
            if invocation.wantsJSON {
                invocation.console.json { writer in
                    writer.beginObject()
                    writer.beginArray("pages")
                    for page in all { writer.value(page.name) }
                    writer.endArray()
                    writer.endObject()
                }
            }
            return .healthy
        } catch {
            invocation.console.trouble("manual: \(error)", remedy: "name a folder that you may write to")
            return error.code == 13 ? .noPermission : .fault
        }
    }
}
