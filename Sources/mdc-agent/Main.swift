internal import Glibc
internal import Agent

@main
enum Main {
    static func main() { exit(Program.main(CommandLine.arguments)) }
}
