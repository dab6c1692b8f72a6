internal import Platform

/// The commands as bash, zsh and fish want to be told them. Everything is written into the script: a shell
/// completes without starting the program.
struct CompletionScript {
    private let commands: [Command]

    init(_ commands: [Command]) { self.commands = commands }

    /// Every beginning of a command with the words that may follow it: "" -> run, serve, ...; "modbus" -> scan, ...
    private var families: [(path: String, next: [(word: String, summary: String)])] {
        var order: [String] = [""]
        var next: [String: [(word: String, summary: String)]] = [:]
        for command in commands {
            for depth in command.path.indices {
                let path = command.path[..<depth].joined(separator: " ")
                if next[path] == nil, depth > 0 { order.append(path) }
                if next[path, default: []].contains(where: { $0.word == command.path[depth] }) { continue }
                let isWhole = depth == command.path.count - 1
                let family = commands.filter { $0.path.starts(with: command.path[...depth]) }.map(\.path.last)
                let summary = isWhole ? command.summary : family.compactMap { $0 }.joined(separator: ", ")
                next[path, default: []].append((command.path[depth], summary))
            }
        }
        return order.map { ($0, next[$0] ?? []) }
    }

    private func options(_ path: String) -> [Command.Option] {
        (commands.first { $0.name == path }?.options ?? []) + Command.commonOptions
    }

    /// Where a file or a folder is asked for, the shell's own completion knows best.
    private var fileOptions: [String] {
        let all = commands.flatMap(\.options) + Command.commonOptions
        let files = all.filter { ["FILE", "PATH", "FOLDER"].contains($0.valueName ?? "") }.map(\.name)
        return Array(Set(files)).sorted()
    }
    private var valueOptions: [String] {
        let all = commands.flatMap(\.options) + Command.commonOptions
        return Array(Set(all.filter { $0.valueName != nil }.map(\.name))).subtracting(fileOptions).sorted()
    }

    /// All paths, the longest first, so that the first that fits is the right one.
    private var paths: [String] {
        let all = Set(families.map(\.path) + commands.map(\.name))
        return all.sorted { ($0.split(separator: " ").count, $1) > ($1.split(separator: " ").count, $0) }
    }

    private func words(_ path: String) -> [String] {
        (families.first { $0.path == path }?.next ?? []).map(\.word)
    }

    /// What follows the program's name up to here, without options and their values: in `told`.
    private var collecting: String {
        """
            local told="" word skip=""
            for word in "${before[@]}"; do
                if [[ -n $skip ]]; then skip=""; continue; fi
                case $word in
                    \((fileOptions + valueOptions).joined(separator: "|"))) skip=1 ;;
                    -*) ;;
                    *) told+=" $word" ;;
                esac
            done
        """
    }

    var bash: String {
        let rows = paths.map { path in
            let found = (words(path) + options(path).map(\.name)).joined(separator: " ")
            return "        \"\(path.isEmpty ? "" : " " + path)\"*) found=\"\(found)\" ;;"
        }
        return """
            # bash completion of mdc-agent, made by 'mdc-agent completion bash'
            _mdc_agent() {
                local now=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} found=""
                local before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
                case $last in
                    \(fileOptions.joined(separator: "|"))) COMPREPLY=($(compgen -f -- "$now")); return ;;
                    \(valueOptions.joined(separator: "|"))) COMPREPLY=(); return ;;
                esac
            \(collecting)
                case $told in
            \(rows.joined(separator: "\n"))
                esac
                COMPREPLY=($(compgen -W "$found" -- "$now"))
            }
            complete -o default -F _mdc_agent mdc-agent

            """
    }

    var zsh: String {
        func described(_ word: String, _ summary: String) -> String {
            "'\(word):\(summary.replacing("'", with: "'\\''").replacing(":", with: "\\:"))'"
        }
        let rows = paths.map { path in
            let next = (families.first { $0.path == path }?.next ?? []).map { described($0.word, $0.summary) }
            let options = options(path).map { described($0.name, $0.summary) }
            return "        \"\(path.isEmpty ? "" : " " + path)\"*) next=(\(next.joined(separator: " ")))\n"
                + "            options=(\(options.joined(separator: " "))) ;;"
        }
        return """
            #compdef mdc-agent
            # zsh completion of mdc-agent, made by 'mdc-agent completion zsh'
            _mdc_agent() {
                local -a next options before
                before=("${(@)words[2,CURRENT-1]}")
                case ${words[CURRENT-1]} in
                    \(fileOptions.joined(separator: "|"))) _files; return ;;
                    \(valueOptions.joined(separator: "|"))) return ;;
                esac
            \(collecting)
                case $told in
            \(rows.joined(separator: "\n"))
                esac
                if [[ ${words[CURRENT]} == -* ]] || (( ! $#next )); then
                    _describe -o option options
                else
                    _describe command next
                fi
            }
            if [[ $funcstack[1] == _mdc_agent ]]; then _mdc_agent "$@"; else compdef _mdc_agent mdc-agent; fi

            """
    }

    var fish: String {
        func quoted(_ text: String) -> String {
            "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        }
        var lines: [String] = []
        for family in families {
            for next in family.next {
                lines.append(
                    "complete -c mdc-agent -f -n \"__mdc_agent_at '\(family.path)'\" -a \(quoted(next.word)) "
                        + "-d \(quoted(next.summary))")
            }
        }
        func option(_ option: Command.Option, _ condition: String) -> String {
            let takes = option.valueName == nil ? "" : fileOptions.contains(option.name) ? " -r -F" : " -x"
            return
                "complete -c mdc-agent\(condition) -l \(option.name.dropFirst(2))\(takes) -d \(quoted(option.summary))"
        }
        for command in commands {
            for own in command.options {
                lines.append(option(own, " -n \"__mdc_agent_at '\(command.name)' more\""))
            }
        }
        for common in Command.commonOptions { lines.append(option(common, "")) }
        return """
            # fish completion of mdc-agent, made by 'mdc-agent completion fish'
            function __mdc_agent_at
                set -l told
                set -l skip 0
                for word in (commandline -opc)[2..]
                    if test $skip = 1
                        set skip 0
                        continue
                    end
                    switch $word
                        case \((fileOptions + valueOptions).joined(separator: " "))
                            set skip 1
                        case '-*'
                        case '*'
                            set -a told $word
                    end
                end
                set -l path (string join ' ' $told)
                if test "$argv[2]" = more
                    string match -q -- "$argv[1]*" "$path"
                else
                    test "$path" = "$argv[1]"
                end
            end
            \(lines.joined(separator: "\n"))

            """
    }
}

extension Array where Element: Hashable {
    fileprivate func subtracting(_ others: [Element]) -> [Element] { filter { !others.contains($0) } }
}
